/**
 * `xfer client put`, and `xfer client` by itself.
 *
 * @module
 */
import type { Command } from "commander";
import {
  chooseProtocol,
  clientFolder,
  type DiscoveredServer,
  findEdition,
  hasV4Account,
  keepLastStored,
  KnownServers,
  type LastStored,
  MAX_LAST_STORED,
  type Outcome,
  putFiles,
  type PutOutcome,
  type Quirk,
  readTransferInfo,
  sendFiles,
  type TransferInfo,
  type V3ConnectOptions,
  type V3Reason,
} from "../../../client/mod.ts";
import { type Address, formatAddress } from "../../../protocol/address.ts";
import { ConfigurationError, reasonOf, UsageError, XferError } from "../../../protocol/errors.ts";
import { fromPrintable, printable } from "../../../protocol/printable.ts";
import { exitCodeOfAll, SUCCESS } from "../../exit_codes.ts";
import { reportRetry, reportUsingV3, reportV3Event } from "../../output/client_events.ts";
import type { Reporter } from "../../output/reporter.ts";
import { showProgress } from "../../progress/mod.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import {
  askedProtocol,
  AUTO,
  type CommonOptions,
  registerInvited,
  toTimeouts,
  v4Options,
} from "./connect.ts";
import { addTransferOptions, type TransferChoice, transferOptions } from "./transfer_options.ts";

export interface PutChoice extends CommonOptions, TransferChoice {
  readonly as?: string;
  readonly quirk?: Quirk[];
}

/** Adds the command below `client`. */
export function addPutCommand(client: Command, run: Run): void {
  const command = client.command("put")
    .description(`Upload files and folders.\n\n${NOTES}`)
    .argument("<path...>", "files and folders to upload")
    .option(
      "--as <name>",
      "name on the server for the file or folder; takes a single path",
      fromPrintable,
    );
  addTransferOptions(command)
    .addHelpText("after", PUT_HELP)
    .action(async (files: string[], _options: unknown, command: Command) =>
      run.finish(await put(run, command.optsWithGlobals<PutChoice>(), files))
    );
}

const NOTES = `\
Files that the server already has are skipped, and nothing on the server is deleted. If an upload is
interrupted, the server keeps the received part of a large file for a while; to resume, run the same
command again. In folders, xfer skips links, special files, empty folders, its own private files and
partial downloads.`;

const PUT_HELP = example(
  "xfer client put report.pdf photos.zip",
  "xfer client put report.pdf --as docs/report-2026.pdf",
  "xfer client put photos --exclude '*.tmp' --exclude /raw/ --limit-rate 2MB",
);

/** Options of protocol 4. */
const PROTOCOL_4_ONLY = {
  as: "--as",
  exclude: "--exclude",
  limitRate: "--limit-rate",
  parallel: "--parallel",
} as const satisfies Partial<Record<keyof PutChoice, string>>;

/** Uploads the named files, or the one that transfer.info names; returns the exit code. */
export async function put(
  run: Run,
  options: PutChoice,
  named: readonly string[],
): Promise<number> {
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
      `${printable(transferInfo)} line 3: no file to upload`,
      { hint: "Run 'xfer client put FILE', or add the path of a file as line 3." },
    );
  }
  const record = new StoredRecord(info);
  try {
    return await send({ run, info, options, files, record });
  } catch (error) {
    run.reporter.reportError(error);
    if (error instanceof XferError) reportUnsent(run, error, files);
    throw error;
  } finally {
    await record.keep(clientFolder(transferInfo), run.reporter);
  }
}

/** Registers, if there is nothing to upload yet; returns the exit code. */
async function takeInvitation(
  run: Run,
  info: TransferInfo,
  options: PutChoice,
): Promise<number> {
  askedProtocol(options);
  if (await hasV4Account(clientFolder(options.transferInfo))) {
    throw new UsageError("account-exists", `this folder already has the account ${info.userName}`, {
      hint: "Run 'xfer client put FILE' without --invitation.",
    });
  }
  await registerInvited(run, info, options);
  return SUCCESS;
}

/** Reports every file of several as not stored, if nothing was sent. */
function reportUnsent(run: Run, { category, code }: XferError, files: readonly string[]): void {
  const isStopped = category === "interrupted";
  if (!isStopped && (files.length === 1 || category === "usage")) return;
  const state = isStopped ? "not-tried" : "not-stored";
  for (const path of files) run.reporter.report({ event: "not-stored", path, state, code });
}

/** One upload, of one or more paths. */
interface Put {
  readonly run: Run;
  readonly info: TransferInfo;
  readonly options: PutChoice;
  readonly files: readonly string[];
  readonly record: StoredRecord;
}

/** Uploads over the protocol that fits; returns the exit code. */
async function send(work: Put): Promise<number> {
  const { run: { reporter, tracer, signal }, info, options } = work;
  const { edition, quirk, retries, timeout } = options;
  const choice = await chooseProtocol({
    ...{ info, tracer, signal },
    identityFolder: clientFolder(options.transferInfo),
    asked: askedProtocol(options),
    hasV3Options: edition !== undefined || quirk !== undefined,
    hasV4Options: options.acceptNew === true || options.caCert !== undefined,
    timeouts: toTimeouts(timeout),
    retry: { retries, onRetry: (retry) => reportRetry(reporter, retry) },
  });
  const [v4Option] = Object.entries(PROTOCOL_4_ONLY)
    .filter(([option]) => options[option as keyof typeof PROTOCOL_4_ONLY] !== undefined);
  if (choice.protocol === 4) {
    const byProtocol3 = v4Option === undefined && options.invitation === undefined;
    return await sendByProtocol4(work, byProtocol3 ? "possible" : "impossible", choice.found);
  }
  if (v4Option !== undefined) {
    throw onlyProtocol4Option(v4Option[1], choice.why, options, info.server);
  }
  reportUsingV3(reporter, info.server, choice);
  return await sendByProtocol3(work, choice.why);
}

