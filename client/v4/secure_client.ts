/**
 * A client of protocol 4: one connection, over which files are put, got and looked at.
 *
 * @module
 */
import { basename } from "node:path";
import {
  type Address,
  type Bytes,
  Cksum,
  ConfigurationError,
  equalBytes,
  formatAddress,
  IntegrityError,
  keepFreedMemory,
  NetworkError,
  printable,
  ProtocolError,
  UnconfirmedError,
} from "../../protocol/mod.ts";
import { sign } from "../../protocol/v4/authentication.ts";
import { formatFingerprint } from "../../protocol/v4/fingerprint.ts";
import type { Message, MessageOf } from "../../protocol/v4/messages.ts";
import {
  CHUNK_SIZE,
  chunkCount,
  DIGEST_SIZE,
  digestChunk,
  digestTree,
  Leaves,
} from "../../protocol/v4/tree.ts";
import { DEFAULT_TIMEOUTS, type Timeouts } from "../connection.ts";
import type { SourceFile } from "../source_file.ts";
import { AccountFolder } from "./account.ts";
import { findSecure, openSecurely, readFingerprint, refuseOther } from "./channel.ts";
import { Exchange } from "./exchange.ts";
import { KnownServers } from "./known_servers.ts";

export interface SecureOptions {
  readonly server: Address;
  /** What line 1 of transfer.info says, where it does. */
  readonly fingerprint?: Bytes | undefined;
  readonly userName: string;
  /** The folder with `me.key`, `me.account` and `known_servers`. */
  readonly identityFolder: string;
  readonly timeouts?: Partial<Timeouts>;
  /** Asked about a server that is met for the first time: whether to trust it. */
  readonly onNewServer: (fingerprint: string) => boolean | Promise<boolean>;
  readonly onEvent?: (event: SecureEvent) => void;
}

export type SecureEvent =
  | { readonly type: "secure"; readonly server: Address; readonly fingerprint: string }
  | { readonly type: "registered"; readonly clientId: Bytes }
  | { readonly type: "tightened"; readonly path: string }
  | { readonly type: "sending"; readonly file: SourceFile; readonly attempt: number }
  | { readonly type: "progress"; readonly file: SourceFile; readonly sent: number };

/** A file on the server. */
export type RemoteFile = Omit<MessageOf<"file">, "kind" | "tag">;

/** How often a file is sent in all where the checksums differ. */
const ATTEMPTS = 3;

export class SecureClient implements Disposable {
  readonly #exchange: Exchange;
  readonly #onEvent: (event: SecureEvent) => void;
  /** How many puts may be unanswered. */
  readonly #window: number;
  readonly #buffers: [Bytes, Bytes] = [new Uint8Array(CHUNK_SIZE), new Uint8Array(CHUNK_SIZE)];

  private constructor(exchange: Exchange, window: number, options: SecureOptions) {
    this.#exchange = exchange;
    this.#window = Math.max(1, window);
    this.#onEvent = options.onEvent ?? (() => undefined);
  }

