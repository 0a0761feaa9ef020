/** A client of protocol 4 that tracks what the server may have stored of it. */
import assert from "node:assert/strict";
import type { Address } from "../../protocol/address.ts";
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import type { ConnectOptions } from "../../client/v4/connect_options.ts";
import {
  NetworkError,
  ProtocolError,
  RefusedError,
  UnconfirmedError,
} from "../../protocol/errors.ts";
import { V4Client } from "../../client/v4/client.ts";
import { parseFingerprint } from "../../protocol/v4/fingerprint.ts";
import { sendAttributes } from "../../client/v4/update_attributes.ts";
import { ContentsReader } from "../../protocol/v4/contents.ts";
import { MAX_PACKED_SIZE } from "../../protocol/v4/pack.ts";
import { ChunkDigests } from "../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { SourceFile } from "../../client/local/source_file.ts";
import { openSession } from "../../client/v4/session.ts";
import { areEqual, pseudoRandomBytes } from "../support/bytes.ts";
import { Lost, Refused } from "./actor.ts";
import { type Asked, ExpectedState, type FileSet, type Operation } from "./expected_state.ts";
import { FILE_PUT } from "../support/v4/message_fields.ts";
import { sendChunk } from "../support/v4/chunks.ts";
import { fetchOf, packOf, resultsOf } from "../support/v4/records.ts";

/** The wait for an answer, in milliseconds. A normal one arrives within milliseconds. */
const RESPONSE_MS = 20_000;

interface Sending {
  readonly name: string;
  readonly content: Bytes;
}

export class SecureActor {
  readonly name: string;
  /** Whether a refused request counts as not done. */
  readonly #trusting: boolean;
  /** The folder of the identity, and of the files to send. */
  readonly #folder: string;
  readonly #expected: ExpectedState;
  readonly #responseMs: number;
  /** The server's record in known_servers from the first connection. It never changes. */
  #fingerprint: Bytes | undefined;
  #sources = 0;

  /** `folder` exists, and belongs to the actor. */
  constructor(
    name: string,
    folder: string,
    { trusting = true, responseMs = RESPONSE_MS } = {},
  ) {
    this.name = name;
    this.#folder = folder;
    this.#trusting = trusting;
    this.#expected = new ExpectedState(name);
    this.#responseMs = responseMs;
  }

  /** Whether it is known what the server has stored. */
  get isCertain(): boolean {
    return this.#expected.isCertain;
  }

