/**
 * How the commands of `xfer client` connect over protocol 4.
 *
 * @module
 */
import type { Command } from "commander";
import { type Address, formatAddress } from "../../../protocol/address.ts";
import { UsageError } from "../../../protocol/errors.ts";
import {
  clientFolder,
  type ConnectOptions,
  onlyProtocol3,
  readAuthorities,
  readTransferInfo,
  type RetryOptions,
  type Timeouts,
  type TransferInfo,
  V4Client,
} from "../../../client/mod.ts";
import type { Run } from "../../run.ts";
import { reportRetry, reportV4Event } from "../../output/client_events.ts";

/** The value of an option that is decided from known servers and the server's answer. */
export const AUTO = "auto";

/** Options of `xfer client` that its commands take, too. */
export interface CommonOptions {
  readonly transferInfo: string;
  readonly retries: number;
  /** Seconds. */
  readonly timeout?: number;
  readonly acceptNew?: boolean;
  /** A token to register with. */
  readonly invitation?: string;
  readonly caCert?: string;
  readonly protocol: "3" | "4" | "auto";
  /** The edition of protocol 3. */
  readonly edition?: string;
  readonly quirk?: readonly string[];
}

export interface V4Options {
  readonly connect: ConnectOptions;
  readonly retry: RetryOptions;
}

/** The options with which a command connects over protocol 4. Throws `UsageError` `protocol-4-only`. */
export type OptionsOf = (command: Command) => Promise<V4Options>;

/** For the commands that require protocol 4. */
export function v4OptionsOf(run: Run): OptionsOf {
  return async (command) => {
    const common = command.optsWithGlobals<CommonOptions>();
    if (common.protocol === "3") throw onlyProtocol4(command.name());
    if (common.edition !== undefined || common.quirk !== undefined) throw onlyProtocol3(false);
    return await v4Options(await readTransferInfo(common.transferInfo), common, run);
  };
}

function onlyProtocol4(command: string): UsageError {
  return new UsageError("protocol-4-only", `'${command}' requires protocol 4`, {
    hint: "Omit --protocol 3 if the server has protocol 4.",
  });
}

/** `byProtocol3`: whether protocol 3 could do the same if line 1 allowed it. */
export async function v4Options(
  info: TransferInfo,
  common: CommonOptions,
  run: Run,
  byProtocol3: Exclude<ConnectOptions["byProtocol3"], undefined> = "impossible",
): Promise<V4Options> {
  const { reporter, tracer, signal } = run;
  const { server, secure, fingerprint, userName } = info;
  const { retries, timeout, invitation: token, caCert } = common;
  const connect: ConnectOptions = {
    ...{ server, fingerprint, userName, token, tracer, signal },
    identityFolder: clientFolder(common.transferInfo),
    caCerts: caCert === undefined ? undefined : await readAuthorities(caCert),
    timeouts: toTimeouts(timeout),
    byProtocol3: secure ? undefined : byProtocol3,
    onNewServer: trusting(run, server, common),
    onEvent: (event) => reportV4Event(reporter, event, userName),
  };
  return { connect, retry: { retries, onRetry: (retry) => reportRetry(reporter, retry) } };
}

/** The protocol that was asked for; `--invitation` implies protocol 4. Throws `UsageError` `protocol-4-only`. */
export function askedProtocol(
  { protocol, invitation }: Pick<CommonOptions, "protocol" | "invitation">,
): CommonOptions["protocol"] {
  if (invitation === undefined) return protocol;
  if (protocol !== "3") return "4";
  throw new UsageError("protocol-4-only", "--invitation requires protocol 4", {
    hint: "Omit --protocol 3 to register with the invitation.",
  });
}

/** Registers with the given invitation, or signs in if the folder has an account. Throws as `connect` does. */
export async function registerInvited(
  run: Run,
  info: TransferInfo,
  common: CommonOptions,
): Promise<void> {
  if (common.edition !== undefined || common.quirk !== undefined) throw onlyProtocol3(false);
  const { connect, retry } = await v4Options(info, common, run);
  using _connection = await V4Client.connectWithRetries(connect, retry);
}

/** Decides whether to trust a new server: by `--accept-new`, or by asking. */
export function trusting(
  run: Run,
  server: Address,
  { acceptNew = false }: Pick<CommonOptions, "acceptNew">,
): ConnectOptions["onNewServer"] {
  return (fingerprint) =>
    acceptNew || run.confirm(
      `${formatAddress(server)} is a new server with the key ${fingerprint}. Trust it?`,
    );
}

/** The timeouts of `--timeout`; empty for the defaults. */
export function toTimeouts(seconds: number | undefined): Partial<Timeouts> {
  return seconds === undefined ? {} : { connectMs: seconds * 1000, responseMs: seconds * 1000 };
}