  /**
   * Connects, sees that the server is the one that is expected, and logs in, registering first where there is no
   * account yet. Throws `NetworkError` `cannot-connect`, `no-secure-channel`; `ProtocolError` `protocol-4-not-spoken`;
   * `ConfigurationError` `other-server`, `server-not-trusted`, `other-identity`; `RefusedError`.
   */
  static async connect(options: SecureOptions): Promise<SecureClient> {
    keepFreedMemory();
    const { server, identityFolder, userName } = options;
    const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    const onTightened = (path: string) => options.onEvent?.({ type: "tightened", path });
    const folder = new AccountFolder(identityFolder, onTightened);
    const account = await folder.loadAccount();
    if (account !== undefined && account.name !== userName) {
      throw new ConfigurationError(
        "other-identity",
        `me.account is the account of ${printable(account.name)}, transfer.info names ${userName}`,
        { hint: `Correct line 2, or run in another folder to be ${userName}.` },
      );
    }
    const key = await folder.loadKey();
    const answer = await findSecure(server, timeouts);
    if (answer === undefined) {
      throw new ProtocolError(
        "protocol-4-not-spoken",
        `The server at ${formatAddress(server)} does not speak protocol 4, or somebody between ` +
          "you and it keeps it from saying so",
        {
          hint:
            "If you know that it is a server of protocol 3 and trust the network: --protocol 3.",
        },
      );
    }
    const fingerprint = await readFingerprint(answer.certificate);
    await judgeServer(options, fingerprint);
    const socket = await openSecurely(server, answer, fingerprint, timeouts);
    options.onEvent?.({ type: "secure", server, fingerprint: formatFingerprint(fingerprint) });
    const exchange = new Exchange(socket, timeouts);
    try {
      let nonce: Bytes = new Uint8Array(0);
      await exchange.answer(0, (message) => {
        if (message.kind !== "challenge") throw unexpected(message);
        nonce = message.nonce;
        return true;
      });
      const proof = { fingerprint, nonce, key: key.publicKey };
      const request: Message = account === undefined
        ? {
          ...{ kind: "register", tag: 0, name: userName, key: key.publicKey, invitation: "" },
          signature: await sign(key.privateKey, { ...proof, name: userName }),
        }
        : {
          ...{ kind: "login", tag: 0, clientId: account.clientId, key: key.publicKey },
          signature: await sign(key.privateKey, { ...proof, clientId: account.clientId }),
        };
      let welcome: MessageOf<"welcome"> | undefined;
      await exchange.ask(request, (message) => {
        if (message.kind !== "welcome") throw unexpected(message);
        welcome = message;
        return true;
      });
      if (welcome === undefined) throw new RangeError("Cannot go on without a welcome");
      if (account === undefined) {
        await folder.saveAccount({ name: userName, clientId: welcome.clientId });
        options.onEvent?.({ type: "registered", clientId: welcome.clientId });
      }
      return new SecureClient(exchange, welcome.window, options);
    } catch (error) {
      exchange[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Sends files one behind the other, the next before the one before is confirmed. `settle` is told of each what came
   * of it: its checksum, or why it is not stored. Throws what ends the connection; files that are not settled then may
   * be sent again.
   */
  async put(
    files: readonly { readonly file: SourceFile; readonly name?: string }[],
    settle: (file: SourceFile, outcome: number | Error) => void,
  ): Promise<void> {
    const pending = new Set<Promise<void>>();
    const again: { file: SourceFile; name: string; attempt: number }[] = [];
    let end: unknown;
    const send = async (file: SourceFile, name: string, attempt: number) => {
      while (pending.size >= this.#window) await Promise.race(pending);
      if (end !== undefined) throw end;
      this.#onEvent({ type: "sending", file, attempt });
      const { answer } = await this.#send(file, name);
      const answered: Promise<void> = answer.then(
        (cksum) => {
          if (cksum !== undefined) settle(file, cksum);
          else if (attempt < ATTEMPTS) again.push({ file, name, attempt: attempt + 1 });
          else settle(file, neverAgreed(file));
        },
        (error) => {
          if (error instanceof NetworkError || error instanceof ProtocolError) end ??= error;
          else settle(file, error);
        },
      ).finally(() => pending.delete(answered));
      pending.add(answered);
    };
    try {
      for (const { file, name = basename(file.path) } of files) await send(file, name, 1);
      while (pending.size > 0 || again.length > 0) {
        const next = again.shift();
        if (next === undefined) await Promise.race(pending);
        else await send(next.file, next.name, next.attempt);
      }
    } finally {
      await Promise.all(pending);
    }
    if (end !== undefined) throw end;
  }

  /** Sends one file; resolves, when it is on its way, with what comes of it: `undefined` for a mismatch. */
  async #send(file: SourceFile, name: string): Promise<OnItsWay> {
    const tag = this.#exchange.nextTag();
    let stored: number | undefined;
    let ended = false;
    let refused: unknown;
    const answered = this.#exchange.answer(tag, (message) => {
      if (message.kind === "mismatch") return true;
      if (message.kind !== "stored") throw unexpected(message);
      stored = message.cksum;
      return true;
    }).catch((error) => {
      refused = error;
      throw unconfirmed(error, ended, file);
    });
    answered.catch(() => undefined);
    const { size, mtime } = file;
    await this.#exchange.send({ kind: "put", tag, name, size, mtime, resume: 0 });
    const checksum = new Cksum();
    const leaves = new Leaves();
    try {
      for await (const chunk of file.read(this.#buffers)) {
        if (refused !== undefined) break;
        const hashing = digestChunk(chunk);
        checksum.update(chunk);
        await this.#exchange.sendChunk(tag, chunk);
        leaves.push(await hashing);
        this.#onEvent({ type: "progress", file, sent: checksum.size });
      }
      if (await file.hasChanged()) throw changed(file);
    } catch (error) {
      if (error instanceof NetworkError) throw error;
      await this.#exchange.send({ kind: "cancel", tag });
      return onItsWay(Promise.reject(error));
    }
    if (refused !== undefined) {
      await this.#exchange.send({ kind: "cancel", tag });
    } else {
      const digest = await digestTree(leaves.bytes);
      ended = true;
      await this.#exchange.send({ kind: "end", tag, cksum: checksum.digest(), digest });
    }
    return onItsWay(answered.then(() => stored));
  }

  /** Throws `RefusedError` `no-such-file`. */
  async stat(name: string): Promise<RemoteFile> {
    const tag = this.#exchange.nextTag();
    let found: RemoteFile | undefined;
    await this.#exchange.ask({ kind: "stat", tag, name }, (message) => {
      if (message.kind !== "file") throw unexpected(message);
      found = message;
      return true;
    });
    return found as RemoteFile;
  }

