/**
 * The environment of a running command: its reporter, its signal and its exit code.
 *
 * @module
 */
import { type Command, Option } from "commander";
import type { Tracer } from "../client/mod.ts";
import { unlessAborted } from "../protocol/abort.ts";
import { shellWord } from "../protocol/printable.ts";
import { WireTraceReport } from "./output/wire_trace.ts";
import { killedBy, SUCCESS } from "./exit_codes.ts";
import { COMMON } from "./help/groups.ts";
import { Interrupt } from "./signals.ts";
import { COLORS, DEFAULT_OUTPUT, type OutputOptions, Reporter } from "./output/reporter.ts";

export class Run {
  readonly #chosen: { -readonly [K in keyof OutputOptions]: OutputOptions[K] } = {
    ...DEFAULT_OUTPUT,
  };
  #reporter: Reporter | undefined;
  #trace: WireTraceReport | undefined;
  #exitCode = SUCCESS;
  #interrupt: Interrupt | undefined;

  /** Prints everything. Created from the options, so use it only after the command line was parsed. */
  get reporter(): Reporter {
    return this.#reporter ??= new Reporter(this.#chosen);
  }

  /**
   * Aborts with an `InterruptedError` on Ctrl-C and similar signals. A command that never reads this property ends at once
   * instead.
   */
  get signal(): AbortSignal {
    this.#interrupt ??= new Interrupt((signal) =>
      this.reporter.report({ event: "stopping", signal })
    );
    return this.#interrupt.signal;
  }

  /** Asks as the reporter does. Throws `InterruptedError` if a signal comes before the answer. */
  ask(question: string): Promise<string | undefined> {
    return unlessAborted(this.signal, this.reporter.ask(question));
  }

  confirm(question: string): Promise<boolean> {
    return unlessAborted(this.signal, this.reporter.confirm(question));
  }

  /** The exit code of the command. If a signal stopped it before it was done, the code of the signal. */
  get exitCode(): number {
    const by = this.#interrupt?.by;
    return by === undefined || this.#exitCode === SUCCESS ? this.#exitCode : killedBy(by);
  }

  /** Traces protocol messages, with `--verbose`. */
  get tracer(): Tracer | undefined {
    if (!this.#chosen.verbose) return undefined;
    this.#trace ??= new WireTraceReport(this.reporter);
    return this.#trace.tracer;
  }

  /** Reports the last traced messages. */
  endWatch(): void {
    this.#trace?.end();
  }

  finish(exitCode: number = SUCCESS): void {
    this.#exitCode = exitCode;
  }

  /** Adds the options of every command. They may come before or after the names of commands. */
  addOutputOptions(command: Command): void {
    for (const { option, choose } of OUTPUT_OPTIONS) {
      const own = new Option(option.flags, option.description).helpGroup(COMMON);
      if (option.argChoices !== undefined) own.choices(option.argChoices);
      if (!option.negate) own.default(option.defaultValue);
      command.addOption(own);
      command.on(`option:${own.name()}`, (value) => Object.assign(this.#chosen, choose(value)));
    }
  }

  /** Adds an option of this command to the commands in hints, so that they work on the same place. */
  addPlace(command: Command, option: string): void {
    const end = command.name() as keyof OutputOptions["places"];
    command.on(`option:${option}`, (value: string) => {
      const { places } = this.#chosen;
      const place = `${places[end] ?? ""} --${option} ${shellWord(value)}`;
      this.#chosen.places = { ...places, [end]: place };
    });
  }

  /** Applies output options of a wrong command line, also those after the mistake. */
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
    option: new Option("--json", "print one JSON event per line on standard output"),
    choose: () => ({ json: true }),
  },
  {
    option: new Option("-q, --quiet", "print only results, errors and security warnings"),
    choose: () => ({ quiet: true }),
  },
  {
    option: new Option("-v, --verbose", "also print details, protocol messages and stack traces"),
    choose: () => ({ verbose: true }),
  },
  {
    option: new Option("--bytes", "print exact sizes in bytes"),
    choose: () => ({ bytes: true }),
  },
  {
    option: new Option("--color <when>", "use color: auto, always or never")
      .choices(COLORS).default(DEFAULT_OUTPUT.color),
    choose: (color) => ({ color: color as OutputOptions["color"] }),
  },
  {
    option: new Option("--no-progress", "do not show progress"),
    choose: () => ({ progress: false }),
  },
];
