/** A server whose reads of stored files can be intercepted. */
import type { FileSystem } from "../../../server/fs/file_system.ts";
import { type Fixture, LOOPBACK, ON_DISK } from "./fixture.ts";
import { startInThisThread } from "../server.ts";

export interface Watch {
  /** Runs before a stored file is read. */
  before: () => Promise<void>;
  /** The number of opened files. */
  opened: number;
}

/** Restarts the fixture's server with interception. */
export async function watched(fixture: Fixture): Promise<Watch> {
  await fixture.server.close();
  const watch = { before: () => Promise.resolve(), opened: 0 };
  const isBlob = (path: string | URL) => /files.[0-9a-f]{32}.[0-9a-f]{32}$/.test(`${path}`);
  const fileSystem: FileSystem = {
    ...{ mkdir: Deno.mkdir, rename: Deno.rename, remove: Deno.remove, readDir: Deno.readDir },
    async lstat(path) {
      if (isBlob(path)) await watch.before();
      return await Deno.lstat(path);
    },
    open(path, options) {
      if (isBlob(path)) watch.opened++;
      return Deno.open(path, options);
    },
  };
  fixture.server = await startInThisThread({
    ...{ listen: [LOOPBACK], tlsListen: LOOPBACK, dataFolder: fixture.folder.join("data") },
    // Only requests read stored files.
    limits: { ...ON_DISK, confirmRate: 0 },
    fileSystem,
  });
  return watch;
}