  /** Files whose names begin with a prefix, by name. */
  async list(prefix: string, take: (file: RemoteFile) => void): Promise<void> {
    const tag = this.#exchange.nextTag();
    await this.#exchange.ask({ kind: "list", tag, prefix }, (message) => {
      if (message.kind === "file") take(message);
      else if (message.kind !== "done") throw unexpected(message);
      return message.kind === "done";
    });
  }

  /** Throws `RefusedError` `no-such-file`. */
  remove(name: string): Promise<void> {
    return this.#do({ kind: "remove", tag: this.#exchange.nextTag(), name });
  }

  /** Throws `RefusedError` `no-such-file`, `file-exists`. */
  rename(oldName: string, newName: string): Promise<void> {
    return this.#do({ kind: "rename", tag: this.#exchange.nextTag(), oldName, newName });
  }

  /**
   * Reads a file, or of a range the chunks that hold it. Each chunk is handed over when it is seen to be the one that the
   * file's digest speaks of; it may change when the promise resolves. Throws `IntegrityError` `not-what-was-stored`.
   */
  async get(
    name: string,
    write: (chunk: Bytes, offset: number, file: RemoteFile) => Promise<void>,
    { from = 0, to = Number.MAX_SAFE_INTEGER } = {},
  ): Promise<RemoteFile> {
    const tag = this.#exchange.nextTag();
    let file: RemoteFile | undefined;
    const leaves = new Leaves();
    const checksum = new Cksum();
    const wanted = (size: number) => chunkCount(size) * DIGEST_SIZE;
    let at = Math.floor(from / CHUNK_SIZE) * CHUNK_SIZE;
    const whole = from === 0 && to === Number.MAX_SAFE_INTEGER;
    await this.#exchange.ask({ kind: "get", tag, name, from, to }, async (message) => {
      if (file === undefined) {
        if (message.kind !== "file") throw unexpected(message);
        file = message;
        if (file.size === 0) await checkTree(leaves, file);
        return false;
      }
      if (message.kind === "digests") {
        const { bytes } = message;
        if (bytes.length % DIGEST_SIZE !== 0) throw unexpected(message);
        for (let i = 0; i < bytes.length; i += DIGEST_SIZE) {
          leaves.push(bytes.subarray(i, i + DIGEST_SIZE));
        }
        if (leaves.bytes.length > wanted(file.size)) throw unexpected(message);
        if (leaves.bytes.length === wanted(file.size)) await checkTree(leaves, file);
        return false;
      }
      if (leaves.bytes.length < wanted(file.size)) throw unexpected(message);
      if (message.kind === "data") {
        const { bytes } = message;
        const index = at / CHUNK_SIZE;
        const expected = leaves.bytes.subarray(index * DIGEST_SIZE, (index + 1) * DIGEST_SIZE);
        if (!equalBytes(await digestChunk(bytes), expected)) throw notStored(file);
        checksum.update(bytes);
        await write(bytes, at, file);
        at += bytes.length;
        return false;
      }
      if (message.kind !== "done") throw unexpected(message);
      const end = Math.min(to, file.size);
      if (from < end && at < end) throw notStored(file);
      if (whole && checksum.digest() !== file.cksum) throw notStored(file);
      return true;
    });
    return file as unknown as RemoteFile;
  }

  [Symbol.dispose](): void {
    this.#exchange[Symbol.dispose]();
  }

  #do(message: Message): Promise<void> {
    return this.#exchange.ask(message, (answer) => {
      if (answer.kind !== "done") throw unexpected(answer);
      return true;
    });
  }
}

