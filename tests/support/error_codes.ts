/** Every code that an error of xfer can have, found in the sources. */
import { fileURLToPath } from "node:url";
import { commandsOf, loadProgram, makeProgram } from "../../cli/program.ts";
import { Run } from "../../cli/run.ts";
import { Ended } from "../../cli/arguments/usage_error.ts";
import type { ErrorClass } from "../../cli/exit_codes.ts";
import * as errors from "../../protocol/errors.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FOLDERS = ["protocol", "client", "server", "cli"];

/** `any`: the class is that of another error, which is the cause. */
type Kind = ErrorClass | "any";

/** The classes of the errors with each code. */
export type ErrorCodes = ReadonlyMap<string, ReadonlySet<Kind>>;

/** The possible codes at places where the code is not a literal. */
const ELSEWHERE: readonly {
  readonly file: string;
  /** The start of the first argument. */
  readonly argument: string;
  readonly codes: (source: string) => readonly string[] | Promise<readonly string[]>;
}[] = [
  {
    ...{ file: "client/v4/request_mux.ts", argument: "code" },
    codes: (source) => literalsOf(/const \[code, message\] = ([^;]*);/, source, /\["([a-z-]+)"/g),
  },
  // The code of a server of protocol 4. An invalid one becomes "refused".
  {
    ...{ file: "client/v4/errors.ts", argument: "codeOf(reason" },
    codes: async () => ["refused", ...await refusalCodes()],
  },
  {
    ...{ file: "cli/configuration/configuration.ts", argument: "code" },
    codes: (source) =>
      literalsOf(/interface Dependent([\s\S]*)/, source, /"([a-z-]+-(?:unused|and-key))"/g),
  },
  // Existing errors with another message.
  { file: "client/v4/login.ts", argument: "error.code", codes: () => [] },
  { file: "client/v4/client.ts", argument: "cause.code", codes: () => [] },
  { file: "client/v4/put_stream.ts", argument: "code", codes: () => [] },
  {
    ...{ file: "cli/arguments/usage_error.ts", argument: "kebabCase(code.replace" },
    codes: () => Promise.all(Object.values(MISTAKES).map(codeOfMistake)),
  },
];

/** Commander's codes for mistakes in a command line, each with an example. */
export const MISTAKES: Readonly<Record<string, string>> = {
  conflictingOption: "client get a --version 1 --recursive",
  excessArguments: "client list a b",
  help: "server users",
  invalidArgument: "client --retries many",
  missingArgument: "client put",
  optionMissingArgument: "client --retries",
  unknownCommand: "sevrer",
  unknownOption: "client --jsno",
};

/** Throws if the code of an error cannot be determined. */
export async function errorCodes(): Promise<ErrorCodes> {
  const sources = await readSources();
  const classes = new Map(foundation());
  for (const source of sources.values()) {
    for (const [, name = "", base = ""] of source.matchAll(/class (\w+) extends (\w+)/g)) {
      const kind = classes.get(base);
      if (kind !== undefined) classes.set(name, kind);
    }
  }
  const found = new Map<string, Set<Kind>>([["internal", new Set<Kind>(["internal"])]]);
  const add = (code: string, kind: Kind) =>
    found.set(code, (found.get(code) ?? new Set()).add(kind));
  const used = new Set<unknown>();
  for (const { file, name, argument } of makings(sources)) {
    const kind = classes.get(name);
    if (kind === undefined) continue;
    const literal = /^"([a-z0-9-]+)"$/.exec(argument)?.[1];
    if (literal !== undefined) {
      add(literal, kind);
      continue;
    }
    const known = ELSEWHERE.find((row) => row.file === file && argument.startsWith(row.argument));
    if (known === undefined) throw new Error(`${file}: which codes has new ${name}(${argument}…?`);
    used.add(known);
    for (const code of await known.codes(sources.get(file) ?? "")) add(code, kind);
  }
  const stale = ELSEWHERE.filter((row) => !used.has(row)).map(({ file }) => file);
  if (stale.length > 0) throw new Error(`No such error is created in ${stale.join(", ")}`);
  return found;
}

/** The codes of refusals by a server of protocol 4. */
export async function refusalCodes(): Promise<string[]> {
  const source = await Deno.readTextFile(`${ROOT}server/v4/request_error.ts`);
  return literalsOf(/type RequestErrorCode =([^;]*);/, source, /"([a-z-]+)"/g);
}

/** The classes of protocol/errors.ts with their categories. */
function* foundation(): Generator<[string, Kind]> {
  for (const [name, value] of Object.entries(errors)) {
    if (value === errors.XferError) continue;
    if (value === errors.UnconfirmedError) {
      yield [name, "any"];
      continue;
    }
    const Made = value as new (code: string, message: string) => errors.XferError;
    yield [name, new Made("code", "").category];
  }
}

interface Making {
  readonly file: string;
  /** The name of the error class. */
  readonly name: string;
  /** The first argument, up to the next comma or bracket. */
  readonly argument: string;
}

/** Places where errors are created. A class with its own constructor has its code there. */
function makings(sources: ReadonlyMap<string, string>): Making[] {
  const made: Making[] = [];
  const own: Making[] = [];
  for (const [file, source] of sources) {
    for (const [, name = "", argument = ""] of source.matchAll(/new (\w+)\(\s*([^,)]*)/g)) {
      made.push({ file, name, argument: argument.trim() });
    }
    if (file === "protocol/errors.ts") continue;
    for (const [, name = "", body = ""] of source.matchAll(/class (\w+) extends ([\s\S]*?)\n}/g)) {
      const argument = /\bsuper\(\s*([^,)]*)/.exec(body)?.[1];
      if (argument !== undefined) own.push({ file, name, argument });
    }
  }
  const names = new Set(own.map(({ name }) => name));
  return [...own, ...made.filter(({ name }) => !names.has(name))];
}

async function codeOfMistake(line: string): Promise<string> {
  const program = await makeProgram(new Run());
  for (const command of commandsOf(program)) command.configureOutput({ writeErr: () => undefined });
  try {
    await program.parseAsync(line.split(" "), { from: "user" });
  } catch (error) {
    if (error instanceof Ended) return (await error.errorIn(line.split(" "), loadProgram)).code;
    throw error;
  }
  throw new Error(`xfer ${line} has no mistake`);
}

function literalsOf(where: RegExp, source: string, literal: RegExp): string[] {
  const text = where.exec(source)?.[1] ?? "";
  const found = [...text.matchAll(literal)].map(([, code = ""]) => code);
  if (found.length === 0) throw new Error(`Nothing matches ${where}`);
  return found;
}

async function readSources(): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  const read = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(ROOT + folder)) {
      const path = `${folder}/${name}`;
      if (isDirectory) await read(path);
      else if (name.endsWith(".ts")) sources.set(path, await Deno.readTextFile(ROOT + path));
    }
  };
  for (const folder of FOLDERS) await read(folder);
  return sources;
}
