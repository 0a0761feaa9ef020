/**
 * `xfer client`.
 *
 * @module
 */
import { Command, Option } from "commander";
import {
  CLIENT_HABITS,
  type ClientEvent,
  ConfigurationError,
  EDITIONS,
  findEdition,
  formatAddress,
  type Habit,
  printable,
  readTransferInfo,
  type RequestKind,
  sendFiles,
  type SendOptions,
  toHex,
  TRANSFER_INFO,
} from "../mod.ts";
import { exitCodeOf, SUCCESS } from "./exit_codes.ts";
import { printError, printNote, printResult } from "./output.ts";

interface ClientOptions {
  readonly transferInfo: string;
  readonly edition?: string;
  readonly quirk?: Habit[];
}

const AUTO = "auto";

/** The command; `finish` takes the exit code. */
export function clientCommand(finish: (exitCode: number) => void): Command {
  const client = new Command("client")
    .description("Store files on a server, encrypted on the way and compared by checksum.")
    .option("--transfer-info <file>", "the file that names server, user and file", TRANSFER_INFO)
    .addOption(
      new Option("--edition <name>", "what the server speaks (default: as last time, or 2023c)")
        .choices([...EDITIONS.map(({ name }) => name), AUTO]),
    )
    .addOption(
      new Option("--quirk <name...>", "what the server does besides (default: as last time)")
        .choices(CLIENT_HABITS),
    )
    .addHelpText("after", CLIENT_HELP)
    .action(async (options: ClientOptions) => finish(await run(options, [])));
  client.command("put")
    .description("Store the named files, one after another, each under a fresh key.")
    .argument("<file...>", "the files to store; line 3 of transfer.info is not used")
    .addHelpText("after", PUT_HELP)
    .action(async (files: string[], _options: unknown, command: Command) =>
      finish(await run(command.optsWithGlobals<ClientOptions>(), files))
    );
  return client;
}

const CLIENT_HELP = `
transfer.info has three lines: the server, your name there, the file to store.

Example:
  $ cat transfer.info
  files.example.org:1256
  Alice
  report.pdf
  $ xfer client

A server of another published edition:
  $ xfer client --edition auto

The first run registers the name and writes me.info and priv.key, which prove who
you are: keep them. Later runs use them.`;

const PUT_HELP = `
Example:
  $ xfer client put report.pdf photos.zip`;

async function run(options: ClientOptions, named: readonly string[]): Promise<number> {
  const { transferInfo, edition, quirk } = options;
  const { server, userName, file } = await readTransferInfo(transferInfo);
  const files = named.length > 0 ? named : file === undefined ? [] : [file];
  if (files.length === 0) {
    throw new ConfigurationError(
      "bad-transfer-info",
      `${
        printable(transferInfo)
      } line 3: it is empty or missing, expected the path of the file to send`,
      { hint: "Add it, or name files: xfer client put FILE…" },
    );
  }
  const outcomes = await sendFiles({
    ...{ server, userName, files },
    identityFolder: ".",
    ...toSpeech(edition),
    ...(quirk === undefined ? {} : { habits: new Set(quirk) }),
    onEvent: (event) => showEvent(event, userName, formatAddress(server)),
  });
  for (const outcome of outcomes) {
    if ("error" in outcome) return exitCodeOf(outcome.error);
  }
  return SUCCESS;
}

function toSpeech(name: string | undefined): Pick<SendOptions, "edition"> {
  if (name === AUTO) return { edition: AUTO };
  const edition = name === undefined ? undefined : findEdition(name);
  return edition === undefined ? {} : { edition };
}

const REQUESTS: Readonly<Partial<Record<RequestKind, string>>> = {
  register: "Registering",
  publicKey: "Sending the public key",
  reconnect: "Reconnecting",
  crcInvalid: "Telling the server that the checksum is wrong; sending again",
  crcGivenUp: "Telling the server to drop the file",
};

function showEvent(event: ClientEvent, userName: string, server: string): void {
  switch (event.type) {
    case "detected":
      return printNote(
        event.certain
          ? `The server speaks edition ${event.edition.name}`
          : `The server understood no other edition: trying ${event.edition.name}`,
      );
    case "connected":
      return printNote(`Connected to ${server}`);
    case "request": {
      const words = REQUESTS[event.kind];
      return words === undefined ? undefined : printNote(words);
    }
    case "registered":
      return printNote(`Registered ${userName} with id ${toHex(event.clientId)}`);
    case "keyReceived":
      return printNote("Received an AES key");
    case "denied":
      return printNote(
        `The server does not know ${userName} by the id ${
          toHex(event.clientId)
        }. Registering anew; ` +
          `the old identity is kept in ${printable(event.copy)}`,
      );
    case "sending": {
      const again = event.attempt > 1 ? `, attempt ${event.attempt}` : "";
      return printNote(`Sending ${printable(event.file.path)}, ${event.file.size} bytes${again}`);
    }
    case "progress":
      return;
    case "compared": {
      const { ours, theirs } = event;
      return printNote(
        ours === theirs
          ? `The checksums agree: ${ours}`
          : `The checksums differ: ${ours} here, ${theirs} there`,
      );
    }
    case "stored": {
      const { name, size } = event.file;
      return printResult(
        `Stored ${
          printable(name)
        } (${size} bytes, cksum ${event.crc}) for ${userName} on ${server}`,
      );
    }
    case "failed": {
      const { file, error, tried } = event;
      if (tried) printError(error);
      const why = tried ? "" : ": the run ended before it";
      return printNote(`Not stored: ${printable(file.path)}${why}`);
    }
  }
}
