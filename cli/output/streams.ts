/**
 * The standard streams of a command.
 *
 * @module
 */

/** The part of a standard stream that the reporter uses. */
export interface Stream {
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

export interface Streams {
  /** Answers questions; if missing, nobody does. */
  readonly stdin?: { read(buffer: Uint8Array): Promise<number | null>; isTerminal(): boolean };
  /** `write`: waits while the reader is slow, and other work continues. */
  readonly stdout: Stream & { write(bytes: Uint8Array): Promise<number> };
  readonly stderr: Stream;
  /** The width of the terminal, if known; notes are wrapped to it. */
  readonly columns?: () => number | undefined;
  /** Whether the user declined colors (https://no-color.org), or the terminal has none. */
  readonly noColor: boolean;
}

/** The streams of this process. */
export function standardStreams(): Streams {
  const { stdin, stdout, stderr, noColor } = Deno;
  return {
    ...{ stdin, columns },
    stdout: {
      write: (bytes) => stdout.write(bytes),
      writeSync: (bytes) => stdout.writeSync(bytes),
      isTerminal: once(() => stdout.isTerminal()),
    },
    stderr: {
      writeSync: (bytes) => stderr.writeSync(bytes),
      isTerminal: once(() => stderr.isTerminal()),
    },
    noColor: noColor || Deno.env.get("TERM") === "dumb",
  };
}

/** Reports ask for each file, which costs more than the rest of a report, and the answer never changes. */
function once(ask: () => boolean): () => boolean {
  let answer: boolean | undefined;
  return () => answer ??= ask();
}

function columns(): number | undefined {
  try {
    return Deno.consoleSize().columns || undefined;
  } catch {
    return undefined; // it does not tell
  }
}
