/** Ways to run the steps of the story, and what they print as a text that is the same each time. */
import { startXfer, xfer } from "../helpers/processes.ts";
import { Terminal } from "../helpers/terminal.ts";
import { type Run, type Step, Story } from "./story.ts";

/** What one form of a run has printed, all steps one behind the other. */
export type Form = () => Promise<string>;

/** Each form, by the name of its file; those in a terminal need one. */
export const FORMS: Readonly<Record<string, { readonly terminal: boolean; readonly tell: Form }>> =
  {
    "terminal": { terminal: true, tell: () => told(inTerminal) },
    "piped": { terminal: false, tell: () => told(piped) },
    "json": { terminal: false, tell: () => told(asJson) },
  };

/** Pages of help, as narrow as some terminals are. */
export const NARROW_COLUMNS = 40;
export const PAGES: readonly (readonly string[])[] = [
  ["--help"],
  ["client", "put", "--help"],
  ["server", "users", "--help"],
  ["help", "exit-codes"],
];

interface Printed {
  readonly code: number;
  /** As it is to be read. */
  readonly text: string;
  /** All of it, as it was. */
  readonly raw: string;
}

type Way = (step: Step, cwd: string) => Promise<Printed>;

async function told(way: Way): Promise<string> {
  const parts: string[] = [];
  const run: Run = async (step, cwd) => {
    const { code, text, raw } = await way(step, cwd);
    const words = step.args.map((arg) => arg === "" || arg.includes(" ") ? `"${arg}"` : arg);
    parts.push(`${step.who}$ xfer ${words.join(" ")}\n${text}→ exit code ${code}\n`);
    return raw;
  };
  await using story = await Story.begin(run);
  await story.tell();
  return stable(parts.join("\n"), story);
}

/** A terminal of 80 columns; progress is tried elsewhere, since how often it is drawn is a matter of time. */
async function inTerminal(step: Step, cwd: string): Promise<Printed> {
  await using terminal = await Terminal.xfer([...step.args, "--no-progress"], { cwd, rows: 50 });
  for (const [shown, keys] of step.answers ?? []) {
    await terminal.shows(shown);
    await terminal.type(keys);
  }
  if (step.stopAfter !== undefined) {
    await terminal.shows(step.stopAfter);
    await terminal.type("\x03");
  }
  const { code, written } = await terminal.end();
  return { code, text: withStyles(written.replaceAll("\r\n", "\n")), raw: written };
}

/** Into pipes: what went to standard output, and what to standard error. */
async function piped(step: Step, cwd: string): Promise<Printed> {
  const { code, stdout, stderr } = await ended(step, cwd);
  return { code, text: marked(stdout, "1| ") + marked(stderr, "2| "), raw: stdout + stderr };
}

/** As a program reads it; what people are told besides is what they are told without. */
async function asJson(step: Step, cwd: string): Promise<Printed> {
  const { code, stdout } = await ended({ ...step, ...withJson(step) }, cwd);
  const text = stdout.split("\n").filter((line) => !OFTEN.test(line)).join("\n");
  return { code, text, raw: stdout };
}

/** Events that come as often as time allows. */
const OFTEN = /^{"event":"(progress|comparing)"/;

function withJson({ args, otherwise }: Step): Partial<Step> {
  const json = (words: readonly string[]) => [...words, "--json"];
  return { args: json(args), ...(otherwise === undefined ? {} : { otherwise: json(otherwise) }) };
}

async function ended({ args, otherwise = args, stopAfter }: Step, cwd: string) {
  if (stopAfter === undefined) return await xfer(otherwise, cwd);
  await using running = startXfer(otherwise, cwd);
  await running.printed(stopAfter);
  running.kill("SIGINT");
  return await running.end();
}

/** A page at 40 columns, as it is shown. */
export async function narrowPages(): Promise<string> {
  const parts: string[] = [];
  for (const args of PAGES) {
    const options = { columns: NARROW_COLUMNS, rows: 50, env: { NO_COLOR: "1" } };
    await using terminal = await Terminal.xfer(args, options);
    const { lines } = await terminal.end();
    parts.push(`$ xfer ${args.join(" ")}\n${lines.join("\n")}\n`);
  }
  return parts.join("\n");
}

function marked(text: string, mark: string): string {
  return text.split("\n").slice(0, -1).map((line) => `${mark}${line}\n`).join("");
}

/** Control sequences by their names. */
const STYLES: Readonly<Record<string, string>> = {
  ...{ "31": "red", "32": "green", "33": "yellow", "2": "dim", "1": "bold", "34": "blue" },
  ...{ "39": "/", "22": "/", "0": "/" },
};

function withStyles(text: string): string {
  return text
    // deno-lint-ignore no-control-regex
    .replaceAll(/\x1b\[([0-9]+)m/g, (_, code: string) => `⟨${STYLES[code] ?? `SGR ${code}`}⟩`)
    // deno-lint-ignore no-control-regex
    .replaceAll(/[\x00-\x09\x0b-\x1f\x7f]/g, (c) => `⟨${c.charCodeAt(0).toString(16)}⟩`);
}

/** What differs from one run to the next, by what it is. The order matters: what is longer comes first. */
const CHANGING: readonly (readonly [RegExp, string])[] = [
  [/SHA256:[A-Za-z0-9+/]{43}/g, "⟨fingerprint⟩"],
  [/\b[0-9a-f]{32}\b/g, "⟨id⟩"],
  [/\b[0-9a-f]{12}\b/g, "⟨short id⟩"],
  [/it is not empty, \S+ is there/g, "it is not empty, ⟨name⟩ is there"],
  [/\b[a-z2-7]{26}\b/g, "⟨token⟩"],
  [/\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?Z| [+-]\d\d:\d\d)?/g, "⟨time⟩"],
  [/\b\d+\.\d{3} s {2}connection/g, "⟨seconds⟩ s  connection"],
  [/"after":[0-9.]+/g, '"after":⟨seconds⟩'],
  // A certificate's signature has one byte more or less.
  [/(helloAnswer, )\d+ bytes/g, "$1⟨size⟩ bytes"],
  [/("helloAnswer","count":1,"size":)\d+/g, "$1⟨size⟩"],
];

function stable(text: string, { folder, ports }: Story): string {
  let all = text.replaceAll(folder.path, "⟨folder⟩");
  for (const [port, name] of ports) all = all.replaceAll(`:${port}`, `:${name}`);
  for (const [port, name] of ports) all = all.replaceAll(`"port":${port}`, `"port":${name}`);
  for (const [what, name] of CHANGING) all = all.replaceAll(what, name);
  // The server of the last step has ports of its own.
  return all.replaceAll(/127\.0\.0\.1:[1-9]\d{3,4}\b/g, "127.0.0.1:⟨port⟩");
}
