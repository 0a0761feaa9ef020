import type { ServerOptions } from "../../server/lifecycle/server_options.ts";
import { Server } from "../../server/server.ts";
import { openInThisThread } from "./store/catalogs.ts";
import { seedDataFolder } from "./store/seeded_folder.ts";

/**
 * Starts a server whose catalog works in this thread, and which keeps no history unless `limits` says so. Its own threads
 * take up to a second to start, and only a few tests need them. A new data folder is seeded.
 */
export async function startInThisThread(options: ServerOptions): Promise<Server> {
  const { dataFolder, catalog, stores, tlsListen, tlsFiles } = options;
  const secure = tlsListen !== undefined && tlsFiles === undefined;
  const isSeeded = stores === undefined && catalog === undefined && dataFolder !== undefined;
  if (isSeeded) await seedDataFolder(dataFolder, { secure });
  // Over protocol 3, small files are on disk, where many tests look at them.
  const onDisk = tlsListen === undefined ? { inlineSize: 0 } : {};
  const limits = { historyMs: 0, ...onDisk, ...options.limits };
  const openCatalog = (path: string) => openInThisThread(path);
  return await Server.start({ openCatalog, ...options, limits });
}
