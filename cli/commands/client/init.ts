/**
 * `xfer client init`: creates transfer.info from options and answers.
 *
 * @module
 */
import { type Command, InvalidArgumentError } from "commander";
import {
  askServer,
  clientFolder,
  EXPECTED,
  findV3Account,
  findV4Account,
  formatLocation,
  hasV4Account,
  isFileLine,
  KnownServers,
  type Location,
  parseServerLine,
  readAuthorities,
  refuseOtherUser,
  type ServerStatus,
  type TransferInfo,
  transferInfoExists,
  writeTransferInfo,
} from "../../../client/mod.ts";
import { isUserName, printable } from "../../../protocol/printable.ts";
import { reasonOf, UsageError, XferError } from "../../../protocol/errors.ts";
import type { Reporter } from "../../output/reporter.ts";
import type { Run } from "../../run.ts";
import {
  askedProtocol,
  type CommonOptions,
  registerInvited,
  toTimeouts,
  trusting,
} from "./connect.ts";
import { reportUsingV3 } from "../../output/client_events.ts";
import { example } from "../../text/format.ts";

interface InitChoice {
  readonly server?: Location;
  readonly name?: string;
  readonly file?: string;
  readonly force?: boolean;
  readonly offline?: boolean;
}

/** Attempts per question. */
const MAX_ASKED = 3;

/** Adds the command below `client`. */
export function addInitCommand(client: Command, run: Run): void {
  client.command("init")
    .description(`Create transfer.info, which names your server and user name.\n\n${NOTES}`)
    .option("--server <address>", "HOST:PORT, or the xfer:// line of the server", parsing("server"))
    .option("--name <name>", "your user name on that server", parsing("name"))
    .option(
      "--file <path>",
      "file to upload when 'xfer client' is run without a command",
      parsing("file"),
    )
    .option("--force", "overwrite an existing transfer.info")
    .option("--offline", "do not connect to the server")
    .addHelpText("after", HELP)
    .action(async (choice: InitChoice, command: Command) => {
      await init(run, choice, command.optsWithGlobals<CommonOptions>());
    });
}

const NOTES = `\
Asks for the values that no option gives. Checks that the server answers and, once you trust its
key, adds the fingerprint to line 1, so that no other server can take its place. With --invitation,
also registers you.`;

const HELP = example(
  "xfer client init",
  "xfer client init --server files.example.org:1256 --name Alice",
  "xfer client init --invitation mfzwizltoq2gk3tumuytgnbvgy",
);

/** Questions: their words, the expected answer, and its parser. */
const QUESTIONS = {
  server: {
    placeholder: "HOST:PORT",
    question: "Server address (HOST:PORT or xfer:// line):",
    expected: EXPECTED.server,
    read: parseServerLine,
  },
  name: {
    placeholder: "NAME",
    question: "Your user name on the server:",
    expected: EXPECTED.userName,
    read: (text: string) => isUserName(text) ? text : undefined,
  },
  file: {
    placeholder: "PATH",
    question: "File that 'xfer client' uploads [none]:",
    expected: EXPECTED.file,
    read: (text: string) => isFileLine(text) ? text : undefined,
  },
} as const;

type InitQuestion = keyof typeof QUESTIONS;
type AnswerTo<Q extends InitQuestion> = NonNullable<ReturnType<(typeof QUESTIONS)[Q]["read"]>>;

/** A parser of an option. */
function parsing<Q extends InitQuestion>(name: Q): (text: string) => AnswerTo<Q> {
  const { read, expected } = QUESTIONS[name];
  return (text) => {
    const value = read(text) as AnswerTo<Q> | undefined;
    if (value !== undefined) return value;
    throw new InvalidArgumentError(`Expected ${expected}.`);
  };
}

async function init(run: Run, choice: InitChoice, common: CommonOptions): Promise<void> {
  const { reporter } = run;
  const { transferInfo: path } = common;
  const { force = false, offline = false } = choice;
  if (offline && common.invitation !== undefined) {
    throw new UsageError("conflicting-option", "--invitation cannot be used with --offline", {
      hint: "Omit --offline: only the server can accept an invitation.",
    });
  }
  askedProtocol(common);
  if (!force && await isThere(path)) {
    throw transferInfoExists(path, await registerHint(common));
  }
  try {
    await ask(run, choice, common);
  } catch (error) {
    if (error instanceof XferError && !(error instanceof UsageError)) {
      reporter.reportError(error);
      reporter.report({
        ...{ event: "not-written", path, code: error.code },
        offline: (isUnanswered(error) && common.invitation === undefined) || undefined,
      });
    }
    throw error;
  }
}

/** A hint for an invitation if transfer.info exists and has no account yet. */
async function registerHint(common: CommonOptions): Promise<string | undefined> {
  const { invitation, transferInfo } = common;
  if (invitation === undefined || await hasV4Account(clientFolder(transferInfo))) {
    return undefined;
  }
  return `Run 'xfer client --invitation ${invitation}' to register with it.`;
}

