/**
 * `port.info`: the port in digits, as the published servers read it from the folder they run in.
 *
 * @module
 */
import { ConfigurationError, reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { readRegularFile } from "../fs/file_system.ts";

export const PORT_INFO = "port.info";
/** Bytes of a port and of spaces around it. */
const MAX_SIZE = 1024;

/** The port of a `port.info`, or `undefined` where there is none. Throws `ConfigurationError` `bad-port-info`. */
export async function readPortInfo(path: string): Promise<number | undefined> {
  let text: string;
  try {
    text = new TextDecoder().decode(await readRegularFile(path, MAX_SIZE, Deno.stat));
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw new ConfigurationError(
      "bad-port-info",
      `Cannot read ${printable(path)}: ${reasonOf(cause)}`,
      {
        cause,
      },
    );
  }
  const line = text.replace(/^\uFEFF/, "").trim();
  const port = /^[0-9]{1,5}$/.test(line) ? Number(line) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new ConfigurationError(
    "bad-port-info",
    `${printable(path)} line 1: found "${
      printable(line.slice(0, 40))
    }", expected a port from 1 to 65535`,
    { hint: "Correct it, remove it, or name the address: --listen HOST:PORT." },
  );
}
