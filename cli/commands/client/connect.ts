/**
 * How the commands below `xfer client` connect by protocol 4.
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

/** An option that leaves it to what is known, and to the server. */
export const AUTO = "auto";

/** Options of `xfer client` that hold for all that is below it. */
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
  /** Of protocol 3. */
  readonly edition?: string;
  readonly quirk?: readonly string[];
}

export interface V4Options {
  readonly connect: ConnectOptions;
  readonly retry: RetryOptions;
}

/** What a command that only protocol 4 has connects with. Throws `UsageError` `protocol-4-only`. */
export type OptionsOf = (command: Command) => Promise<V4Options>;

/** For the commands that only protocol 4 has. */
export function v4OptionsOf(run: Run): OptionsOf {
  return async (command) => {
    const common = command.optsWithGlobals<CommonOptions>();
    if (common.protocol === "3") throw onlyProtocol4(command.name());
    if (common.edition !== undefined || common.quirk !== undefined) throw onlyProtocol3(false);
    return await v4Options(await readTransferInfo(common.transferInfo), common, run);
  };
}

function onlyProtocol4(command: string): UsageError {
  return new UsageError("protocol-4-only", `Protocol 3 has nothing like ${command}`, {
    hint: "Leave --protocol 3 out.",
  });
}

/** `byProtocol3`: whether protocol 3 could do the same, if line 1 allowed it. */
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

/** What `--protocol` says; an invitation means protocol 4. Throws `UsageError` `protocol-4-only`. */
export function askedProtocol(
  { protocol, invitation }: Pick<CommonOptions, "protocol" | "invitation">,
): CommonOptions["protocol"] {
  if (invitation === undefined) return protocol;
  if (protocol !== "3") return "4";
  throw new UsageError("protocol-4-only", "Protocol 3 has no invitations", {
    hint: "Leave --protocol 3 out.",
  });
}

/** Registers with the invitation that was given; who has an account here already only logs in. Throws as `connect` does. */
export async function registerInvited(
  run: Run,
  info: TransferInfo,
  common: CommonOptions,
): Promise<void> {
  if (common.edition !== undefined || common.quirk !== undefined) throw onlyProtocol3(false);
  const { connect, retry } = await v4Options(info, common, run);
  using _connection = await V4Client.connectWithRetries(connect, retry);
}

/** What decides about a server that is met for the first time: an option, or who is asked. */
export function trusting(
  run: Run,
  server: Address,
  { acceptNew = false }: Pick<CommonOptions, "acceptNew">,
): ConnectOptions["onNewServer"] {
  return (fingerprint) =>
    acceptNew || run.confirm(
      `${formatAddress(server)} is not known yet. Its fingerprint is ${fingerprint}. Trust it?`,
    );
}

/** The timeouts that an option in seconds asks for; without it, those that are usual. */
export function toTimeouts(seconds: number | undefined): Partial<Timeouts> {
  return seconds === undefined ? {} : { connectMs: seconds * 1000, responseMs: seconds * 1000 };
}
