/**
 * `xfer client`.
 *
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  chooseProtocol,
  clientFolder,
  DEFAULT_RETRIES,
  DEFAULT_TIMEOUTS,
  hasSecureAccount,
  KnownServers,
  type PlainReason,
  readTransferInfo,
  sendFiles,
  type SendOptions,
  TRANSFER_INFO,
  type TransferInfo,
} from "../client/mod.ts";
import {
  type Address,
  CLIENT_HABITS,
  ConfigurationError,
  EDITIONS,
  findEdition,
  formatAddress,
  fromPrintable,
  type Habit,
  printable,
  UsageError,
  XferError,
} from "../protocol/mod.ts";
import { SUCCESS } from "./exit_codes.ts";
import { addInitCommand } from "./init.ts";
import { addForget } from "./known.ts";
import { parseToken } from "./link.ts";
import { type PutChoice, putSecurely, summarise } from "./put.ts";
import { StoredRecord } from "./stored_record.ts";
import type { Run } from "./run.ts";
import { addStatusCommand } from "./status.ts";
import {
  addSecureCommands,
  askedProtocol,
  type CommonOptions,
  registerInvited,
  toTimeouts,
} from "./secure.ts";
import { showProgress } from "./show_progress.ts";
import { tellPlain, tellPlainProtocol, tellRetry } from "./told.ts";
import { addTransferOptions, EXCLUDE_HELP } from "./transfer_options.ts";
import { example } from "./words.ts";

interface ClientOptions extends CommonOptions, PutChoice {
  readonly quirk?: Habit[];
}

const AUTO = "auto";

/** With the longest waits between them these take more than an hour: who needs more has no network. */
const MAX_RETRIES = 100;

/** In seconds: less is hardly enough to cross a continent, more is no bound. */
const MIN_TIMEOUT = 0.1;
const MAX_TIMEOUT = 3600;

/** Fills in the command. */
export function clientCommand(client: Command, run: Run): void {
  client
    .option(
      "--transfer-info <file>",
      "the file that names server, user and file; your keys are in its folder",
      TRANSFER_INFO,
    )
    .addOption(
      new Option(
        "--protocol <version>",
        "which to speak; auto: 4 with servers that have it or are known by it, else 3; " +
          "--protocol 3 is remembered",
      ).choices(["3", "4", AUTO]).default(AUTO),
    )
    .option(
      "--invitation <token>",
      "register with this, where not everybody may (protocol 4)",
      parseToken,
    )
    .option("--accept-new", "trust a server that is met for the first time (protocol 4)")
    .option(
      "--ca-cert <file>",
      "trust this authority too, for a server known by name; remembered (protocol 4)",
    )
    .addOption(
      new Option(
        "--edition <name>",
        "what the server speaks (protocol 3; default: as last time, or 2023c)",
      )
        .choices([...EDITIONS.map(({ name }) => name), AUTO]),
    )
    .addOption(
      new Option(
        "--quirk <name...>",
        "what the server does besides (protocol 3; default: as last time)",
      )
        .choices(CLIENT_HABITS),
    )
    .option(
      "--retries <n>",
      `how often to try again when the network fails without progress, 0 to ${MAX_RETRIES}`,
      numberBetween(0, MAX_RETRIES, "a whole number"),
      DEFAULT_RETRIES,
    )
    .option(
      "--timeout <seconds>",
      "how long to wait for a connection, and for each answer " +
        `(default: ${DEFAULT_TIMEOUTS.connectMs / 1000}, and ${
          DEFAULT_TIMEOUTS.responseMs / 1000
        })`,
      numberBetween(MIN_TIMEOUT, MAX_TIMEOUT, "seconds"),
    )
    .addHelpText("after", CLIENT_HELP)
    .action(async (options: ClientOptions) => run.finish(await put(run, options, [])));
  run.addPlace(client, "transfer-info");
  addInitCommand(client, run);
  const command = client.command("put")
    .description("Store files, and by protocol 4 folders with all that is in them.")
    .argument("<path...>", "what to store; line 3 of transfer.info is not used")
    .option("--as <name>", "the name on the server of the only path (protocol 4)", fromPrintable);
  addTransferOptions(command, " (protocol 4)")
    .addHelpText("after", PUT_HELP)
    .action(async (files: string[], _options: unknown, command: Command) =>
      run.finish(await put(run, command.optsWithGlobals<ClientOptions>(), files))
    );
  addSecureCommands(client, run);
  addStatusCommand(client, run);
  addForget(client, run);
}

const CLIENT_HELP = `
transfer.info has three lines: the server, your name there, the file to store. It is
written by hand, or by xfer client init.

Example:
  $ cat transfer.info
  files.example.org:1256
  Alice
  report.pdf
  $ xfer client

A server of a published edition, which is not asked for protocol 4 then:
  $ xfer client --edition auto

The first run registers the name and writes me.key and me.account (by protocol 3 me.info
and priv.key), which prove who you are: keep them. Later runs use them.`;

const PUT_HELP = example(
  "xfer client put report.pdf photos.zip",
  "xfer client put photos --exclude '*.tmp' --exclude /raw/ --limit-rate 2MB",
) + `

Only what the server does not have with the same content is sent; nothing is removed there.
Links, other special files and empty folders below a folder are skipped and named; so are
private files of xfer, such as me.key or a server's data folder, and unfinished downloads.
A file that cannot be sent does not hold up the others: it is named with the reason, and
the exit code is not 0. What the server has got of a large file when the network fails, or
Ctrl-C is pressed, it keeps for a while: the same command goes on from there.
${EXCLUDE_HELP}`;

