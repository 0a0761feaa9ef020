import { join } from "node:path";
import { freeSpaceOf } from "../../server/fs/free_space.ts";
import { RUN_VARIABLE } from "./marked_processes.ts";

/** A file system in memory, if the machine has one. */
export const MEMORY = "/dev/shm";
/** The free space that it needs: what servers leave free, and what tests write. */
const ROOM = 1024 * 1024 * 1024;

const PREFIX = "xfer-test-";

/** The prefix of the names of folders in memory of a test run. */
export function memoryPrefix(run: string): string {
  return `${PREFIX}${run}-`;
}

/** A folder for a test, removed with the scope that holds it. */
export class TemporaryFolder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Creates one in memory, where syncs are fast, if this machine has such a file system. */
  static async create(): Promise<TemporaryFolder> {
    const room = await freeSpaceOf(MEMORY).catch(() => 0);
    if (room < ROOM) return await TemporaryFolder.createOnDisk();
    const run = Deno.env.get(RUN_VARIABLE);
    const prefix = run === undefined ? PREFIX : memoryPrefix(run);
    return new TemporaryFolder(await Deno.makeTempDir({ prefix, dir: MEMORY }));
  }

  /**
   * Creates one on disk: for the executable, which may not access /dev, for measurements, and for data larger than
   * memory.
   */
  static async createOnDisk(): Promise<TemporaryFolder> {
    return new TemporaryFolder(await Deno.makeTempDir({ prefix: PREFIX }));
  }

  join(...names: string[]): string {
    return join(this.path, ...names);
  }

  async write(name: string, content: string | Uint8Array): Promise<string> {
    const path = this.join(name);
    await (typeof content === "string"
      ? Deno.writeTextFile(path, content)
      : Deno.writeFile(path, content));
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
