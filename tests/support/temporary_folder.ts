import { join } from "node:path";
import { freeSpaceOf } from "../../server/fs/free_space.ts";
import { RUN_VARIABLE } from "./marked_processes.ts";

/** A file system in memory, where there is one. */
export const MEMORY = "/dev/shm";
/** Room that it must have: what servers leave free, and what tests write. */
const ROOM = 1024 * 1024 * 1024;

const PREFIX = "xfer-test-";

/** How the names of folders in memory begin that a run of the tests makes. */
export function memoryPrefix(run: string): string {
  return `${PREFIX}${run}-`;
}

/** A folder of a test's own, gone with the scope that holds it. */
export class TemporaryFolder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** One in memory, where syncs wait for no disk, if this machine has such. */
  static async create(): Promise<TemporaryFolder> {
    const room = await freeSpaceOf(MEMORY).catch(() => 0);
    if (room < ROOM) return await TemporaryFolder.createOnDisk();
    const run = Deno.env.get(RUN_VARIABLE);
    const prefix = run === undefined ? PREFIX : memoryPrefix(run);
    return new TemporaryFolder(await Deno.makeTempDir({ prefix, dir: MEMORY }));
  }

  /** For the executable, to which Deno grants nothing below /dev, and for what is measured or larger than memory. */
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
