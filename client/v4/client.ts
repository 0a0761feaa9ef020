/**
 * The client of protocol 4: one connection, over which it uploads, downloads, lists and changes files.
 *
 * @module
 */
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import { linkTarget, MAX_LINK_TARGET } from "../../protocol/entry.ts";
import { endsAll, ProtocolError, UnconfirmedError, XferError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { type RetryOptions, withRetries } from "../net/retry.ts";
import type { SourceEntry } from "../local/source_entry.ts";
import { readChunks, type Wanted, type WriteChunk } from "./chunk_download.ts";
import type { DiscoveredServer } from "./discover.ts";
import {
  isAfter,
  isOlder,
  type ListOptions,
  MAX_LISTED,
  MAX_VERSIONS,
  readListing,
  type TakeFile,
} from "./listing.ts";
import { explainDamage } from "./recheck.ts";
import { sendAttributes } from "./update_attributes.ts";
import { Upload } from "./upload.ts";
import { Bound, checkAsked, type RemoteFile } from "./remote_file.ts";
import { WorkQueue } from "./work_queue.ts";
import type { Message, MessageOf } from "../../protocol/v4/messages.ts";
import { isToken } from "../../protocol/v4/token.ts";
import { type ClientSession, openSession } from "./session.ts";
import type { ConnectOptions } from "./connect_options.ts";
import type { V4Event } from "../events.ts";
import { PutPipeline } from "./put_pipeline.ts";

/** A token that links another machine to the account. */
export interface LinkToken {
  /** 26 characters; valid once. */
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** The number of entries that a request changed, and their bytes. */
export type Changed = Pick<MessageOf<"changed">, "entries" | "bytes">;

/**
 * The usage of an account: its `entries`, their `bytes`, and `historyBytes` of old versions. Its quota: `quotaEntries` and
 * `quotaBytes`, `undefined` for none. `historyTime`: how long old versions are kept, in milliseconds; 0 if they are not.
 */
export type AccountUsage = Omit<MessageOf<"totals">, "kind" | "tag">;

/**
 * A signed-in connection over protocol 4.
 *
 * @example List the files on a server
 * ```ts
 * import assert from "node:assert/strict";
 * import { Server, V4Client } from "@xfer/xfer";
 *
 * const folder = await Deno.makeTempDir();
 * await using server = await Server.start({
 *   listen: [{ hostname: "127.0.0.1", port: 0 }],
 *   tlsListen: { hostname: "127.0.0.1", port: 0 },
 *   dataFolder: `${folder}/data`,
 * });
 * using client = await V4Client.connect({
 *   server: server.address,
 *   userName: "Alice",
 *   identityFolder: folder,
 *   onNewServer: (fingerprint) => fingerprint.startsWith("SHA256:"),
 * });
 * const names: string[] = [];
 * await client.list("", ({ name }) => names.push(name));
 * assert.deepEqual(names, []);
 * ```
 */
export class V4Client implements Disposable {
  readonly #session: ClientSession;
  readonly #onEvent: (event: V4Event) => void;

  private constructor(session: ClientSession, options: ConnectOptions) {
    this.#session = session;
    this.#onEvent = options.onEvent ?? (() => undefined);
  }

  /**
   * Connects, verifies the server and signs in; the first time, registers. After an abort, requests that change
   * something on the server get a moment to finish, and all others end at once with `InterruptedError`.
   *
   * Throws `NetworkError` `cannot-connect`, `no-hello`, `no-secure-channel`; `ProtocolError` `protocol-4-not-spoken`;
   * `ConfigurationError` `other-server`, `server-not-trusted`, `server-not-verified`, `other-identity`, `bad-identity`;
   * `RefusedError` if the server refuses the sign-in or the registration.
   */
  static async connect(options: ConnectOptions, found?: DiscoveredServer): Promise<V4Client> {
    return new V4Client(await openSession(options, found), options);
  }

  /** Connects as {@link V4Client.connect} does, with retries after network errors. */
  static connectWithRetries(
    options: ConnectOptions,
    retry: RetryOptions = {},
  ): Promise<V4Client> {
    return withRetries(() => V4Client.connect(options), retry, options);
  }

  /** @internal */
  get session(): ClientSession {
    return this.#session;
  }

  /** Whether the connection has ended. */
  get hasEnded(): boolean {
    return this.#session.mux.hasEnded;
  }

  /**
   * Uploads files. `onResult` is called with the POSIX cksum of each, or with the reason why it is not stored. Throws
   * the error that ended the connection. Files without a result, or with an `UnconfirmedError`, can then be put again.
   *
   * @internal
   */
  async put(
    files: readonly { readonly file: SourceEntry; readonly name?: string }[],
    onResult: (file: SourceEntry, result: number | Error) => void,
  ): Promise<void> {
    const queue = new WorkQueue(files.map(({ file, name }) => new Upload(file, name)));
    const pipeline = new PutPipeline(
      this.#session,
      this.#onEvent,
      ({ file }, result) => onResult(file, result instanceof Error ? result : result.cksum),
    );
    try {
      await pipeline.run(queue);
    } catch (error) {
      for (const { file, isUnconfirmed } of queue.drain()) {
        if (isUnconfirmed && error instanceof XferError) onResult(file, unconfirmed(file, error));
      }
      throw error;
    }
  }

  /**
   * Reads a file, or the chunks that contain a range of it, and verifies each chunk before it calls `write`. Throws
   * `RefusedError` `no-such-file`, `damaged`; `IntegrityError` for a damaged chunk.
   */
  async get(wanted: Wanted, write: WriteChunk): Promise<RemoteFile> {
    try {
      return await readChunks(this.#session.mux, wanted, write);
    } catch (error) {
      throw await explainDamage(error, (work) => work(this.#session.mux));
    }
  }

  /**
   * Returns the properties of a file; of its current version if `version` is 0. Throws `RefusedError` `no-such-file`.
   */
  async stat(name: string, version = 0): Promise<RemoteFile> {
    const { mux } = this.#session;
    const request = { kind: "stat", tag: mux.nextTag(), name, version } as const;
    const file = await mux.askFor(request, "file");
    checkAsked(file, request);
    return file;
  }

  /**
   * Calls `take` with each entry whose name begins with `prefix`, sorted by name (UTF-8 of the NFC). Throws
   * `ProtocolError` `too-many-files` for more than `max`; without `takeDamaged`, `RefusedError` `damaged` at the end if
   * files are damaged.
   */
  list(
    prefix: string,
    take: TakeFile,
    { scope = "below", max = MAX_LISTED, takeDamaged }: ListOptions = {},
  ): Promise<void> {
    const { mux } = this.#session;
    const expected = { prefix, isOneLevel: scope === "level" };
    const count = new Bound(max, "files");
    const listing = { expected, isAfter, count, take, takeDamaged };
    return readListing(mux, { kind: "list", tag: mux.nextTag(), prefix, scope }, listing);
  }

  /**
   * Calls `take` with the current version of a file and each earlier one, newest first. Throws `RefusedError`
   * `no-such-file`, and otherwise as {@link V4Client.list} does.
   */
  versions(
    name: string,
    take: TakeFile,
    { max = MAX_VERSIONS, takeDamaged }: Omit<ListOptions, "scope"> = {},
  ): Promise<void> {
    const { mux } = this.#session;
    const count = new Bound(max, "versions");
    const listing = { expected: { name }, isAfter: isOlder, count, take, takeDamaged };
    return readListing(mux, { kind: "versions", tag: mux.nextTag(), name }, listing);
  }

  /** Reads the target of a symbolic link. Throws `RefusedError` `no-such-file`; `ProtocolError` `unexpected-answer`. */
  async readLink(name: string, version = 0): Promise<string> {
    const chunks: Bytes[] = [];
    const file = await this.get(
      { name, version, to: MAX_LINK_TARGET },
      (chunk) => Promise.resolve(void chunks.push(chunk.slice())),
    );
    const target = file.entry === "link" ? linkTarget(concatBytes(...chunks)) : undefined;
    if (target !== undefined) return target;
    throw new ProtocolError("unexpected-answer", `${printable(name)} is not a link on the server`);
  }

  /**
   * Changes the mode and the time of a version, if it is the current one. Throws `RefusedError` `file-changed` if not,
   * `no-such-file`; `UnconfirmedError`.
   */
  async update(
    name: string,
    version: number,
    { mode, mtime }: Pick<RemoteFile, "mode" | "mtime">,
  ): Promise<void> {
    const { mux } = this.#session;
    const update = () => sendAttributes(mux, name, version, { mode, mtime });
    await this.#change(update, `${printable(name)} was updated`);
  }

  /**
   * Removes an entry; a folder only if it is empty or `recursive`. It can be restored unless `forever`, which also
   * deletes its versions, and those of a name that was removed before. Throws `RefusedError` `no-such-file`,
   * `not-empty`; `UnconfirmedError`.
   */
  remove(name: string, { recursive = false, forever = false } = {}): Promise<Changed> {
    const [tag, flags] = [
      this.#session.mux.nextTag(),
      { recursive: Number(recursive), forever: Number(forever) },
    ];
    const request = { kind: "remove", tag, name, ...flags } as const;
    return this.#changed(request, `${printable(name)} was removed`);
  }

  /**
   * Renames an entry with its versions, and everything in a folder. Throws `RefusedError` `no-such-file`,
   * `file-exists`; `UnconfirmedError`.
   */
  rename(oldName: string, newName: string): Promise<Changed> {
    const tag = this.#session.mux.nextTag();
    const request = { kind: "rename", tag, oldName, newName } as const;
    return this.#changed(request, `${printable(oldName)} was renamed`);
  }

  /**
   * Makes an earlier version of a file the current one, by default the latest; of a folder, everything that was removed
   * from it, or only `since` a time in milliseconds since the epoch. Throws `RefusedError` `no-such-file`,
   * `over-limit`; `UnconfirmedError`.
   */
  restore(name: string, { version = 0, since = 0 } = {}): Promise<Changed> {
    const tag = this.#session.mux.nextTag();
    const request = { kind: "restore", tag, name, version, since } as const;
    return this.#changed(request, `${printable(name)} was restored`);
  }

  /** Returns what the account has stored, and its quota. */
  async usage(): Promise<AccountUsage> {
    const { mux } = this.#session;
    return await mux.askFor({ kind: "usage", tag: mux.nextTag() }, "totals");
  }

  /** Creates a link token, with which another machine can join the account once. */
  async link(): Promise<LinkToken> {
    const { mux } = this.#session;
    const request = { kind: "link", tag: mux.nextTag() } as const;
    const { token, expiresAt } = await mux.gracefulAbort.critical(() =>
      mux.askFor(request, "token")
    );
    if (isToken(token)) return { token, expiresAt };
    throw new ProtocolError("bad-token", "the server sent an invalid link token");
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    this.#session.mux[Symbol.dispose]();
  }

  #changed(request: Message, what: string): Promise<Changed> {
    return this.#change(() => this.#session.mux.askFor(request, "changed"), what);
  }

  /** Sends a request that changes something. If the answer is lost, it may have been carried out. */
  async #change<T>(ask: () => Promise<T>, what: string): Promise<T> {
    const { mux } = this.#session;
    return await mux.gracefulAbort.critical(() =>
      ask().catch((cause) => {
        if (!(cause instanceof XferError) || !endsAll(cause)) throw cause;
        throw new UnconfirmedError(
          "not-confirmed",
          `cannot tell whether ${what}: ${cause.message}`,
          { hint: "To see your files, run 'xfer client list'.", cause },
        );
      })
    );
  }
}

/** An unanswered request may have been carried out. */
function unconfirmed({ path }: SourceEntry, cause: XferError): UnconfirmedError {
  const message = `cannot tell whether ${printable(path)} was stored: ${cause.message}`;
  return new UnconfirmedError(cause.code, message, { cause });
}