/** Uploads files over protocol 3; returns the exit code. */
async function sendByProtocol3(
  { run, info, options, files, record }: Put,
  why: V3Reason,
): Promise<number> {
  const { edition, quirk, retries, timeout } = options;
  const { server, userName } = info;
  const { reporter, tracer, signal } = run;
  const identityFolder = clientFolder(options.transferInfo);
  const parties = { user: userName, server: formatAddress(server) };
  using _progress = showProgress(reporter, "put");
  let isAuthenticated = false;
  const connect: V3ConnectOptions = {
    ...{ server, userName, tracer, signal },
    identityFolder,
    ...toEditionOption(edition),
    ...(quirk === undefined ? {} : { quirks: new Set(quirk) }),
    timeouts: toTimeouts(timeout),
    onEvent: (event) => {
      reportV3Event(reporter, event, parties);
      isAuthenticated ||= event.type === "keyReceived";
      if (event.type !== "stored") return;
      const { file: { name, size }, crc: cksum } = event;
      record.add({ name, size, cksum });
    },
  };
  const outcomes = await sendFiles({ connect, retry: { retries }, files });
  if (isAuthenticated && why === "asked") {
    await new KnownServers(identityFolder).keepProtocol3(server);
  }
  return summarise(reporter, outcomes);
}

/** Uploads files and folders over protocol 4; returns the exit code. */
async function sendByProtocol4(
  { run, info, options, files: paths, record }: Put,
  byProtocol3: "possible" | "impossible",
  found: DiscoveredServer | undefined,
): Promise<number> {
  const { reporter } = run;
  const [user, server] = [info.userName, formatAddress(info.server)];
  using _progress = showProgress(reporter, "put");
  let skipped = 0;
  const outcomes = await putFiles({
    ...transferOptions(await v4Options(info, options, run, byProtocol3), options, found),
    ...{ paths, as: options.as },
    onSkipped: (path, why) => {
      skipped++;
      reporter.report({ event: "passed", path, why });
    },
    onOutcome: (outcome) => {
      if ("error" in outcome) {
        const { path, state, error } = outcome;
        const { code } = error;
        return reporter.reportFailure(error, { event: "not-stored", path, state, code });
      }
      const { name, file: { path, size } } = outcome;
      if (outcome.state === "unchanged") return reporter.report({ event: "unchanged", name, path });
      const { crc: cksum } = outcome;
      record.add({ name, size, cksum });
      reporter.report({ event: "stored", name, path, size, cksum, user, server });
    },
  });
  return summarise(reporter, outcomes, skipped);
}

/** Reports the summary; returns the exit code. */
function summarise(
  reporter: Reporter,
  outcomes: readonly (Outcome | PutOutcome)[],
  skipped = 0,
): number {
  const stored = outcomes.filter((outcome) => outcome.state === "stored");
  const unchanged = outcomes.filter(({ state }) => state === "unchanged").length;
  const bytes = stored.reduce((sum, { file }) => sum + file.size, 0);
  const failures = outcomes.flatMap((outcome) => "error" in outcome ? [outcome.error] : []);
  const failed = failures.length;
  const counts = { done: stored.length, bytes, unchanged, skipped, failed };
  reporter.report({ event: "summary", action: "put", ...counts });
  return exitCodeOfAll(stored.length + unchanged, failures);
}

/** A `UsageError` `protocol-4-only`; its hint depends on why protocol 3 was chosen. */
function onlyProtocol4Option(
  option: string,
  why: V3Reason,
  { protocol }: PutChoice,
  server: Address,
): UsageError {
  const asked = protocol === "3" ? "--protocol 3" : "--edition and --quirk";
  const hint = why === "asked"
    ? `Omit ${asked} if the server has protocol 4, otherwise omit ${option}.`
    : why === "remembered"
    ? `Add --protocol 4 if the server has it by now, otherwise omit ${option}.`
    : `Omit ${option}: ${formatAddress(server)} did not offer protocol 4.`;
  return new UsageError("protocol-4-only", `${option} requires protocol 4`, { hint });
}

function toEditionOption(name: string | undefined): Pick<V3ConnectOptions, "edition"> {
  if (name === AUTO) return { edition: AUTO };
  const edition = name === undefined ? undefined : findEdition(name);
  return edition === undefined ? {} : { edition };
}

/** The last uploaded files, for `xfer client status`. */
class StoredRecord {
  readonly #user: string;
  readonly #server: string;
  /** The newest first. */
  readonly #files: LastStored[] = [];

  constructor({ userName, server }: TransferInfo) {
    this.#user = userName;
    this.#server = formatAddress(server);
  }

  /** Adds a file that was stored just now. */
  add(file: Pick<LastStored, "name" | "size" | "cksum">): void {
    const [user, server] = [this.#user, this.#server];
    this.#files.unshift({ ...file, storedAt: Date.now(), user, server });
    this.#files.length = Math.min(this.#files.length, MAX_LAST_STORED);
  }

  /** Saves the record in the client's folder. A failure is only reported: the files are stored. */
  async keep(folder: string, reporter: Reporter): Promise<void> {
    try {
      await keepLastStored(folder, this.#files);
    } catch (error) {
      const reason = reasonOf(error);
      reporter.report({ event: "not-recorded", reason, record: "history" });
    }
  }
}
