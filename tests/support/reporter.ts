/** A reporter whose output is text. */
import { DEFAULT_OUTPUT, type OutputOptions, Reporter } from "../../cli/output/reporter.ts";

class Stream {
  text = "";
  readonly #terminal: boolean;

  constructor(terminal: boolean) {
    this.#terminal = terminal;
  }

  writeSync(bytes: Uint8Array): number {
    this.text += new TextDecoder().decode(bytes);
    return bytes.length;
  }

  write(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(this.writeSync(bytes));
  }

  isTerminal(): boolean {
    return this.#terminal;
  }
}

/** A reporter with these options, on streams that may be terminals. `answers`: what a person types. */
export function reporterWith(
  options: Partial<OutputOptions>,
  { terminal = false, noColor = false, now = (): number => 0, answers = [] as string[] } = {},
) {
  const [stdout, stderr] = [new Stream(terminal), new Stream(terminal)];
  const stdin = {
    isTerminal: () => terminal,
    read(buffer: Uint8Array): Promise<number | null> {
      const answer = answers.shift();
      if (answer === undefined) return Promise.resolve(null);
      return Promise.resolve(new TextEncoder().encodeInto(answer, buffer).written);
    },
  };
  const streams = { stdin, stdout, stderr, noColor };
  const reporter = new Reporter({ ...DEFAULT_OUTPUT, ...options }, streams, now);
  return { reporter, stdout, stderr };
}
