/**
 * Where words go: results to standard output, everything else to standard error.
 *
 * @module
 */
import { StorageError, XferError } from "../protocol/errors.ts";
import { printable } from "../protocol/text.ts";

const encoder = new TextEncoder();

/** Whether standard output was closed by who reads it: `xfer server list | head`. */
let nobodyReads = false;

/** A line of the result that the command was run for. Throws `StorageError` `cannot-write-output`. */
export function printResult(line: string): void {
  if (nobodyReads) return;
  try {
    writeLine(Deno.stdout, line);
  } catch (cause) {
    if (cause instanceof Deno.errors.BrokenPipe) {
      nobodyReads = true;
      return;
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StorageError(
      "cannot-write-output",
      `Cannot write to standard output: ${reason}; it would have said: ${line}`,
      { cause },
    );
  }
}

/** A line about what is going on. Where it can't be written, the work goes on all the same. */
export function printNote(line: string): void {
  try {
    writeLine(Deno.stderr, line);
  } catch {
    return; // there is nobody left to tell
  }
}

/** What failed, and what to do. */
export function printError(error: unknown): void {
  if (error instanceof XferError) {
    printNote(`xfer: ${printable(error.message)} [${error.code}]`);
    if (error.hint !== undefined) printNote(`      ${printable(error.hint)}`);
  } else {
    const what = error instanceof Error ? error.stack ?? error.message : String(error);
    printNote("xfer: internal error, please report it:");
    for (const line of what.split("\n")) printNote(printable(line));
  }
}

/** Asks on the terminal; `false` where there is none. */
export function confirm(question: string): boolean {
  return Deno.stdin.isTerminal() && globalThis.confirm(question);
}

function writeLine(stream: { writeSync(bytes: Uint8Array): number }, line: string): void {
  const bytes = encoder.encode(line + "\n");
  for (let done = 0; done < bytes.length;) done += stream.writeSync(bytes.subarray(done));
}
