import { Server, type ServerOptions } from "../../server/server.ts";
import { openInThisThread } from "./store/catalogs.ts";

/**
 * A server whose catalog works in this thread: threads of its own take up to a second to start, and only a few tests are
 * about them.
 */
export function startInThisThread(options: ServerOptions): Promise<Server> {
  return Server.start({ openCatalog: (path) => openInThisThread(path), ...options });
}
