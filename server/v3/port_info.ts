/**
 * `port.info`: the port in decimal digits. The published servers read it from their working folder.
 *
 * @module
 */
import { ConfigurationError, reasonOf } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { readRegularFile } from "../fs/file_system.ts";

export const PORT_INFO = "port.info";
/** The most bytes of the file: a port, and spaces around it. */
const MAX_SIZE = 1024;

/** The port in a `port.info`; `undefined` if there is no such file. Throws `ConfigurationError` `bad-port-info`. */
export async function readPortInfo(path: string): Promise<number | undefined> {
  let text: string;
  try {
    text = new TextDecoder().decode(await readRegularFile(path, MAX_SIZE, Deno.stat));
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw new ConfigurationError(
      "bad-port-info",
      `cannot read ${printable(path)}: ${reasonOf(cause)}`,
      { cause },
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
    { hint: "Correct or delete the file, or choose the address with --listen HOST:PORT." },
  );
}