/** Whether the server gave no usable answer: the user may want the file anyway. */
function isUnanswered(error: unknown): error is XferError {
  return error instanceof XferError &&
    (error.category === "network" || error.code === "no-known-protocol");
}

/** Asks for missing values, checks the server, and writes the file. */
async function ask(run: Run, choice: InitChoice, common: CommonOptions): Promise<void> {
  const { reporter } = run;
  const { transferInfo: path } = common;
  const { force = false, offline = false } = choice;
  const asker = new Asker(run);
  const folder = clientFolder(path);
  const location = choice.server ?? await asker.require("server");
  const userName = choice.name ?? await nameIn(folder) ?? await asker.require("name");
  await refuseOtherUser(folder, userName);
  const file = choice.file ?? await asker.ask("file");
  const missing = file !== undefined && await warnOfMissing(reporter, file);
  const { address: server, secure, fingerprint } = location;
  let info: TransferInfo = { server, secure, fingerprint, userName, file };
  if (!offline) info = await seen(run, info, common);
  // Register first: after a refused token, the same command can be run with another.
  if (common.invitation !== undefined) await registerInvited(run, info, common);
  await writeTransferInfo(path, info, force);
  const { server: address, ...rest } = info;
  reporter.report({
    ...{ event: "written", path, location: formatLocation({ address, ...rest }) },
    ...{ user: userName, file, ...missing ? { missing } : {} },
  });
}

/** Adds what the server proves of itself. Throws if it does not answer, unless the user wants the file anyway. */
async function seen(run: Run, info: TransferInfo, common: CommonOptions): Promise<TransferInfo> {
  const { reporter, signal, tracer } = run;
  const { timeout, caCert, transferInfo, invitation } = common;
  const asked = askedProtocol(common);
  const { server } = info;
  const identityFolder = clientFolder(transferInfo);
  const caCerts = caCert === undefined ? undefined : await readAuthorities(caCert);
  let answering: ServerStatus;
  try {
    answering = await askServer({
      ...{ info, asked, identityFolder, signal, tracer, timeouts: toTimeouts(timeout) },
      caCerts,
      onNewServer: trusting(run, server, common),
    });
  } catch (error) {
    if (!isUnanswered(error) || invitation !== undefined) throw error;
    reporter.reportError(error);
    if (await run.confirm(`Write ${printable(transferInfo)} anyway?`)) return info;
    throw error;
  }
  if (answering.protocol === 3) {
    reportUsingV3(reporter, server, answering);
    const { edition } = answering;
    if (edition !== undefined) {
      reporter.report({ event: "edition-found", edition: edition.name, certain: true });
    }
    return info;
  }
  const { identity } = answering;
  if (identity === "pki" && caCerts !== undefined) {
    await new KnownServers(identityFolder).keep(server, identity, caCerts);
  }
  return { ...info, secure: true, fingerprint: identity === "pki" ? undefined : identity };
}

/** The user name of the account in a folder. */
async function nameIn(folder: string): Promise<string | undefined> {
  return (await findV4Account(folder) ?? await findV3Account(folder))?.name;
}

/** Warns if a file cannot be read. Returns whether it did. */
async function warnOfMissing(reporter: Reporter, path: string): Promise<boolean> {
  try {
    using _file = await Deno.open(path);
    return false;
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "no such file" : reasonOf(error);
    reporter.report({ event: "missing-file", path, reason });
    return true;
  }
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** Asks on the terminal for values that no option gives. */
class Asker {
  readonly #run: Run;

  constructor(run: Run) {
    this.#run = run;
  }

  /** Throws `UsageError` `nobody-to-ask`, `invalid-answer`. */
  async require<Q extends InitQuestion>(name: Q): Promise<AnswerTo<Q>> {
    const answer = await this.ask(name);
    if (answer !== undefined) return answer;
    throw new UsageError(
      "nobody-to-ask",
      `--${name} is missing: no terminal to ask on`,
      {
        hint: `Add --${name} ${QUESTIONS[name].placeholder}.`,
      },
    );
  }

  /** `undefined` without a terminal or an answer. */
  async ask<Q extends InitQuestion>(name: Q): Promise<AnswerTo<Q> | undefined> {
    const { question, expected, read } = QUESTIONS[name];
    for (let asked = 0; asked < MAX_ASKED; asked++) {
      const text = await this.#run.ask(question);
      if (text === undefined || (text === "" && name === "file")) return undefined;
      const answer = read(text) as AnswerTo<Q> | undefined;
      if (answer !== undefined) return answer;
      this.#run.reporter.note(`Expected ${printable(expected)}.`);
    }
    throw new UsageError("invalid-answer", `no valid answer after ${MAX_ASKED} attempts`, {
      hint: `Enter ${expected}.`,
    });
  }
}
