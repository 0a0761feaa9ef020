/**
 * Requests to the operator's port that could not be answered.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import type { Log } from "../limits/server_log.ts";

export function logFailedRequest(
  log: Log,
  { method, path }: { readonly method: string; readonly path: string },
  error: unknown,
): void {
  log.error("Could not answer {request} of the admin port: {reason}", {
    event: "server.admin-failed",
    request: printable(`${method} ${path}`),
    reason: printable(String(error)),
  });
}
