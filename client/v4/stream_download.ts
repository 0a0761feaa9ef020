/**
 * Downloads a file as a stream, for example to standard output. Each chunk is verified before it is passed on, in order.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { RefusedError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { ChunkDownload } from "./chunk_download.ts";
import type { ConnectOptions } from "./connect_options.ts";
import { ConnectionPool, type TransferOptions } from "./connection_pool.ts";
import { type ByteRange, wantedBytes } from "./file_download.ts";
import { withHint } from "./get_sources.ts";
import { explainDamage } from "./recheck.ts";
import { checkSize, type RemoteFile } from "./remote_file.ts";

/** The most attempts if the file is replaced on the server before the download begins. */
const ATTEMPTS = 3;

/** The file to download, and what takes its content. */
export interface StreamOptions {
  /** The server and the account. */
  readonly connect: ConnectOptions;
  /** Retries. Only one connection is used. */
  readonly transfer?: TransferOptions | undefined;
  /** The name on the server. */
  readonly name: string;
  /** The number of the version; 0, the default, for the current one. */
  readonly version?: number | undefined;
  /** The bytes of the file to download. */
  readonly range?: ByteRange | undefined;
  /** Takes the next bytes. They may change once the promise resolves. An error from it ends the download. */
  readonly write: (bytes: Bytes) => Promise<void>;
}

/**
 * Downloads a file as a stream over protocol 4. Memory does not grow with the file. After a network error, the download
 * continues where it was, with the same version. Throws what `write` throws, and as `getFile` does. The bytes that were
 * passed on are then the beginning of the file.
 */
export async function getStream(options: StreamOptions): Promise<RemoteFile> {
  const { connect, transfer, name, version = 0 } = options;
  using pool = new ConnectionPool(connect, { ...transfer, parallel: 1 });
  for (let attempt = 1;; attempt++) {
    const file = await pool.use(0, (client) => client.stat(name, version)).catch((error) => {
      const isMissing = error instanceof RefusedError && error.code === "no-such-file";
      throw isMissing && version !== 0 ? withHint(error, name, version) : error;
    });
    const stream = new StreamDownload(pool, options, file);
    try {
      return await stream.run();
    } catch (error) {
      // The server may have replaced the file meanwhile, and kept no history of it.
      const isGone = error instanceof RefusedError && error.code === "no-such-file";
      if (!isGone || stream.hasBegun || version !== 0 || attempt >= ATTEMPTS) throw error;
    }
  }
}

class StreamDownload {
  readonly #pool: ConnectionPool;
  readonly #options: StreamOptions;
  readonly #file: RemoteFile;
  readonly #size: number;
  #done = 0;
  #attempt = 0;

  /** Throws `RefusedError` `no-such-file` for a folder or link, `UsageError` `bad-range`. */
  constructor(pool: ConnectionPool, options: StreamOptions, file: RemoteFile) {
    if (file.entry !== "file") throw notAFile(file);
    checkSize(file);
    this.#pool = pool;
    this.#options = options;
    this.#file = file;
    this.#size = wantedBytes(file, options.range);
  }

  /** Whether bytes were passed on. */
  get hasBegun(): boolean {
    return this.#done > 0;
  }

  async run(): Promise<RemoteFile> {
    const { name, version } = this.#file;
    const { range, connect: { onEvent } } = this.#options;
    onEvent?.({ type: "planned", files: 1, bytes: this.#size });
    const download = new ChunkDownload({ name, version, ...range }, {
      begin: () => Promise.resolve(),
      write: (chunk, offset) => this.#write(chunk, offset),
    });
    try {
      return await this.#pool.use(0, async (client) => {
        this.#attempt++;
        this.#report("getting");
        try {
          return await download.run([client.session.mux]);
        } catch (error) {
          // Waiting for the rest of a large file would take too long.
          client[Symbol.dispose]();
          throw error;
        }
      });
    } catch (error) {
      throw await explainDamage(
        error,
        (work) => this.#pool.once(({ session }) => work(session.mux)),
      );
    }
  }

  async #write(chunk: Bytes, offset: number): Promise<void> {
    const { range: { from, to } = { from: 0, to: Infinity }, write } = this.#options;
    const wanted = chunk.subarray(Math.max(0, from - offset), Math.max(0, to - offset));
    if (wanted.length === 0) return;
    await write(wanted);
    this.#done += wanted.length;
    this.#pool.advance();
    this.#report("received");
  }

  #report(type: "getting" | "received"): void {
    const { name } = this.#options;
    const [size, done, attempt] = [this.#size, this.#done, this.#attempt];
    this.#options.connect.onEvent?.({ type, name, size, done, attempt });
  }
}

function notAFile({ name, entry }: RemoteFile): RefusedError {
  const [kind, option] = entry === "link"
    ? ["a symbolic link", ""]
    : ["a folder", "add --recursive and "];
  return new RefusedError("no-such-file", `${printable(name)} is ${kind}, not a file`, {
    hint: `To download it, ${option}name a path with -o PATH.`,
  });
}
