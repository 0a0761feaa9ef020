/**
 * Asks a running server on this machine whether it is ready.
 *
 * @module
 */
import { NetworkError, reasonOf } from "../../protocol/errors.ts";
import { readFull, writeAll } from "../fs/file_system.ts";
import { type AdminAddress, formatAdminAddress } from "./admin_address.ts";
import type { HealthReport } from "./health.ts";

/** The time for the answer, in milliseconds. The server's own checks take two seconds at most. */
const ANSWER_MS = 10_000;
/** The most bytes of an answer. */
const MAX_ANSWER = 64 * 1024;
/** Ends the connection after the answer, so that its length needs no parsing. */
const REQUEST = "GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n";
const HINT = "Check that the server is running, and that this is its --admin-listen.";

/** The report of the server at an address of this machine. Throws `NetworkError` `cannot-connect`. */
export async function readHealth(address: AdminAddress): Promise<HealthReport> {
  const where = formatAdminAddress(address);
  try {
    using connection = "path" in address
      ? await Deno.connect({ transport: "unix", path: address.path })
      : await Deno.connect({ ...address });
    const answer = await within(ANSWER_MS, exchange(connection));
    const [head = "", body = ""] = answer.split(/\r\n\r\n(.*)/s);
    if (!/^HTTP\/1\.[01] (?:200|503) /.test(head)) throw new Error("another program answers there");
    return JSON.parse(body);
  } catch (cause) {
    const message = `cannot ask the server at ${where}: ${reasonOf(cause)}`;
    throw new NetworkError("cannot-connect", message, { hint: HINT, cause });
  }
}

async function exchange(connection: Deno.Conn): Promise<string> {
  await writeAll(connection, new TextEncoder().encode(REQUEST));
  return new TextDecoder().decode(await readFull(connection, new Uint8Array(MAX_ANSWER)));
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
