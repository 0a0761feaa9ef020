/**
 * Asks a running server through the socket in its data folder.
 *
 * @module
 */
import { join } from "node:path";
import { ConfigurationError, reasonOf, UnavailableError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { CONTROL_SOCKET } from "../../protocol/server_files.ts";
import type { ServerLocation } from "../stores/with_store.ts";
import type { ControlArguments } from "./control_socket.ts";
import { readLine, writeLine } from "./lines.ts";

/** The time to wait for an answer, in milliseconds. */
const TIMEOUT_MS = 30_000;
/** The errors of a socket that no server listens on. */
const ABSENT = [Deno.errors.NotFound, Deno.errors.ConnectionRefused];

/**
 * The result of a request. Throws `ConfigurationError` `no-running-server`, and `UnavailableError` `unavailable` if the
 * server does not answer.
 */
export async function callServer(
  location: ServerLocation,
  request: string,
  given: ControlArguments = {},
): Promise<unknown> {
  const folder = typeof location === "string" ? location : location.dataFolder;
  if (folder === undefined) throw notRunning("without a data folder");
  using connection = await connect(folder);
  const id = setTimeout(() => connection.close(), TIMEOUT_MS);
  try {
    await writeLine(connection, JSON.stringify({ request, ...given }));
    const line = await readLine(connection);
    if (line === undefined) throw new Error("it has closed the connection");
    const { result, error } = JSON.parse(line) as { result?: unknown; error?: string };
    if (error !== undefined) throw new Error(error);
    return result;
  } catch (cause) {
    const message = `the server did not answer: ${printable(reasonOf(cause))}`;
    throw new UnavailableError("unavailable", message, { cause });
  } finally {
    clearTimeout(id);
  }
}

async function connect(folder: string): Promise<Deno.UnixConn> {
  try {
    return await Deno.connect({ transport: "unix", path: join(folder, CONTROL_SOCKET) });
  } catch (cause) {
    if (ABSENT.some((absent) => cause instanceof absent)) throw notRunning(folder, cause);
    const message = `cannot reach the server: ${printable(reasonOf(cause))}`;
    throw new UnavailableError("unavailable", message, { cause });
  }
}

function notRunning(folder: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(
    "no-running-server",
    `no server runs on ${printable(folder)}`,
    {
      hint:
        "Start the server, or name its data folder with --data DIR or its settings with --config FILE.",
      cause,
    },
  );
}