/** Options that protocol 3 knows nothing of, as they are called in a sentence. */
const PROTOCOL_4_ONLY = {
  as: "A name on the server",
  exclude: "A pattern of what is left out",
  limitRate: "A rate",
  parallel: "A number of connections",
} as const satisfies Partial<Record<keyof ClientOptions, string>>;

/** Stores files; returns the exit code. */
async function put(run: Run, options: ClientOptions, named: readonly string[]): Promise<number> {
  const { transferInfo } = options;
  const info = await readTransferInfo(transferInfo);
  const { file } = info;
  const files = named.length > 0 ? named : file === undefined ? [] : [file];
  if (files.length === 0 && options.invitation !== undefined) {
    return await takeInvitation(run, info, options);
  }
  if (files.length === 0) {
    throw new ConfigurationError(
      "bad-transfer-info",
      `${
        printable(transferInfo)
      } line 3: it is empty or missing, expected the path of the file to send`,
      { hint: "Add it, or name files: xfer client put FILE…" },
    );
  }
  const record = new StoredRecord(
    clientFolder(transferInfo),
    info.userName,
    formatAddress(info.server),
  );
  try {
    return await send(run, info, options, files, record);
  } catch (error) {
    run.reporter.reportError(error);
    if (error instanceof XferError) tellUnsent(run, error, files);
    throw error;
  } finally {
    await record.keep(run.reporter);
  }
}

/** Registers, where there is nothing to store yet; returns the exit code. */
async function takeInvitation(
  run: Run,
  info: TransferInfo,
  options: ClientOptions,
): Promise<number> {
  askedProtocol(options);
  if (await hasSecureAccount(clientFolder(options.transferInfo))) {
    throw new UsageError("account-exists", `${info.userName} has an account here already`, {
      hint: "Leave --invitation out, and name files to store: xfer client put FILE…",
    });
  }
  await registerInvited(run, info, options);
  return SUCCESS;
}

/** Nothing was sent. Of several files it is to be clear that this is so of all, and not of one alone. */
function tellUnsent(run: Run, { category, code }: XferError, files: readonly string[]): void {
  const isStopped = category === "interrupted";
  if (!isStopped && (files.length === 1 || category === "usage")) return;
  const state = isStopped ? "not-tried" : "not-stored";
  for (const path of files) run.reporter.report({ event: "not-stored", path, state, code });
}

async function send(
  run: Run,
  info: TransferInfo,
  options: ClientOptions,
  files: readonly string[],
  record: StoredRecord,
): Promise<number> {
  const { invitation, edition, quirk, retries, timeout } = options;
  const { server, userName } = info;
  const { reporter, watch, signal } = run;
  const identityFolder = clientFolder(options.transferInfo);
  const choice = await chooseProtocol({
    ...{ info, identityFolder, retries, watch, signal },
    asked: askedProtocol(options),
    namesDialect: edition !== undefined || quirk !== undefined,
    namesTrust: options.acceptNew === true || options.caCert !== undefined,
    timeouts: toTimeouts(timeout),
    onRetry: (retry) => tellRetry(reporter, retry),
  });
  const [only4] = Object.entries(PROTOCOL_4_ONLY)
    .filter(([option]) => options[option as keyof typeof PROTOCOL_4_ONLY] !== undefined);
  if (choice.protocol === 4) {
    const byProtocol3 = only4 === undefined && invitation === undefined ? "possible" : "impossible";
    return await putSecurely(run, info, options, files, options, record, byProtocol3);
  }
  if (only4 !== undefined) throw only4Has(only4[1], choice.why, options, server);
  tellPlainProtocol(reporter, server, choice);
  const parties = { user: userName, server: formatAddress(server) };
  using _progress = showProgress(reporter, "put");
  let isLetIn = false;
  const outcomes = await sendFiles({
    ...{ server, userName, files, retries, watch, signal },
    identityFolder,
    ...toSpeech(edition),
    ...(quirk === undefined ? {} : { habits: new Set(quirk) }),
    timeouts: toTimeouts(timeout),
    onEvent: (event) => {
      tellPlain(reporter, event, parties);
      isLetIn ||= event.type === "keyReceived";
      if (event.type !== "stored") return;
      const { file: { name, size }, crc: cksum } = event;
      record.add({ name, size, cksum });
    },
  });
  if (isLetIn && choice.why === "asked") {
    await new KnownServers(identityFolder).keepProtocol3(server);
  }
  return summarise(reporter, outcomes);
}

/** A `UsageError` `protocol-4-only`, with what is to be done, by why it is protocol 3 that would be spoken. */
function only4Has(
  what: string,
  why: PlainReason,
  { protocol }: ClientOptions,
  server: Address,
): UsageError {
  const asked = protocol === "3" ? "--protocol 3" : "--edition and --quirk";
  const hint = why === "asked"
    ? `Leave ${asked} out, if the server has protocol 4.`
    : why === "remembered"
    ? "Protocol 3 was used with the server before. If it has protocol 4, add --protocol 4."
    : `The server at ${formatAddress(server)} does not answer as one of protocol 4: do without, ` +
      "or ask its operator.";
  return new UsageError("protocol-4-only", `${what} can be given by protocol 4 alone`, { hint });
}

/** A parser of an option that is a number. */
function numberBetween(min: number, max: number, what: "a whole number" | "seconds") {
  const form = what === "seconds" ? /^\d{1,9}(\.\d{1,9})?$/ : /^\d{1,9}$/;
  return (text: string): number => {
    const value = Number(text);
    if (form.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected ${what}, from ${min} to ${max}.`);
  };
}

function toSpeech(name: string | undefined): Pick<SendOptions, "edition"> {
  if (name === AUTO) return { edition: AUTO };
  const edition = name === undefined ? undefined : findEdition(name);
  return edition === undefined ? {} : { edition };
}
