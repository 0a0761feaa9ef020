/**
 * Uploads a stream of unknown size over protocol 4, such as standard input.
 *
 * @module
 */
import { basename } from "node:path/posix";
import { unlessAborted } from "../../protocol/abort.ts";
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";
import { continueRemainder, digestOf } from "../../protocol/crc/cksum.ts";
import { combine } from "../../protocol/crc/combine.ts";
import {
  endsAll,
  IntegrityError,
  NetworkError,
  reasonOf,
  StorageError,
  UnconfirmedError,
  UsageError,
  XferError,
} from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { shownSource } from "../../protocol/standard_input.ts";
import type { FileDigests } from "../../protocol/v4/chunk_digests.ts";
import {
  CHUNK_SIZE,
  createChunkBuffer,
  digestChunkBeside,
  digestTree,
  MerkleTree,
} from "../../protocol/v4/merkle_tree.ts";
import { pathNameFault } from "../../protocol/v4/path_name.ts";
import type { V4Client } from "./client.ts";
import type { ConnectOptions } from "./connect_options.ts";
import { ConnectionPool, type TransferOptions } from "./connection_pool.ts";
import type { PutStored } from "./put_options.ts";
import { PutRequest, type StoredVersion } from "./put_request.ts";
import { checkSize } from "./remote_file.ts";

/** A stream to upload, and where. */
export interface PutStreamOptions {
  /** The server and the account. */
  readonly connect: ConnectOptions;
  /** Retries until the upload begins. */
  readonly transfer?: TransferOptions;
  /** The name on the server. */
  readonly name: string;
  /** The path of the stream in results. Errors call `-` standard input. */
  readonly path: string;
  /** Reads some bytes into a buffer. Returns their number, or `null` at the end; `Deno.stdin.read` does. */
  readonly read: (buffer: Bytes) => Promise<number | null>;
  /**
   * How often a message tells the server that the client is still there while it waits for input, in milliseconds.
   *
   * @internal
   */
  readonly keepAliveMs?: number;
}

/**
 * Uploads a stream in constant memory. Its bytes cannot be read again, so a lost connection is not retried, and nothing
 * of it is stored then.
 *
 * Throws `UsageError` `bad-file-name`; `StorageError` `cannot-read`, `file-too-large`; `IntegrityError`
 * `checksum-mismatch`; `NetworkError`; `RefusedError`; `UnconfirmedError` if the server did not answer at the end; and
 * why the client cannot sign in. `InterruptedError` after an abort.
 */
export async function putStream(options: PutStreamOptions): Promise<PutStored> {
  const { name, path, connect, transfer } = options;
  const fault = pathNameFault(name);
  if (fault !== undefined) {
    throw new UsageError(
      "bad-file-name",
      `cannot upload as ${printable(name)}: the name ${fault}`,
      {
        hint: "Choose another name with --as NAME.",
      },
    );
  }
  using pool = new ConnectionPool(connect, transfer);
  // A wrong server or account is reported before anything is read.
  await pool.use(0, () => Promise.resolve());
  const input = new ChunkReader(options);
  // The first chunk may take long. If the connection is lost until then, there is time for another: only an answer shows
  // that it is not, and the stream cannot be sent twice.
  await unlessAborted(connect.signal, input.peek());
  const client = await pool.use(0, async (client) => {
    await client.usage();
    return client;
  });
  const mtime = BigInt(Date.now()) * 1_000_000n;
  const upload = new StreamUpload(client, options, input, mtime);
  let stored: StoredVersion;
  try {
    stored = await upload.send();
  } catch (error) {
    if (!(error instanceof XferError) || !endsAll(error)) throw error;
    const found = upload.isUnconfirmed ? await upload.findStored(pool) : undefined;
    if (found === undefined) throw upload.explain(error);
    stored = found;
  }
  const { cksum: crc, version, replacedOther } = stored;
  const file = { path, name: basename(name), size: upload.size, mtime };
  return { state: "stored", kind: "file", file, name, crc, version, replacedOther };
}

/** A quarter of the time after which servers disconnect a client that sends nothing. */
const KEEP_ALIVE_MS = 15_000;

class StreamUpload {
  readonly #client: V4Client;
  readonly #options: PutStreamOptions;
  readonly #input: ChunkReader;
  readonly #mtime: bigint;
  readonly #request: PutRequest;
  readonly #tree = new MerkleTree();
  /** Of the checksum. */
  #remainder = 0;
  #size = 0;
  /** The content that the server was asked to store. */
  #sums: FileDigests | undefined;

  constructor(client: V4Client, options: PutStreamOptions, input: ChunkReader, mtime: bigint) {
    const { name, path } = options;
    const fields = { name, path, entry: "file", mode: undefined, mtime, size: undefined } as const;
    this.#client = client;
    this.#options = options;
    this.#input = input;
    this.#mtime = mtime;
    this.#request = new PutRequest(client.session.mux, fields);
  }

  /** Bytes read so far. */
  get size(): number {
    return this.#size;
  }

  /** Whether the server was asked to store the stream and did not answer. */
  get isUnconfirmed(): boolean {
    return this.#sums !== undefined;
  }

