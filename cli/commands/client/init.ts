/**
 * `xfer client init`: a transfer.info, from options or questions.
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

/** What else is to be done with a transfer.info that is there, and an invitation. */
const REGISTER = "To register with it as it is: xfer client --invitation TOKEN";

/** So often a question is asked that is not answered as it must be. */
const MAX_ASKED = 3;

/** Adds the command below `client`. */
export function addInitCommand(client: Command, run: Run): void {
  client.command("init")
    .description("Write a transfer.info, from options or questions; the server is seen to answer.")
    .option("--server <line>", "the server, as line 1 is to name it", parsing("server"))
    .option("--name <name>", "your name there", parsing("name"))
    .option("--file <path>", "the file that xfer client is to store", parsing("file"))
    .option("--force", "replace a transfer.info that is there")
    .option("--offline", "don't ask the server")
    .addHelpText("after", HELP)
    .action(async (choice: InitChoice, command: Command) => {
      await init(run, choice, command.optsWithGlobals<CommonOptions>());
    });
}

const HELP = example(
  "xfer client init",
  "xfer client init --server files.example.org:1256 --name Alice",
  "xfer client init --invitation mfzwizltoq2gk3tumuytgnbvgy",
) + `

What no option says is asked for on a terminal. A server of protocol 4 goes into line 1 with
its fingerprint, once you trust it: then no other can take its place. It is written only
when the server answers, or with --offline. With --invitation it registers you first.`;

/** What is asked for: the words, what it must be, and how it is read. */
const QUESTIONS = {
  server: {
    question: "The server, HOST:PORT or what it prints:",
    expected: EXPECTED.server,
    read: parseServerLine,
  },
  name: {
    question: "Your name there:",
    expected: EXPECTED.userName,
    read: (text: string) => isUserName(text) ? text : undefined,
  },
  file: {
    question: "The file to store (Enter for none):",
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
    throw new UsageError("conflicting-option", "--invitation can't be used with --offline", {
      hint: "Leave --offline out: it is the server that takes the invitation.",
    });
  }
  askedProtocol(common);
  if (!force && await isThere(path)) {
    throw transferInfoExists(path, common.invitation === undefined ? undefined : REGISTER);
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

/** Whether the server has said nothing of use: it is written all the same, if somebody wants it. */
function isUnanswered(error: unknown): error is XferError {
  return error instanceof XferError &&
    (error.category === "network" || error.code === "no-known-protocol");
}

/** Asks a person for what no option says, and the server for what it is; writes it down. */
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
  if (file !== undefined) await warnOfMissing(reporter, file);
  const { address: server, secure, fingerprint } = location;
  let info: TransferInfo = { server, secure, fingerprint, userName, file };
  if (!offline) info = await seen(run, info, common);
  // A token that the server does not take leaves nothing behind: the same command can be run with another.
  if (common.invitation !== undefined) await registerInvited(run, info, common);
  await writeTransferInfo(path, info, force);
  const { server: address, ...rest } = info;
  reporter.report({
    ...{ event: "written", path, location: formatLocation({ address, ...rest }) },
    ...{ user: userName, file },
  });
}

/** What line 1 is to be, with what the server shows of itself. Throws where it does not answer, unless that is fine. */
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
    if (await run.confirm("Write it all the same?")) return info;
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

/** The name of the account that a folder holds: who has one is nobody else. */
async function nameIn(folder: string): Promise<string | undefined> {
  return (await findV4Account(folder) ?? await findV3Account(folder))?.name;
}

async function warnOfMissing(reporter: Reporter, path: string): Promise<void> {
  const warn = (reason: string) => reporter.report({ event: "missing-file", path, reason });
  try {
    using _file = await Deno.open(path);
  } catch (error) {
    warn(error instanceof Deno.errors.NotFound ? "there is none" : reasonOf(error));
  }
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** Asks on the terminal for what no option has said. */
class Asker {
  readonly #run: Run;

  constructor(run: Run) {
    this.#run = run;
  }

  /** Throws `UsageError` `nobody-to-ask`, `invalid-answer`. */
  async require<Q extends InitQuestion>(name: Q): Promise<AnswerTo<Q>> {
    const answer = await this.ask(name);
    if (answer !== undefined) return answer;
    throw new UsageError("nobody-to-ask", `--${name} is missing, and nobody is there to be asked`, {
      hint: "Add to the command what is missing: --server HOST:PORT --name NAME.",
    });
  }

  /** `undefined` where nobody answers, or with nothing. */
  async ask<Q extends InitQuestion>(name: Q): Promise<AnswerTo<Q> | undefined> {
    const { question, expected, read } = QUESTIONS[name];
    for (let asked = 0; asked < MAX_ASKED; asked++) {
      const text = await this.#run.ask(question);
      if (text === undefined || (text === "" && name === "file")) return undefined;
      const answer = read(text) as AnswerTo<Q> | undefined;
      if (answer !== undefined) return answer;
      this.#run.reporter.note(`Expected ${printable(expected)}.`);
    }
    throw new UsageError("invalid-answer", `Asked ${MAX_ASKED} times, there was no answer of use`, {
      hint: `Expected is ${expected}.`,
    });
  }
}
