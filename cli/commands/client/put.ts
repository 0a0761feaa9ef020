/**
 * `xfer client put`, and `xfer client` by itself.
 *
 * @module
 */
import type { Command } from "commander";
import {
  chooseProtocol,
  clientFolder,
  hasV4Account,
  readTransferInfo,
  type TransferInfo,
  type V3Reason,
} from "../../../client/mod.ts";
import { type Address, formatAddress } from "../../../protocol/address.ts";
import { ConfigurationError, UsageError, XferError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import { STANDARD_INPUT } from "../../../protocol/standard_input.ts";
import { SUCCESS } from "../../exit_codes.ts";
import { reportRetry, reportUsingV3 } from "../../output/client_events.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { askedProtocol, registerInvited, toTimeouts } from "./connect.ts";
import {
  addPutOptions,
  checkChoice,
  findV4Only,
  pathsOf,
  type Put,
  type PutChoice,
} from "./put_options.ts";
import { putByProtocol3 } from "./put_v3.ts";
import { putByProtocol4 } from "./put_v4.ts";
import { StoredRecord } from "./stored_record.ts";

export type { PutChoice };

/** Adds the command below `client`. */
export function addPutCommand(client: Command, run: Run): void {
  const command = client.command("put")
    .description(`Upload files and folders.\n\n${NOTES}`)
    .argument("[path...]", "files and folders to upload; - for standard input");
  addPutOptions(command)
    .addHelpText("after", PUT_HELP)
    .action(async (files: string[], _options: unknown, command: Command) => {
      const choice = command.optsWithGlobals<PutChoice>();
      if (files.length === 0 && choice.filesFrom === undefined) {
        const code = "commander.missingArgument";
        command.error("error: missing required argument 'path'", { code });
      }
      run.finish(await put(run, choice, files));
    });
}

const NOTES = `\
Files that the server already has are skipped, and nothing is deleted there without --delete. To
resume an interrupted upload, run the same command again. In folders, xfer skips pipes, sockets,
devices, its own private files and partial downloads.`;

const PUT_HELP = example(
  "xfer client put report.pdf --as docs/report-2026.pdf",
  "xfer client put photos --exclude '*.tmp' --exclude /raw/ --delete",
  "tar c photos | xfer client put - --as photos.tar",
);

/** Uploads the named files, or the one that transfer.info names; returns the exit code. */
export async function put(
  run: Run,
  options: PutChoice,
  named: readonly string[],
): Promise<number> {
  const { transferInfo, filesFrom, dryRun } = options;
  checkChoice(named, options);
  const info = await readTransferInfo(transferInfo);
  const { file } = info;
  const isNamed = named.length > 0 || filesFrom !== undefined;
  const files = isNamed ? await pathsOf(named, options) : file === undefined ? [] : [file];
  if (!isNamed && file === undefined && options.invitation !== undefined && dryRun !== true) {
    return await takeInvitation(run, info, options);
  }
  if (!isNamed && file === undefined) {
    throw new ConfigurationError(
      "bad-transfer-info",
      `${printable(transferInfo)} line 3: no file to upload`,
      { hint: "Run 'xfer client put FILE', or add the path of a file as line 3." },
    );
  }
  const record = new StoredRecord(info);
  try {
    const keepsPaths = filesFrom !== undefined;
    return await send({
      ...{ run, info, options, files, record, keepsPaths, followsNamed: !isNamed },
    });
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
  for (const path of files) {
    // A stream may have been in progress.
    const state = isStopped && path !== STANDARD_INPUT ? "not-tried" : "not-stored";
    run.reporter.report({ event: "not-stored", path, state, code });
  }
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
  const v4Option = findV4Only(work);
  if (choice.protocol === 4) {
    const byProtocol3 = v4Option === undefined && options.invitation === undefined;
    return await putByProtocol4(work, byProtocol3 ? "possible" : "impossible", choice.found);
  }
  if (v4Option !== undefined) {
    throw onlyProtocol4Option(v4Option, choice.why, options, info.server);
  }
  reportUsingV3(reporter, info.server, choice);
  return await putByProtocol3(work, choice.why);
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
