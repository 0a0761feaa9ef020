/**
 * What `xfer client` does by protocol 4.
 *
 * @module
 */
import type { Command } from "commander";
import { formatAddress, UsageError, XferError } from "../protocol/mod.ts";
import {
  readAuthorities,
  readTransferInfo,
  type Retry,
  type RetryOptions,
  SecureClient,
  type SecureOptions,
  type Timeouts,
  type TransferInfo,
} from "../client/mod.ts";
import { exitCodeOf } from "./exit_codes.ts";
import { addGetCommand } from "./get.ts";
import { addLinkCommand } from "./link.ts";
import { parseVersion } from "./quantities.ts";
import type { Run } from "./run.ts";
import { tellRetry, tellSecure } from "./told.ts";
import { addVersionsCommand, reportFile } from "./versions.ts";
import { example } from "./words.ts";

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
}

export type Secure = SecureOptions & RetryOptions & { readonly onRetry: (retry: Retry) => void };

/** What a command that only protocol 4 has connects with. Throws `UsageError` `protocol-4-only`. */
export type OptionsOf = (command: Command) => Promise<Secure>;

function optionsFrom(run: Run): OptionsOf {
  return async (command) => {
    const common = command.optsWithGlobals<CommonOptions>();
    if (common.protocol === "3") throw onlyProtocol4(command.name());
    const info = await readTransferInfo(common.transferInfo);
    return await secureOptions(info, common, run);
  };
}

/** Adds the commands that only protocol 4 has. */
export function addSecureCommands(client: Command, run: Run): void {
  const optionsOf = optionsFrom(run);
  addLinkCommand(client, run, optionsOf);
  addGetCommand(client, run, optionsOf);
  client.command("list")
    .description("Print the names of your files on the server (protocol 4).")
    .argument("[prefix]", "how the names begin", "")
    .addHelpText("after", example("xfer client list docs/"))
    .action(async (prefix: string, _: unknown, command: Command) => {
      using connection = await SecureClient.connect(await optionsOf(command));
      await connection.list(prefix, (file) => reportFile(run.reporter, file));
    });
  client.command("stat")
    .description("Print what the server knows of a file (protocol 4).")
    .argument("<name>", "the name of the file on the server")
    .option("--version <number>", "of an older one: see xfer client versions", parseVersion)
    .addHelpText("after", example("xfer client stat docs/report.pdf"))
    .action(async (name: string, { version }: StatChoice, command: Command) => {
      using connection = await SecureClient.connect(await optionsOf(command));
      reportFile(run.reporter, await connection.stat(name, version));
    });
  addVersionsCommand(client, run, optionsOf);
  client.command("remove")
    .description("Remove files from the server, for good (protocol 4).")
    .argument("<name...>", "the names of the files on the server")
    .addHelpText("after", example("xfer client remove docs/old.pdf"))
    .action(async (names: string[], _: unknown, command: Command) => {
      using connection = await SecureClient.connect(await optionsOf(command));
      for (const name of names) {
        try {
          await connection.remove(name);
          run.reporter.report({ event: "removed", name });
        } catch (error) {
          if (!(error instanceof XferError) || error.category !== "refused") throw error;
          run.reporter.reportError(error);
          run.finish(exitCodeOf(error));
        }
      }
    });
  client.command("rename")
    .description("Give a file on the server another name, one that is free (protocol 4).")
    .argument("<old>", "its name")
    .argument("<new>", "its name from now on")
    .addHelpText("after", example("xfer client rename report.pdf docs/report.pdf"))
    .action(async (oldName: string, newName: string, _: unknown, command: Command) => {
      using connection = await SecureClient.connect(await optionsOf(command));
      await connection.rename(oldName, newName);
      run.reporter.report({ event: "renamed", from: oldName, to: newName });
    });
}

interface StatChoice {
  readonly version?: number;
}

function onlyProtocol4(command: string): UsageError {
  return new UsageError("protocol-4-only", `Protocol 3 has nothing like ${command}`, {
    hint: "Leave --protocol 3 out.",
  });
}

export async function secureOptions(
  info: TransferInfo,
  common: CommonOptions,
  { reporter, watch }: Run,
): Promise<Secure> {
  const { server, fingerprint, userName } = info;
  const { retries, timeout, acceptNew = false, invitation: token, caCert } = common;
  return {
    ...{ server, fingerprint, userName, identityFolder: ".", token, retries, watch },
    caCerts: caCert === undefined ? [] : await readAuthorities(caCert),
    timeouts: toTimeouts(timeout),
    onNewServer: (fingerprint) =>
      acceptNew || reporter.confirm(
        `${formatAddress(server)} is not known yet. Its fingerprint is ${fingerprint}. Trust it?`,
      ),
    onEvent: (event) => tellSecure(reporter, event, userName),
    onRetry: (retry) => tellRetry(reporter, retry),
  };
}

/** The timeouts that an option in seconds asks for; without it, those that are usual. */
export function toTimeouts(seconds: number | undefined): Partial<Timeouts> {
  return seconds === undefined ? {} : { connectMs: seconds * 1000, responseMs: seconds * 1000 };
}
