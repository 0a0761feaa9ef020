/**
 * Where words go: results to standard output, everything else to standard error.
 *
 * @module
 */
import { printable, XferError } from "../mod.ts";

const encoder = new TextEncoder();

/** A line of the result that the command was run for. */
export function printResult(line: string): void {
  writeLine(Deno.stdout, line);
}

/** A line about what is going on. */
export function printNote(line: string): void {
  writeLine(Deno.stderr, line);
}

/** What failed, and what to do. */
export function printError(error: unknown): void {
  if (error instanceof XferError) {
    printNote(`xfer: ${error.message} [${error.code}]`);
    if (error.hint !== undefined) printNote(`      ${error.hint}`);
  } else {
    const what = error instanceof Error ? error.stack ?? error.message : String(error);
    printNote("xfer: internal error, please report it:");
    for (const line of what.split("\n")) printNote(printable(line));
  }
}

function writeLine(stream: { writeSync(bytes: Uint8Array): number }, line: string): void {
  const bytes = encoder.encode(line + "\n");
  for (let done = 0; done < bytes.length;) done += stream.writeSync(bytes.subarray(done));
}