  /** Connects and signs in, and registers if necessary. */
  async enter(address: Address): Promise<V4Client> {
    return await connected(() => V4Client.connect(this.#options(address)));
  }

  /** Stores files at once. After all answers, throws `Refused` if one is a refusal. */
  async store(client: V4Client, files: readonly Sending[]): Promise<void> {
    const sources = await Promise.all(files.map(async ({ name, content }) => {
      const path = `${this.#folder}/source${this.#sources++}`;
      await Deno.writeFile(path, content);
      const operation: Operation = (files) => new Map([...files, [name, content]]);
      const asked = this.#expected.ask([name], operation);
      return { file: await SourceFile.inspect(path), name, asked };
    }));
    const refusals: Error[] = [];
    try {
      await connected(() =>
        client.put(sources, (file, outcome) => {
          const asked = sources.find((source) => source.file === file)?.asked;
          if (typeof outcome === "number") asked?.done();
          else if (outcome instanceof RefusedError) {
            if (this.#trusting) asked?.notDone();
            refusals.push(outcome);
          } else if (!(outcome instanceof UnconfirmedError)) throw outcome;
        })
      );
    } finally {
      for (const { file } of sources) await Deno.remove(file.path);
    }
    if (refusals[0] !== undefined) throw new Refused(refusals[0].message, { cause: refusals[0] });
  }

  /**
   * Stores small files in one pack: the answered ones, or without an answer all or none. After a refusal, throws
   * `Refused`.
   */
  async pack({ session: { mux } }: V4Client, files: readonly Sending[]): Promise<void> {
    const message = packOf(mux.nextTag(), files);
    // A server whose object store fails can store some of them before it says that it is unavailable.
    const alone = this.#trusting ? undefined : files.map((file) => this.#askForOne(file));
    const asked = alone ?? [this.#expected.ask(files.map(({ name }) => name), storing(files))];
    const results = resultsOf(await connected(() => mux.askFor(message, "packed")));
    const isStored = (_: unknown, i: number) => typeof results[i] === "number";
    if (files.every(isStored)) return asked.forEach((one) => one.done());
    if (alone === undefined) asked[0]?.notDone();
    for (const [i, file] of files.entries()) {
      const one = alone?.[i] ?? this.#askForOne(file);
      if (isStored(file, i)) one.done();
      else if (this.#trusting) one.notDone();
    }
    throw new Refused(results.join(", "));
  }

  #askForOne(file: Sending): Asked {
    return this.#expected.ask([file.name], storing([file]));
  }

  /** Changes modes and times, which changes no content. */
  async update({ session: { mux } }: V4Client, names: readonly string[]): Promise<void> {
    await connected(async () => {
      for (const name of names) {
        await sendAttributes(mux, name, 1, { mode: 0o600, mtime: 1n }).catch((error) => {
          // Only the server knows the version.
          if (error.code !== "file-changed" && error.code !== "no-such-file") throw error;
        });
      }
    });
  }

  /** Lists everything. Entries are those that are expected. */
  async list(client: V4Client): Promise<void> {
    const names: string[] = [];
    await connected(() =>
      client.list("", ({ name, entry }) => void (entry === "file" && names.push(name)))
    );
    assert.deepEqual(names.sort(), this.#expected.names.sort(), `${this.name} listed`);
  }

  /** Asks whether the server's copy of a chunk is damaged, which it is not. */
  async recheck({ session: { mux } }: V4Client, name: string): Promise<void> {
    const message = { kind: "recheck", tag: mux.nextTag(), name, version: 0, offset: 0 } as const;
    await connected(() =>
      mux.askFor(message, "done").catch((error) => {
        assert.notEqual(error.code, "damaged", `${this.name}/${name} is intact`);
        throw error;
      })
    );
  }

  /** Downloads small files with one request, and compares them with the expected contents. */
  async fetch({ session: { mux } }: V4Client, names: readonly string[]): Promise<void> {
    const expected = names.map((name) => this.#expected.sure(name));
    const message = fetchOf(mux.nextTag(), names.map((name) => [name, 0]));
    let count = 0;
    await connected(() =>
      mux.ask(message, (answer) => {
        if (answer.kind === "done") return true;
        assert.ok(answer.kind === "contents");
        for (const reader = new ContentsReader(answer.bytes); reader.next(); count++) {
          const { isRefused, name, content, code } = reader;
          assert.ok(count < names.length, "no result too many");
          // An injected error can make the server refuse.
          if (isRefused && code !== "no-such-file" && code !== "over-limit") continue;
          const isLarge = (expected[count]?.length ?? 0) > MAX_PACKED_SIZE;
          assert.deepEqual(
            isRefused ? undefined : content.slice(),
            isLarge ? undefined : expected[count],
            names[count],
          );
          assert.equal(isRefused ? names[count] : name, names[count]);
        }
        return false;
      })
    );
    assert.equal(count, names.length);
  }

  /** Stores a file of unknown size, on a connection of its own. */
  async stream(address: Address, name: string, content: Bytes): Promise<void> {
    const stored: Operation = (files) => new Map([...files, [name, content]]);
    await this.#change([name], stored, async () => {
      const { mux } = await openSession(this.#options(address));
      using _closed = mux;
      const tag = mux.nextTag();
      const answer = mux.answerOf(tag, "stored");
      answer.catch(() => undefined);
      await mux.send({ ...FILE_PUT, kind: "put", tag, name, size: undefined, resume: 0 });
      const digests = new ChunkDigests(undefined);
      for (let at = 0; at < content.length; at += CHUNK_SIZE) {
        const chunk = content.slice(at, at + CHUNK_SIZE);
        digests.add(at, chunk);
        await sendChunk(mux, tag, at, chunk);
      }
      digests.complete();
      await mux.send({ kind: "end", tag, ...digests.sums() });
      await answer;
    });
  }

  async remove(client: V4Client, name: string): Promise<void> {
    const without: Operation = (files) => files.has(name) ? omit(files, name) : undefined;
    await this.#change([name], without, () => client.remove(name));
  }

  /** Removes a folder with everything below it: all of it, or nothing. */
  async removeFolder(client: V4Client, folder: string): Promise<void> {
    const names = this.below(folder);
    const without: Operation = (files) => names.reduce(omit, files);
    await this.#change(names, without, () => client.remove(folder, { recursive: true }));
  }

  /** Renames a folder with everything below it: all of it, or nothing. */
  async renameFolder(client: V4Client, from: string, to: string): Promise<void> {
    const names = this.below(from);
    const moved = (name: string) => `${to}${name.slice(from.length)}`;
    const renamed: Operation = (files) =>
      new Map(
        [...files].map(([name, content]) => [names.includes(name) ? moved(name) : name, content]),
      );
    await this.#change([...names, ...names.map(moved)], renamed, () => client.rename(from, to));
  }

  /** Overwrites and removes a folder's files, and restores what was removed: all of it, or nothing. */
  async undo(client: V4Client, folder: string): Promise<void> {
    const files = this.below(folder).map((name) =>
      [name, this.#expected.sure(name) as Bytes] as const
    );
    await this.removeFolder(client, folder);
    // Files that were removed before stay removed.
    let since = 0;
    await connected(() =>
      client.list(`${folder}/`, ({ endedAt }) => void (since = Math.max(since, endedAt)), {
        scope: "removed",
      })
    );
    const names = files.map(([name]) => name);
    const restored: Operation = (others) => new Map([...others, ...files]);
    await this.#change(names, restored, () => client.restore(folder, { since }));
  }

  /** Overwrites a file, and restores its previous content. */
  async overwriteAndUndo(client: V4Client, name: string, content: Bytes): Promise<void> {
    const before = this.#expected.sure(name) as Bytes;
    await this.store(client, [{ name, content }]);
    // The same content makes no version.
    if (areEqual(before, content)) return;
    const restored: Operation = (files) => new Map([...files, [name, before]]);
    await this.#change([name], restored, () => client.restore(name));
  }

  /** The stored names. Every state must be certain. */
  get names(): string[] {
    return this.#expected.names;
  }

  /** Whether the server has a file. Its state must be certain. */
  has(name: string): boolean {
    return this.#expected.sure(name) !== undefined;
  }

  /** The stored names below a folder. Every state must be certain. */
  below(folder: string): string[] {
    return this.names.filter((name) => name.startsWith(`${folder}/`));
  }

  async rename(client: V4Client, from: string, to: string): Promise<void> {
    const renamed: Operation = (files) => {
      const content = files.get(from);
      if (content === undefined || files.has(to)) return undefined;
      return new Map([...omit(files, from), [to, content]]);
    };
    await this.#change([from, to], renamed, () => client.rename(from, to));
  }

  /** Downloads a file and compares it with the expected content. */
  async compare(client: V4Client, name: string): Promise<void> {
    const expected = this.#expected.sure(name);
    const chunks: Bytes[] = [];
    const got = connected(() =>
      client.get({ name }, (chunk) => {
        chunks.push(chunk.slice());
        return Promise.resolve();
      })
    );
    if (expected === undefined) {
      await assert.rejects(got, (error) => error instanceof Refused || error instanceof Lost);
      return;
    }
    await got;
    assert.deepEqual(concatBytes(...chunks), expected, `${this.name}/${name} downloaded`);
  }

  /**
   * Starts an upload on a connection of its own and disconnects. With `resume`, the server may keep the partial upload.
   */
  async disconnectHalfway(
    address: Address,
    name: string,
    resume: 0 | 1,
    size: number | "unknown" = 3 * CHUNK_SIZE,
  ): Promise<void> {
    await connected(async () => {
      const { mux } = await openSession(this.#options(address));
      using _closed = mux;
      const tag = mux.nextTag();
      const partial = resume === 1 ? mux.answerOf(tag, "held") : undefined;
      partial?.catch(() => undefined);
      const known = size === "unknown" ? undefined : size;
      await mux.send({ ...FILE_PUT, kind: "put", tag, name, size: known, resume });
      if ((await partial)?.offset === size) return;
      const offset = (await partial)?.offset ?? 0;
      await sendChunk(mux, tag, offset, pseudoRandomBytes(CHUNK_SIZE, 1 + offset));
    });
  }

  /** Compares with the found files, which are the expected state from now on. */
  settle(found?: FileSet): void {
    this.#expected.settle(found);
  }

  #options(server: Address): ConnectOptions {
    return {
      ...{ server, userName: this.name, identityFolder: this.#folder },
      timeouts: { responseMs: this.#responseMs },
      fingerprint: this.#fingerprint,
      onNewServer: () => true,
      onEvent: (event) => {
        if (event.type === "connected") {
          this.#fingerprint = parseFingerprint(event.fingerprint ?? "");
        }
      },
    };
  }

  async #change(names: readonly string[], operation: Operation, request: () => Promise<unknown>) {
    const asked = this.#expected.ask(names, operation);
    try {
      await connected(request);
    } catch (error) {
      if (error instanceof Refused && this.#trusting) asked.notDone();
      throw error;
    }
    asked.done();
  }
}

function storing(sent: readonly Sending[]): Operation {
  return (files) =>
    new Map([...files, ...sent.map(({ name, content }) => [name, content] as const)]);
}

function omit(files: FileSet, name: string): FileSet {
  return new Map([...files].filter(([other]) => other !== name));
}

/** The client's errors for a lost connection or a refusal. A silent server is neither. */
async function connected<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isSilent = error instanceof NetworkError && error.code === "no-answer";
    const isLoss = error instanceof NetworkError || error instanceof UnconfirmedError ||
      (error instanceof ProtocolError && error.code === "protocol-4-not-spoken");
    if (isLoss && !isSilent) throw new Lost(error.message, { cause: error });
    if (error instanceof RefusedError) throw new Refused(error.message, { cause: error });
    throw error;
  }
}
