/**
 * Files that are sent next are read while those before are on their way.
 *
 * @module
 */
import { type Bytes, fileChanged, printable } from "../../protocol/mod.ts";
import type { Job, Jobs } from "./upload_item.ts";

/** A file with more bytes is read as it is sent. */
const SMALL = 64 * 1024;
/** So many are being read, or read and not sent yet. */
const AHEAD = 16;

/** A file's turn has come. */
export interface Turn {
  readonly job: Job;
  /** What is in it, where it is small. */
  readonly content: Promise<Bytes> | undefined;
}

export class ReadAhead {
  readonly #jobs: Jobs;
  readonly #turns: Turn[] = [];

  constructor(jobs: Jobs) {
    this.#jobs = jobs;
  }

  /** The next file, or `undefined` while there is none. */
  next(): Turn | undefined {
    while (this.#turns.length < AHEAD) {
      const job = this.#jobs.take();
      if (job === undefined) break;
      const content = job.file.size <= SMALL ? readWhole(job) : undefined;
      // It is awaited in its turn; until then its failure is not to count as unhandled.
      content?.catch(() => undefined);
      this.#turns.push({ job, content });
      if (content === undefined) break;
    }
    return this.#turns.shift();
  }

  /** Gives back what was not asked for, when nothing of it is being read any more. */
  async end(): Promise<void> {
    const turns = this.#turns.splice(0);
    this.#jobs.giveBack(turns.map(({ job }) => job));
    await Promise.allSettled(turns.map(({ content }) => content));
  }
}

/** Throws `StorageError`, and `IntegrityError` for a file that is not what was inspected. */
async function readWhole({ file }: Job): Promise<Bytes> {
  using source = await file.open();
  const content = await source.readWhole();
  if (await source.hasChanged()) throw fileChanged(printable(file.path));
  return content;
}
