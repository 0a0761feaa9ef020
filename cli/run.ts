/**
 * What a command needs to run: somebody to tell, and a way to say how it ended.
 *
 * @module
 */
import { type Command, Option } from "commander";
import type { Tracer } from "../client/mod.ts";
import { unlessAborted } from "../protocol/abort.ts";
import { shellWord } from "../protocol/printable.ts";
import { WireTraceReport } from "./output/wire_trace.ts";
import { killedBy, SUCCESS } from "./exit_codes.ts";
import { Interrupt } from "./signals.ts";
import { COLORS, DEFAULT_OUTPUT, type OutputOptions, Reporter } from "./output/reporter.ts";

/** What options of the output stand under in a command's help. */
export const OUTPUT_GROUP = "Output:";

export class Run {
  readonly #chosen: { -readonly [K in keyof OutputOptions]: OutputOptions[K] } = {
    ...DEFAULT_OUTPUT,
  };
  #reporter: Reporter | undefined;
  #trace: WireTraceReport | undefined;
  #exitCode = SUCCESS;
  #interrupt: Interrupt | undefined;

  /** What the command says goes through it. To be asked for when the command line was read. */
  get reporter(): Reporter {
    return this.#reporter ??= new Reporter(this.#chosen);
  }

  /**
   * Asks the command to stop in good order, with an `InterruptedError`. To be asked for by a command that does; a signal
   * ends any other at once.
   */
  get signal(): AbortSignal {
    this.#interrupt ??= new Interrupt((signal) =>
      this.reporter.report({ event: "stopping", signal })
    );
    return this.#interrupt.signal;
  }

  /** Asks as the reporter does. Throws `InterruptedError` where the command is to stop before there is an answer. */
  ask(question: string): Promise<string | undefined> {
    return unlessAborted(this.signal, this.reporter.ask(question));
  }

  confirm(question: string): Promise<boolean> {
    return unlessAborted(this.signal, this.reporter.confirm(question));
  }

  /** Of a command that was stopped before all was done, that of the signal. */
  get exitCode(): number {
    const by = this.#interrupt?.by;
    return by === undefined || this.#exitCode === SUCCESS ? this.#exitCode : killedBy(by);
  }

  /** Watches what is said on the network, with `--verbose`. */
  get tracer(): Tracer | undefined {
    if (!this.#chosen.verbose) return undefined;
    this.#trace ??= new WireTraceReport(this.reporter);
    return this.#trace.tracer;
  }

  /** Nothing more is said on the network. */
  endWatch(): void {
    this.#trace?.end();
  }

  finish(exitCode: number = SUCCESS): void {
    this.#exitCode = exitCode;
  }

  /** Adds the options that every command has. They may stand before or behind the names of commands. */
  addOutputOptions(command: Command): void {
    for (const { option, choose } of OUTPUT_OPTIONS) {
      const own = new Option(option.flags, option.description).helpGroup(OUTPUT_GROUP);
      if (option.argChoices !== undefined) own.choices(option.argChoices);
      if (!option.negate) own.default(option.defaultValue);
      command.addOption(own);
      command.on(`option:${own.name()}`, (value) => Object.assign(this.#chosen, choose(value)));
    }
  }

  /** Has commands that hints name work where this one does, as an option of it says. */
  addPlace(command: Command, option: string): void {
    const end = command.name() as keyof OutputOptions["places"];
    command.on(`option:${option}`, (value: string) => {
      const { places } = this.#chosen;
      const place = `${places[end] ?? ""} --${option} ${shellWord(value)}`;
      this.#chosen.places = { ...places, [end]: place };
    });
  }

  /** For what is wrong with a command line: what it says of the output counts, also behind the mistake. */
  scan(args: readonly string[]): void {
    const end = args.indexOf("--");
    for (const arg of end < 0 ? args : args.slice(0, end)) {
      const found = OUTPUT_OPTIONS.find(({ option }) =>
        option.isBoolean() && [option.short, option.long].includes(arg)
      );
      if (found !== undefined) Object.assign(this.#chosen, found.choose(""));
    }
  }
}

interface OutputOption {
  readonly option: Option;
  readonly choose: (value: string) => Partial<OutputOptions>;
}

const OUTPUT_OPTIONS: readonly OutputOption[] = [
  {
    option: new Option("--json", "a line of JSON for every event, on standard output"),
    choose: () => ({ json: true }),
  },
  {
    option: new Option("-q, --quiet", "only results, errors and security warnings"),
    choose: () => ({ quiet: true }),
  },
  {
    option: new Option("-v, --verbose", "also what is said on the network, and where errors arose"),
    choose: () => ({ verbose: true }),
  },
  {
    option: new Option("--color <when>", "whether words are coloured; auto: on a terminal")
      .choices(COLORS).default(DEFAULT_OUTPUT.color),
    choose: (color) => ({ color: color as OutputOptions["color"] }),
  },
  {
    option: new Option("--no-progress", "show no progress"),
    choose: () => ({ progress: false }),
  },
];
