/**
 * `xfer client`: its options, which its commands take too, and its commands.
 *
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  CLIENT_QUIRKS,
  DEFAULT_RETRIES,
  DEFAULT_TIMEOUTS,
  EDITIONS,
  TRANSFER_INFO,
} from "../../../client/mod.ts";
import { CONNECTION, PROTOCOL_3 } from "../../help/groups.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { AUTO, v4OptionsOf } from "./connect.ts";
import { addForget } from "./forget.ts";
import { addGetCommand } from "./get.ts";
import { addInitCommand } from "./init.ts";
import { addLinkCommand, parseToken } from "./link.ts";
import { addPutCommand, put, type PutChoice } from "./put.ts";
import { addListCommand } from "./list.ts";
import { addRemoveCommand } from "./remove.ts";
import { addRenameCommand } from "./rename.ts";
import { addRestoreCommand } from "./restore.ts";
import { addStatCommand } from "./stat.ts";
import { addStatusCommand } from "./status.ts";
import { addVersionsCommand } from "./versions.ts";

/** The most attempts after a network failure. With the longest waits, they take more than an hour. */
const MAX_RETRIES = 100;

/** In seconds. */
const MIN_TIMEOUT = 0.1;
const MAX_TIMEOUT = 3600;

/** Adds options and subcommands to the command. */
export function clientCommand(client: Command, run: Run): void {
  const option = (flags: string, description: string) =>
    new Option(flags, description).helpGroup(CONNECTION);
  client
    .description(`${client.description()}\n\n${NOTES}`)
    .addOption(
      option(
        "--transfer-info <file>",
        "file that names your server and user name; your keys are in the same folder",
      ).default(TRANSFER_INFO),
    )
    .addOption(
      option(
        "--protocol <version>",
        "protocol: 3, 4 or auto, which is 4 if the server has it and 3 if not",
      ).choices(["3", "4", AUTO]).default(AUTO),
    )
    .addOption(
      option("--invitation <token>", "register with this invitation token").argParser(parseToken),
    )
    .addOption(option("--accept-new", "trust the key of a new server without asking"))
    .addOption(
      option(
        "--ca-cert <file>",
        "also trust the CA certificates in this PEM file; remembered for the server",
      ),
    )
    .addOption(
      option(
        "--retries <n>",
        `retries after a network failure without progress, 0 to ${MAX_RETRIES}`,
      ).argParser(numberBetween(0, MAX_RETRIES, "a whole number")).default(DEFAULT_RETRIES),
    )
    .addOption(
      option(
        "--timeout <seconds>",
        "seconds to wait for a connection and for each answer " +
          `(default: ${DEFAULT_TIMEOUTS.connectMs / 1000} and ${
            DEFAULT_TIMEOUTS.responseMs / 1000
          })`,
      ).argParser(numberBetween(MIN_TIMEOUT, MAX_TIMEOUT, "a number of seconds")),
    )
    .addOption(
      new Option(
        "--edition <name>",
        "edition of the server, or auto to detect it (default: the last one used, or 2023c)",
      ).choices([...EDITIONS.map(({ name }) => name), AUTO]).helpGroup(PROTOCOL_3),
    )
    .addOption(
      new Option(
        "--quirk <name...>",
        "quirks of the server, separated by spaces (default: the last ones used)",
      ).choices(CLIENT_QUIRKS).helpGroup(PROTOCOL_3),
    )
    .addHelpText(
      "after",
      example(
        "xfer client init",
        "xfer client put report.pdf photos",
        "xfer client get photos --recursive",
      ),
    )
    .action(async (options: PutChoice) => run.finish(await put(run, options, [])));
  run.addPlace(client, "transfer-info");
  addInitCommand(client, run);
  addPutCommand(client, run);
  const optionsOf = v4OptionsOf(run);
  addGetCommand(client, run, optionsOf);
  addListCommand(client, run, optionsOf);
  addStatCommand(client, run, optionsOf);
  addVersionsCommand(client, run, optionsOf);
  addRemoveCommand(client, run, optionsOf);
  addRestoreCommand(client, run, optionsOf);
  addRenameCommand(client, run, optionsOf);
  addLinkCommand(client, run, optionsOf);
  addStatusCommand(client, run);
  addForget(client, run);
}

const NOTES = `\
Without a command, uploads the file that line 3 of transfer.info names. The first upload registers
your user name and writes me.key and me.account beside transfer.info. Keep both safe and private:
they prove who you are.`;

/** Returns a parser of numbers in a range. */
function numberBetween(min: number, max: number, what: "a whole number" | "a number of seconds") {
  const form = what === "a number of seconds" ? /^\d{1,9}(\.\d{1,9})?$/ : /^\d{1,9}$/;
  return (text: string): number => {
    const value = Number(text);
    if (form.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected ${what} from ${min} to ${max}.`);
  };
}
