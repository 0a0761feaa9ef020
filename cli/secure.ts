/**
 * What `xfer client` does by protocol 4.
 *
 * @module
 */
import type { Command } from "commander";
import { formatAddress, printable, toHex, UsageError, XferError } from "../protocol/mod.ts";
import {
  readAuthorities,
  readTransferInfo,
  type Retry,
  type RetryOptions,
  SecureClient,
  type SecureEvent,
  type SecureOptions,
  type Timeouts,
  type TransferInfo,
} from "../client/mod.ts";
import { exitCodeOf, SUCCESS } from "./exit_codes.ts";
import { addGetCommand } from "./get.ts";
import { addLinkCommand } from "./link.ts";
import { confirm, printError, printNote, printResult } from "./output.ts";
import { parseVersion } from "./quantities.ts";
import { addVersionsCommand, showFile } from "./versions.ts";
import { example, goingOn, retrying, sending, tightened } from "./words.ts";

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

export type Finish = (exitCode: number) => void;
export type Secure = SecureOptions & RetryOptions & { readonly onRetry: (retry: Retry) => void };

/** What a command that only protocol 4 has connects with. Throws `UsageError` `protocol-4-only`. */
export async function optionsOf(command: Command): Promise<Secure> {
  const common = command.optsWithGlobals<CommonOptions>();
  if (common.protocol === "3") throw onlyProtocol4(command.name());
  return await secureOptions(await readTransferInfo(common.transferInfo), common);
}

/** Adds the commands that only protocol 4 has. */
export function addSecureCommands(client: Command, finish: Finish): void {
  addLinkCommand(client, finish, optionsOf);
  addGetCommand(client, finish);
  client.command("list")
    .description("Print the names of your files on the server (protocol 4).")
    .argument("[prefix]", "how the names begin", "")
    .option("--json", "a line of JSON for each file")
    .addHelpText("after", example("xfer client list docs/"))
    .action(async (prefix: string, { json = false }: { json?: boolean }, command: Command) => {
      using connection = await SecureClient.connect(await optionsOf(command));
      await connection.list(prefix, (file) => showFile(file, json));
      finish(SUCCESS);
    });
  client.command("stat")
    .description("Print what the server knows of a file (protocol 4).")
    .argument("<name>", "the name of the file on the server")
    .option("--json", "as JSON")
    .option("--version <number>", "of an older one: see xfer client versions", parseVersion)
    .addHelpText("after", example("xfer client stat docs/report.pdf"))
    .action(async (name: string, { json = false, version }: StatChoice, command: Command) => {
      using connection = await SecureClient.connect(await optionsOf(command));
      showFile(await connection.stat(name, version), json);
      finish(SUCCESS);
    });
  addVersionsCommand(client, finish, optionsOf);
  client.command("remove")
    .description("Remove files from the server, for good (protocol 4).")
    .argument("<name...>", "the names of the files on the server")
    .addHelpText("after", example("xfer client remove docs/old.pdf"))
    .action(async (names: string[], _: unknown, command: Command) => {
      using connection = await SecureClient.connect(await optionsOf(command));
      let exitCode = SUCCESS;
      for (const name of names) {
        try {
          await connection.remove(name);
          printResult(`Removed ${printable(name)}`);
        } catch (error) {
          if (!(error instanceof XferError) || error.category !== "refused") throw error;
          printError(error);
          exitCode = exitCodeOf(error);
        }
      }
      finish(exitCode);
    });
  client.command("rename")
    .description("Give a file on the server another name, one that is free (protocol 4).")
    .argument("<old>", "its name")
    .argument("<new>", "its name from now on")
    .addHelpText("after", example("xfer client rename report.pdf docs/report.pdf"))
    .action(async (oldName: string, newName: string, _: unknown, command: Command) => {
      using connection = await SecureClient.connect(await optionsOf(command));
      await connection.rename(oldName, newName);
      printResult(`Renamed ${printable(oldName)} to ${printable(newName)}`);
      finish(SUCCESS);
    });
}

interface StatChoice {
  readonly json?: boolean;
  readonly version?: number;
}

function onlyProtocol4(command: string): UsageError {
  return new UsageError("protocol-4-only", `Protocol 3 has nothing like ${command}`, {
    hint: "Leave --protocol 3 out.",
  });
}

export async function secureOptions(info: TransferInfo, common: CommonOptions): Promise<Secure> {
  const { server, fingerprint, userName } = info;
  const { retries, timeout, acceptNew = false, invitation: token, caCert } = common;
  return {
    ...{ server, fingerprint, userName, identityFolder: ".", token, retries },
    caCerts: caCert === undefined ? [] : await readAuthorities(caCert),
    timeouts: toTimeouts(timeout),
    onNewServer: (fingerprint) =>
      acceptNew || confirm(
        `${formatAddress(server)} is not known yet. Its fingerprint is ${fingerprint}. Trust it?`,
      ),
    onEvent: (event) => showEvent(event, userName),
    onRetry: (retry) => printNote(retrying(retry)),
  };
}

/** The timeouts that an option in seconds asks for; without it, those that are usual. */
export function toTimeouts(seconds: number | undefined): Partial<Timeouts> {
  return seconds === undefined ? {} : { connectMs: seconds * 1000, responseMs: seconds * 1000 };
}

function showEvent(event: SecureEvent, userName: string): void {
  switch (event.type) {
    case "secure":
      return printNote(
        event.fingerprint === undefined
          ? `Connected to ${formatAddress(event.server)}, whose name an authority vouches for`
          : `Connected to ${
            formatAddress(event.server)
          }, whose fingerprint is ${event.fingerprint}`,
      );
    case "registered":
      return printNote(`Registered ${userName} with id ${toHex(event.clientId)}`);
    case "claimed":
      return printNote(
        `The account of ${userName} was one of protocol 3 and is now one of protocol 4, with the ` +
          `same files: keep me.key and me.account`,
      );
    case "renamed":
      return printNote(`The server's operator has renamed ${event.from} to ${event.to}`);
    case "tightened":
      return printNote(tightened(event.path));
    case "sending":
      return printNote(sending(event.file, event.attempt));
    case "resumed":
      return printNote(goingOn(event.file.path, event.offset));
    case "found-part":
      return printNote(goingOn(event.name, event.bytes));
    case "kept-part":
      return printNote(
        `What has come of ${printable(event.name)} is kept in ${printable(event.path)}: ` +
          "the same command goes on from there",
      );
    case "progress":
      return;
  }
}
