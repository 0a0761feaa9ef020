/**
 * `xfer client`: the options of all that is below it, and the commands.
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
import type { Run } from "../../run.ts";
import { AUTO, v4OptionsOf } from "./connect.ts";
import { addForget } from "./forget.ts";
import { addGetCommand } from "./get.ts";
import { addInitCommand } from "./init.ts";
import { addLinkCommand, parseToken } from "./link.ts";
import { addPutCommand, put, type PutChoice } from "./put.ts";
import { addRemoteFileCommands } from "./remote_files.ts";
import { addStatusCommand } from "./status.ts";

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
        .choices(CLIENT_QUIRKS),
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
    .action(async (options: PutChoice) => run.finish(await put(run, options, [])));
  run.addPlace(client, "transfer-info");
  addInitCommand(client, run);
  addPutCommand(client, run);
  const optionsOf = v4OptionsOf(run);
  addGetCommand(client, run, optionsOf);
  addRemoteFileCommands(client, run, optionsOf);
  addLinkCommand(client, run, optionsOf);
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

/** A parser of an option that is a number. */
function numberBetween(min: number, max: number, what: "a whole number" | "seconds") {
  const form = what === "seconds" ? /^\d{1,9}(\.\d{1,9})?$/ : /^\d{1,9}$/;
  return (text: string): number => {
    const value = Number(text);
    if (form.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected ${what}, from ${min} to ${max}.`);
  };
}
