/**
 * `xfer client status`: the account, the last uploads, and the answer of the server.
 *
 * @module
 */
import type { Command } from "commander";
import {
  type AccountStatus,
  type AccountUsage,
  askServer,
  clientFolder,
  findV3Account,
  findV4Account,
  formatLocation,
  KnownServers,
  readAuthorities,
  readLastStored,
  readTransferInfo,
  type TransferInfo,
  V4Client,
} from "../../../client/mod.ts";
import { formatAddress } from "../../../protocol/address.ts";
import { InterruptedError, XferError } from "../../../protocol/errors.ts";
import { toHex } from "../../../protocol/bytes.ts";
import { exitCodeOf, SUCCESS } from "../../exit_codes.ts";
import type { Reporter } from "../../output/reporter.ts";
import type { Run } from "../../run.ts";
import { type CommonOptions, toTimeouts, v4Options } from "./connect.ts";
import { reportUsingV3, shownIdentity } from "../../output/client_events.ts";
import { example } from "../../text/format.ts";
import { isoTime } from "../../text/time.ts";

/** Adds the command below `client`. */
export function addStatusCommand(client: Command, run: Run): void {
  client.command("status")
    .description(`Show your account, recent uploads and whether the server answers.\n\n${NOTES}`)
    .option("--offline", "do not connect to the server")
    .addHelpText("after", HELP)
    .action(async ({ offline = false }: { offline?: boolean }, command: Command) => {
      run.finish(await status(run, offline, command.optsWithGlobals<CommonOptions>()));
    });
}

const NOTES = `\
The command registers nothing and trusts no new server. The exit code is that of the first
problem found.`;

const HELP = example("xfer client status", "xfer client status --offline");

/** Returns the exit code. A problem of one part does not stop the others. */
async function status(run: Run, offline: boolean, common: CommonOptions): Promise<number> {
  const { reporter } = run;
  const { transferInfo: path } = common;
  const folder = clientFolder(path);
  let exitCode = SUCCESS;
  const part = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof XferError) || error instanceof InterruptedError) throw error;
      reporter.reportError(error);
      if (exitCode === SUCCESS) exitCode = exitCodeOf(error);
      return undefined;
    }
  };
  const info = await part(async () => {
    const info = await readTransferInfo(path);
    reportInfo(reporter, path, info);
    return info;
  });
  const account = await part(() => reportIdentities(reporter, folder));
  await part(() => reportKnown(reporter, folder));
  await part(() => reportStored(reporter, folder));
  if (!offline && info !== undefined) {
    await part(() => reportAnswer(run, info, account, common));
  }
  return exitCode;
}

function reportInfo(reporter: Reporter, path: string, info: TransferInfo): void {
  const { server: address, userName: user, file } = info;
  const [server, location] = [formatAddress(address), formatLocation({ address, ...info })];
  reporter.report({ event: "transfer-info", path, server, location, user, file });
}

/** Returns the account of protocol 4. */
async function reportIdentities(
  reporter: Reporter,
  folder: string,
): Promise<AccountStatus | undefined> {
  const onOpen: Parameters<typeof findV3Account>[1] = ({ type, path }) =>
    reporter.report({ event: type === "tightened" ? type : "open-folder", path });
  const report = (
    protocol: 3 | 4,
    account: AccountStatus & { readonly edition?: string | undefined },
  ) => {
    const { name: user, clientId, fingerprint, edition } = account;
    const id = toHex(clientId);
    reporter.report({ event: "identity", protocol, user, id, fingerprint, edition });
  };
  const account = await findV4Account(folder, onOpen);
  if (account !== undefined) report(4, account);
  const v3Account = await findV3Account(folder, onOpen);
  if (v3Account !== undefined) report(3, v3Account);
  if (account === undefined && v3Account === undefined) reporter.report({ event: "no-identity" });
  return account;
}

async function reportKnown(reporter: Reporter, folder: string): Promise<void> {
  for (const { where: server, remembered } of await new KnownServers(folder).list()) {
    reporter.report({ event: "known-server", server, known: shownIdentity(remembered) });
  }
}

async function reportStored(reporter: Reporter, folder: string): Promise<void> {
  for (const { storedAt, ...file } of await readLastStored(folder)) {
    reporter.report({ event: "last-stored", ...file, stored: isoTime(storedAt) });
  }
}

/** Asks the server, and signs in if there is an account and the server is trusted. */
async function reportAnswer(
  run: Run,
  info: TransferInfo,
  account: AccountStatus | undefined,
  common: CommonOptions,
): Promise<void> {
  const { reporter, signal, tracer } = run;
  const { protocol: asked, timeout, caCert, transferInfo } = common;
  const server = formatAddress(info.server);
  const identityFolder = clientFolder(transferInfo);
  const answering = await askServer({
    ...{ info, asked, identityFolder, signal, tracer, timeouts: toTimeouts(timeout) },
    caCerts: caCert === undefined ? undefined : await readAuthorities(caCert),
    onNewServer: () => true,
  });
  if (answering.protocol === 3) {
    reportUsingV3(reporter, info.server, answering);
    const edition = answering.edition?.name;
    return reporter.report({ event: "answering", server, protocol: 3, edition });
  }
  const { identity, isNew } = answering;
  let user: string | undefined;
  let usage: AccountUsage | undefined;
  if (account !== undefined && !isNew) {
    const { connect } = await v4Options(info, common, run, "possible");
    using client = await V4Client.connect(connect);
    user = account.name;
    usage = await client.usage();
  }
  const known = shownIdentity(identity);
  reporter.report({ event: "answering", server, protocol: 4, known, met: !isNew, user });
  if (usage !== undefined) reportUsage(reporter, usage);
}

function reportUsage(reporter: Reporter, usage: AccountUsage): void {
  const { entries, bytes: size, quotaEntries, quotaBytes: quotaSize, historyBytes, historyTime } =
    usage;
  reporter.report({
    ...{ event: "usage", entries, size, quotaEntries, quotaSize, historySize: historyBytes },
    historyTime: historyTime === 0 ? undefined : historyTime,
  });
}