/** Compares a server with what is known of it; one that is new is asked about, and kept. */
async function judgeServer(options: SecureOptions, found: Bytes): Promise<void> {
  const { server, fingerprint, identityFolder, onNewServer } = options;
  if (fingerprint !== undefined) return refuseOther(server, fingerprint, found);
  const known = new KnownServers(identityFolder);
  const before = await known.find(server);
  if (before !== undefined) return refuseOther(server, before, found);
  const shown = formatFingerprint(found);
  if (!(await onNewServer(shown))) {
    throw new ConfigurationError(
      "server-not-trusted",
      `The server at ${formatAddress(server)} is not known yet, and nobody said to trust it: its ` +
        `fingerprint is ${shown}`,
      {
        hint: "Compare it with what the server's operator says, then write it into line 1 of " +
          `transfer.info: xfer://${formatAddress(server)}#${shown}, or take it: --accept-new.`,
      },
    );
  }
  await known.keep(server, found);
}

async function checkTree(leaves: Leaves, file: RemoteFile): Promise<void> {
  if (!equalBytes(await digestTree(leaves.bytes), file.digest)) throw notStored(file);
}

/** In an object, since a promise of a promise is a promise of what that comes to. */
interface OnItsWay {
  readonly answer: Promise<number | undefined>;
}

function onItsWay(answer: Promise<number | undefined>): OnItsWay {
  // It is awaited with the answers of the files behind it.
  answer.catch(() => undefined);
  return { answer };
}

/** What is asked for and not answered may be done. */
function unconfirmed(error: unknown, ended: boolean, file: SourceFile): unknown {
  if (!ended || !(error instanceof NetworkError)) return error;
  return new UnconfirmedError(
    error.code,
    `It is not known whether ${printable(file.path)} is stored: ${error.message}`,
    { cause: error },
  );
}

function unexpected({ kind }: Message): ProtocolError {
  return new ProtocolError("unexpected-answer", `The server answers ${kind}, which does not fit`);
}

function notStored({ name }: RemoteFile): IntegrityError {
  return new IntegrityError(
    "not-what-was-stored",
    `What the server sends of ${printable(name)} is not what was stored`,
    { hint: "Tell its operator: xfer server verify finds damaged files." },
  );
}

function neverAgreed(file: SourceFile): IntegrityError {
  return new IntegrityError(
    "checksum-mismatch",
    `The checksums of ${printable(file.path)} differ after ${ATTEMPTS} attempts; it is not stored`,
  );
}

function changed(file: SourceFile): IntegrityError {
  return new IntegrityError(
    "file-changed",
    `${printable(file.path)} was changed while it was sent; it is not stored`,
    { hint: "Send it again when nothing writes to it." },
  );
}
