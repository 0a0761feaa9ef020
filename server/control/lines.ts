/**
 * Lines of text on a connection.
 *
 * @module
 */
import { concatBytes } from "../../protocol/bytes.ts";
import { writeAll } from "../fs/file_system.ts";

/** The most bytes of a line. */
export const MAX_LINE = 4 * 1024 * 1024;
const NEWLINE = 10;

type Reader = Pick<Deno.Conn, "read">;
type Writer = Pick<Deno.Conn, "write">;

/** The first line, without its end; `undefined` if the connection ends before. Throws for a line that is too long. */
export async function readLine(from: Reader): Promise<string | undefined> {
  const pieces: Uint8Array[] = [];
  const buffer = new Uint8Array(64 * 1024);
  for (let length = 0; length <= MAX_LINE;) {
    const size = await from.read(buffer);
    if (size === null) return undefined;
    const end = buffer.subarray(0, size).indexOf(NEWLINE);
    pieces.push(buffer.slice(0, end < 0 ? size : end));
    if (end >= 0) return new TextDecoder().decode(concatBytes(...pieces));
    length += size;
  }
  throw new RangeError(`a line has more than ${MAX_LINE} bytes`);
}

/** Writes a line. The text must not contain a newline. */
export async function writeLine(to: Writer, text: string): Promise<void> {
  await writeAll(to, new TextEncoder().encode(`${text}\n`));
}
