/**
 * Keeps the digests of a large file's chunks while it is uploaded, so that a later process can resume the upload
 * without reading the part that the server has. They count only while size, times, inode and file system of the file
 * stay the same. As for a {@link DigestIndex}, they are kept only if a later change has another time: on a file system
 * with the clock of this machine, for a file that was last changed long enough ago. Nothing is synced: whether they are
 * complete and correct shows when they are compared with the server's digest.
 *
 * @module
 */
import { dirname } from "node:path";
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import { ChunkDigests, ENTRY_SIZE } from "../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { statOf } from "./entry_stat.ts";
import { deviceWithOwnClock, isOld } from "./file_system_clock.ts";
import { STAT_SIZE, statBytes } from "./index_file.ts";
import { pathInIndexFolder, removeOldest, unlessError } from "./index_folder.ts";
import type { InspectedFile } from "./source_entry.ts";

/** Version 1. A file with another header is ignored. */
const MAGIC = new TextEncoder().encode("xfer chunks v01\n");
const HEADER_SIZE = MAGIC.length + STAT_SIZE;
/** The number of chunks that are saved together. */
const STEP = 16;
/** The most chunks that are saved, 36 MiB for 1 TiB. The rest of a larger file is read again. */
const MAX_CHUNKS = 1024 * 1024;

/** The use of saved digests. */
export interface SavedDigestsUse {
  /** Whether those of earlier processes are used; default true. */
  readonly isRead?: boolean;
  /** Tests replace it. */
  readonly hasOwnClock?: (path: string) => boolean;
}

/** The saved digests of one file. Nothing here throws. */
export class SavedChunkDigests {
  readonly #identityFolder: string;
  readonly #isRead: boolean;
  readonly #hasOwnClock: (path: string) => boolean;
  /** The file with the digests, if this process has written any. */
  #path: string | undefined;
  #chunks = 0;
  /** Whether no more are saved. */
  #isOver = false;

  constructor(identityFolder: string, use: SavedDigestsUse = {}) {
    this.#identityFolder = identityFolder;
    this.#isRead = use.isRead ?? true;
    this.#hasOwnClock = use.hasOwnClock ?? ((path) => deviceWithOwnClock(path) !== undefined);
  }

  /** The digests that an earlier process has saved of the first `bytes` of a file, or of less. */
  load(file: InspectedFile, bytes: number): ChunkDigests | undefined {
    if (!this.#isRead) return undefined;
    return unlessError(() => {
      const saved = readStart(this.#pathOf(file), HEADER_SIZE + MAX_CHUNKS * ENTRY_SIZE);
      const header = headerOf(file);
      if (!header.every((byte, i) => saved[i] === byte)) return undefined;
      const entries = saved.subarray(HEADER_SIZE);
      const chunks = Math.min(
        Math.floor(entries.length / ENTRY_SIZE),
        Math.floor(bytes / CHUNK_SIZE),
      );
      if (chunks === 0) return undefined;
      return ChunkDigests.decode(file.info.size, entries, chunks * CHUNK_SIZE);
    });
  }

  /** Saves the digests of the whole chunks from the beginning, if enough have been added since the last call. */
  save(file: InspectedFile, digests: ChunkDigests): void {
    const chunks = Math.min(Math.floor(digests.contiguousBytes / CHUNK_SIZE), MAX_CHUNKS);
    if (this.#isOver || chunks < this.#chunks + STEP) return;
    this.#isOver = unlessError(() => this.#write(file, digests, chunks)) !== true;
    this.#chunks = chunks;
  }

  /** Removes what this process or an earlier one has saved. Later chunks are not saved. */
  remove(file: InspectedFile): void {
    this.#isOver = true;
    unlessError(() => Deno.removeSync(this.#path ?? this.#pathOf(file)));
  }

  /** Returns whether later chunks can be saved, too. */
  #write(file: InspectedFile, digests: ChunkDigests, chunks: number): boolean {
    const [from, to] = [this.#chunks * CHUNK_SIZE, chunks * CHUNK_SIZE];
    if (this.#path !== undefined) {
      // Another process may have finished the upload and removed the file.
      Deno.writeFileSync(this.#path, digests.encode(to, from), { append: true, create: false });
      return true;
    }
    if (!isOld(statOf(file.info), file.at) || !this.#hasOwnClock(file.real)) return false;
    const path = pathInIndexFolder(this.#identityFolder, file.real) + SUFFIX;
    const content = concatBytes(headerOf(file), digests.encode(to));
    Deno.writeFileSync(path, content, { mode: 0o600 });
    this.#path = path;
    removeOldest(dirname(path));
    return true;
  }

  #pathOf({ real }: InspectedFile): string {
    return pathInIndexFolder(this.#identityFolder, real, false) + SUFFIX;
  }
}

const SUFFIX = ".part";

function headerOf({ info }: InspectedFile): Bytes {
  return concatBytes(MAGIC, statBytes(statOf(info)));
}

/** Reads at most the first `size` bytes of a file. Throws what Deno throws; `RangeError` if it is none. */
function readStart(path: string, size: number): Bytes {
  // Opening a FIFO would wait for its writer.
  const info = Deno.lstatSync(path);
  if (!info.isFile) throw new RangeError("it is not a file");
  using file = Deno.openSync(path, { read: true });
  const bytes = new Uint8Array(Math.min(size, info.size));
  let done = 0;
  while (done < bytes.length) {
    const read = file.readSync(bytes.subarray(done));
    if (read === null) break;
    done += read;
  }
  return bytes.subarray(0, done);
}
