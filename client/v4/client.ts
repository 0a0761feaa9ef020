/**
 * The client of protocol 4: one connection, over which it uploads, downloads, lists and changes files.
 *
 * @module
 */
import { endsAll, ProtocolError, UnconfirmedError, XferError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { type RetryOptions, withRetries } from "../net/retry.ts";
import type { SourceFile } from "../local/source_file.ts";
import { readChunks, type Wanted, type WriteChunk } from "./chunk_download.ts";
import type { DiscoveredServer } from "./discover.ts";
import { unexpected } from "./errors.ts";
import { Upload } from "./upload.ts";
import {
  Bound,
  checkAsked,
  type DamagedFile,
  DamagedFiles,
  type ExpectedFile,
  type ListingHandlers,
  type RemoteFile,
} from "./remote_file.ts";
import { WorkQueue } from "./work_queue.ts";
import type { Message } from "../../protocol/v4/messages.ts";
import { isToken } from "../../protocol/v4/token.ts";
import { type ClientSession, openSession } from "./session.ts";
import type { ConnectOptions } from "./connect_options.ts";
import type { V4Event } from "../events.ts";
import { PutPipeline } from "./put_pipeline.ts";

/** Called with each listed file. */
export type TakeFile = (file: RemoteFile) => void;
/** Called with each damaged file. Without it, damaged files fail the request once all others were reported. */
export type TakeDamaged = ((file: DamagedFile) => void) | undefined;

/** A token that links another machine to the account. */
export interface LinkToken {
  /** 26 characters; valid once. */
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** The most files of one list, because a list must end. */
export const MAX_LISTED = 10_000_000;
/** The most versions of one file: one for each half minute of a year. */
export const MAX_VERSIONS = 1_000_000;

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
    files: readonly { readonly file: SourceFile; readonly name?: string }[],
    onResult: (file: SourceFile, result: number | Error) => void,
  ): Promise<void> {
    const queue = new WorkQueue(files.map(({ file, name }) => new Upload(file, name)));
    const pipeline = new PutPipeline(
      this.#session,
      this.#onEvent,
      ({ file }, result) => onResult(file, result),
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
  get(wanted: Wanted, write: WriteChunk): Promise<RemoteFile> {
    return readChunks(this.#session.mux, wanted, write);
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
   * Calls `take` with each file whose name begins with `prefix`, sorted by name (UTF-8). Throws `ProtocolError`
   * `too-many-files` for more than `max`; without `takeDamaged`, `RefusedError` `damaged` at the end if files are
   * damaged.
   */
  list(
    prefix: string,
    take: TakeFile,
    max = MAX_LISTED,
    takeDamaged?: TakeDamaged,
  ): Promise<void> {
    const tag = this.#session.mux.nextTag();
    const count = new Bound(max, "files");
    return this.#each({ kind: "list", tag, prefix, scope: "below" } as const, { prefix }, count, {
      take,
      takeDamaged,
    });
  }

  /**
   * Calls `take` with the current version of a file and each old version, newest first. Throws `RefusedError`
   * `no-such-file`, and otherwise as {@link V4Client.list} does.
   */
  versions(
    name: string,
    take: TakeFile,
    max = MAX_VERSIONS,
    takeDamaged?: TakeDamaged,
  ): Promise<void> {
    const tag = this.#session.mux.nextTag();
    const count = new Bound(max, "versions");
    return this.#each({ kind: "versions", tag, name }, { name }, count, { take, takeDamaged });
  }

  /** Removes a file with all its versions. Throws `RefusedError` `no-such-file`, `UnconfirmedError`. */
  async remove(name: string): Promise<void> {
    const tag = this.#session.mux.nextTag();
    await this.#change(
      { kind: "remove", tag, name, recursive: 0, forever: 0 },
      `${printable(name)} was removed`,
    );
  }

  /** Renames a file. Throws `RefusedError` `no-such-file`, `file-exists`; `UnconfirmedError`. */
  async rename(oldName: string, newName: string): Promise<void> {
    const tag = this.#session.mux.nextTag();
    const request = { kind: "rename", tag, oldName, newName } as const;
    await this.#change(request, `${printable(oldName)} was renamed`);
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

  /** Sends a request that changes something. If the answer is lost, it may have been carried out. */
  async #change(request: Message, what: string): Promise<void> {
    const { mux } = this.#session;
    await mux.gracefulAbort.critical(() =>
      mux.askFor(request, "changed").catch((cause) => {
        if (!(cause instanceof XferError) || !endsAll(cause)) throw cause;
        throw new UnconfirmedError(
          "not-confirmed",
          `cannot tell whether ${what}: ${cause.message}`,
          { hint: "To see your files, run 'xfer client list'.", cause },
        );
      })
    );
  }

  /** Sends a request for a list. An error in an answer closes the connection instead of waiting for the rest. */
  async #each(
    request: Message,
    asked: ExpectedFile,
    count: Bound,
    { take, takeDamaged }: ListingHandlers,
  ): Promise<void> {
    const { mux } = this.#session;
    const damaged = new DamagedFiles();
    try {
      await mux.ask(request, (message) => {
        if (message.kind === "done") return true;
        if (message.kind !== "file" && message.kind !== "damaged") throw unexpected(message);
        checkAsked(message, asked);
        count.add();
        if (message.kind === "file") take(message);
        else if (takeDamaged !== undefined) takeDamaged(message);
        else damaged.add(message);
        return false;
      });
      damaged.throwIfAny();
    } catch (error) {
      if (error instanceof ProtocolError) mux[Symbol.dispose]();
      throw error;
    }
  }
}

/** An unanswered request may have been carried out. */
function unconfirmed({ path }: SourceFile, cause: XferError): UnconfirmedError {
  const message = `cannot tell whether ${printable(path)} was stored: ${cause.message}`;
  return new UnconfirmedError(cause.code, message, { cause });
}