  async send(): Promise<StoredVersion> {
    const { mux } = this.#client.session;
    const { name, path, connect: { onEvent } } = this.#options;
    try {
      await this.#request.put(0);
      onEvent?.({ type: "streaming", name, sent: 0 });
      for (;;) {
        const { chunk, digest } = await this.#nextChunk();
        if (chunk.length === 0 || this.#request.isOver) break;
        const offset = this.size;
        this.#tree.add(digest);
        const remainder = continueRemainder(0, chunk);
        this.#remainder = combine(this.#remainder, remainder, chunk.length);
        this.#size += chunk.length;
        checkSize({ name: shownSource(path), size: this.size });
        const sums = { cksum: digestOf(remainder, chunk.length), digest };
        await mux.sendChunk(this.#request.tag, offset, chunk, sums);
        onEvent?.({ type: "streaming", name, sent: this.size });
      }
    } catch (error) {
      await this.#request.cancel();
      throw error;
    }
    return await mux.gracefulAbort.critical(() => this.#end());
  }

  /** Returns what was stored if only the answer was lost. */
  async findStored(pool: ConnectionPool): Promise<StoredVersion | undefined> {
    const { digest, cksum } = this.#sums as FileDigests;
    try {
      const file = await pool.use(0, (client) => client.stat(this.#options.name));
      const isThis = file.mtime === this.#mtime && equalBytes(file.digest, digest);
      return isThis
        ? { cksum, digest, version: file.version, replacedOther: undefined }
        : undefined;
    } catch {
      return undefined; // the first error says more
    }
  }

  /** The error for a connection that ended before the answer. */
  explain(error: XferError): XferError {
    const name = printable(this.#options.name);
    const { message, code, category } = error;
    if (this.isUnconfirmed) {
      return new UnconfirmedError(code, `cannot tell whether ${name} was stored: ${message}`, {
        hint: "To see whether the file is there, run 'xfer client list'.",
        cause: error,
      });
    }
    if (category !== "network") return error;
    return new NetworkError(code, `${name} was not stored: ${message}`, {
      hint: "Run the whole command again: standard input cannot be read twice.",
      cause: error,
    });
  }

  async #end(): Promise<StoredVersion> {
    const request = this.#request;
    if (!request.isOver) {
      const { size } = this;
      this.#sums = { size, cksum: digestOf(this.#remainder, size), digest: this.#tree.digest };
      await request.end(this.#sums);
    } else await request.cancel(); // a refused request must still be ended
    const stored = await request.result;
    if (stored !== undefined) return stored;
    const name = printable(this.#options.name);
    throw new IntegrityError(
      "checksum-mismatch",
      `${name} was not stored: its checksums differed`,
      {
        hint: "Run the whole command again.",
      },
    );
  }

  /** Waits for the next chunk, however long that takes, or until the server refuses the upload. */
  async #nextChunk(): Promise<DigestedChunk> {
    const { mux } = this.#client.session;
    const { connect: { signal }, keepAliveMs = KEEP_ALIVE_MS } = this.#options;
    const keepAlive = setInterval(() => {
      mux.sendChunk(this.#request.tag, this.size, EMPTY, NO_SUMS).catch(() => undefined);
    }, keepAliveMs);
    try {
      const refused = this.#request.result.then(() => NO_CHUNK);
      return await mux.ownWork(() =>
        unlessAborted(signal, Promise.race([this.#input.next(), refused]))
      );
    } finally {
      clearInterval(keepAlive);
    }
  }
}

interface DigestedChunk {
  readonly chunk: Bytes;
  readonly digest: Bytes;
}

const EMPTY = new Uint8Array();
/** The server ignores the sums of a chunk without bytes. */
const NO_SUMS = { cksum: digestOf(0, 0), digest: digestTree(EMPTY) };
const NO_CHUNK: DigestedChunk = { chunk: EMPTY, digest: EMPTY };

/** Reads and hashes whole chunks. While the caller uses one, the next is read into the other buffer. */
class ChunkReader {
  readonly #options: Pick<PutStreamOptions, "read" | "path">;
  #buffers: readonly [Bytes, Bytes] = [createChunkBuffer(), createChunkBuffer()];
  #reading: Promise<DigestedChunk>;

  constructor(options: Pick<PutStreamOptions, "read" | "path">) {
    this.#options = options;
    this.#reading = this.#fill();
  }

  /** Resolves when the next chunk is read. */
  async peek(): Promise<void> {
    await this.#reading;
  }

  /**
   * Returns the next chunk; the last one may be shorter, and is empty after the end. It is valid until the next but one
   * is requested. Throws `StorageError` `cannot-read`.
   */
  async next(): Promise<DigestedChunk> {
    const next = await this.#reading;
    const isLast = next.chunk.length < CHUNK_SIZE;
    this.#reading = isLast ? Promise.resolve(NO_CHUNK) : this.#fill();
    return next;
  }

  #fill(): Promise<DigestedChunk> {
    const [buffer, other] = this.#buffers;
    this.#buffers = [other, buffer];
    const filling = this.#readInto(buffer)
      .then(async (chunk) => ({ chunk, digest: await digestChunkBeside(chunk) }));
    // The promise is awaited later. Until then, a rejection must not count as unhandled.
    filling.catch(() => undefined);
    return filling;
  }

  async #readInto(buffer: Bytes): Promise<Bytes> {
    const { read, path } = this.#options;
    for (let filled = 0;;) {
      if (filled === buffer.length) return buffer;
      try {
        const size = await read(buffer.subarray(filled));
        if (size === null) return buffer.subarray(0, filled);
        filled += size;
      } catch (cause) {
        const reason = reasonOf(cause);
        throw new StorageError("cannot-read", `cannot read ${shownSource(path)}: ${reason}`, {
          cause,
        });
      }
    }
  }
}
