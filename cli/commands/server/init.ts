/**
 * `xfer server init`: a settings file, from a few questions.
 *
 * @module
 */
import { type Command, InvalidArgumentError } from "commander";
import { printable, shellWord } from "../../../protocol/printable.ts";
import { reasonOf, StorageError, UsageError } from "../../../protocol/errors.ts";
import type { Settings } from "../../configuration/configuration.ts";
import { exampleFile } from "../../configuration/example.ts";
import { configurationOf } from "../../configuration/options.ts";
import { type Key, KEYS, parseSetting } from "../../configuration/settings.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";

const DEFAULT_FILE = "server.toml";
/** Attempts per question. */
const MAX_ASKED = 3;

interface Question {
  readonly key: Key;
  readonly question: string;
  /** The answer of one who only presses Enter. */
  readonly default: string;
}

/** The settings that differ from server to server. */
const QUESTIONS: readonly Question[] = [
  {
    key: "data",
    question: "Data folder, which keeps accounts and files",
    default: "./xfer-data",
  },
  {
    key: "advertise",
    question: "Address at which clients reach the server, HOST:PORT (empty: this machine's name)",
    default: "",
  },
  {
    key: "registration",
    question: "Who can register: anyone (open), invited users (invite) or no one (closed)",
    default: "invite",
  },
  {
    key: "quota",
    question: "Bytes that each account may store, such as 10GB, or none",
    default: "10GB",
  },
  {
    key: "log-file",
    question: "File for the log (empty: standard error)",
    default: "",
  },
];

/** Adds the command below `server`. */
export function addServerInitCommand(server: Command, run: Run): void {
  server.command("init")
    .description(`Create a settings file.\n\n${NOTES}`)
    .argument("[file]", `path of the file (default: ${DEFAULT_FILE})`)
    .option("--force", "overwrite an existing file")
    .addHelpText(
      "after",
      example(
        "xfer server init",
        "xfer server init /etc/xfer.toml --data /srv/xfer --registration closed",
      ),
    )
    .action(async (
      path = DEFAULT_FILE,
      { force = false }: { force?: boolean },
      command: Command,
    ) => {
      const { settings } = await configurationOf(command);
      await checkFree(path, force);
      const values = await answers(run, settings);
      await write(path, `${exampleFile(values)}\n`, force);
      const configured = `--config ${shellWord(path)}`;
      const [start, status] = [`xfer server ${configured}`, `xfer server status ${configured}`];
      run.reporter.report({ event: "settings-written", path, start, status });
    });
}

const NOTES = `\
Asks for the settings that matter most, unless options or variables give them: --data, --advertise,
--registration, --quota and --log-file. Without a terminal, it takes the answers in brackets: only
invited users can register, and each can store 10GB. The file has every other setting with its
default, commented out.`;

/** The values of all settings that are given, and of those that were asked for. */
async function answers(run: Run, settings: Settings): Promise<Map<Key, string>> {
  const values = new Map<Key, string>();
  for (const key of KEYS) {
    const { source: { kind }, text } = settings[key];
    if (kind !== "default") values.set(key, text);
  }
  for (const question of QUESTIONS) {
    if (values.has(question.key)) continue;
    values.set(question.key, await answerTo(question, run));
  }
  for (const [key, text] of values) if (text === "") values.delete(key);
  return values;
}

/** The default without a terminal. Throws `UsageError` `invalid-answer`. */
async function answerTo(
  { key, question, default: usual }: Question,
  run: Run,
): Promise<string> {
  const words = usual === "" ? `${question}:` : `${question} [${usual}]:`;
  for (let asked = 0; asked < MAX_ASKED; asked++) {
    const text = await run.ask(words) || usual;
    try {
      parseSetting(key, text);
      return text;
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      run.reporter.note(printable(error.message));
    }
  }
  throw new UsageError("invalid-answer", `no valid answer after ${MAX_ASKED} attempts`, {
    hint: `To set it without a question, add --${key}.`,
  });
}

/** Refuses anything but a free path, or with `force` a regular file. */
async function checkFree(path: string, force: boolean): Promise<void> {
  try {
    const { isFile } = await Deno.lstat(path);
    if (!force || !isFile) throw targetExists(path, isFile);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error instanceof UsageError ? error : cannotWrite(path, error);
  }
}

/** Writes the file as a whole or not at all. */
async function write(path: string, text: string, force: boolean): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    {
      using file = await Deno.open(temporary, { write: true, createNew: true });
      const bytes = new TextEncoder().encode(text);
      for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
      await file.sync();
    }
    // The path was checked before the questions, which take their time.
    await checkFree(path, force);
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => undefined);
    throw error instanceof UsageError ? error : cannotWrite(path, error);
  }
}

function targetExists(path: string, isFile: boolean): UsageError {
  const hint = isFile
    ? "Choose another path, or overwrite it with --force."
    : "Choose another path.";
  return new UsageError("target-exists", `${printable(path)} already exists`, { hint });
}

function cannotWrite(path: string, cause: unknown): StorageError {
  const reason = printable(reasonOf(cause));
  return new StorageError("cannot-write", `cannot write ${printable(path)}: ${reason}`, {
    hint: "Choose a folder that exists and that you can write to.",
    cause,
  });
}
