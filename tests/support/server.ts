import { Server, type ServerOptions } from "../../server/server.ts";
import { openInThisThread } from "./store/catalogs.ts";

/**
 * Starts a server whose catalog works in this thread. Its own threads take up to a second to start, and only a few
 * tests need them.
 */
export function startInThisThread(options: ServerOptions): Promise<Server> {
  return Server.start({ openCatalog: (path) => openInThisThread(path), ...options });
}
