/**
 * `xfer client link`: more machines for one account.
 *
 * @module
 */
import { type Command, InvalidArgumentError } from "commander";
import { hasV4Account, isToken, V4Client } from "../../../client/mod.ts";
import { toHex } from "../../../protocol/bytes.ts";
import { UsageError } from "../../../protocol/errors.ts";
import type { Reporter } from "../../output/reporter.ts";
import type { Run } from "../../run.ts";
import type { OptionsOf, V4Options } from "./connect.ts";
import { example } from "../../text/format.ts";
import { isoTime } from "../../text/time.ts";

const NOTES = `\
On a machine with your account, run it without a token to print a new one. On the other machine, run
'xfer client init' with the same server and user name, then 'xfer client link TOKEN'.`;

/** Adds the command below `client`. */
export function addLinkCommand(client: Command, run: Run, optionsOf: OptionsOf): void {
  client.command("link")
    .description(`Link another machine to your account.\n\n${NOTES}`)
    .argument("[token]", "link token that another machine of yours printed", parseToken)
    .addHelpText(
      "after",
      example("xfer client link", "xfer client link mfzwizltoq2gk3tumuytgnbvgy"),
    )
    .action(async (token: string | undefined, _: unknown, command: Command) => {
      const options = await optionsOf(command);
      if (token === undefined) await give(options, run.reporter);
      else await take(options, token, run.reporter);
    });
}

async function give({ connect, retry }: V4Options, reporter: Reporter): Promise<void> {
  if (!(await hasV4Account(connect.identityFolder))) {
    throw new UsageError("no-account", "this folder has no account to link another machine to", {
      hint: "Run 'xfer client link TOKEN' to use a token, or run this in the folder of me.account.",
    });
  }
  using connection = await V4Client.connectWithRetries(connect, retry);
  const { token, expiresAt } = await connection.link();
  const expires = isoTime(expiresAt);
  reporter.report({ event: "token", token, purpose: "link", uses: 1, expires });
}

async function take(
  { connect, retry }: V4Options,
  token: string,
  reporter: Reporter,
): Promise<void> {
  if (await hasV4Account(connect.identityFolder)) {
    throw new UsageError("account-exists", "this folder already has an account, me.account", {
      hint: "Run this command in another folder, or move me.key and me.account away.",
    });
  }
  const { userName: user } = connect;
  let id = "";
  using _connection = await V4Client.connectWithRetries({
    ...{ ...connect, token },
    onEvent(event) {
      if (event.type === "registered") id = toHex(event.clientId);
      else connect.onEvent?.(event);
    },
  }, retry);
  reporter.report({ event: "linked", user, id });
}

/** Throws commander's `InvalidArgumentError`. */
export function parseToken(text: string): string {
  const token = text.trim().toLowerCase();
  if (isToken(token)) return token;
  throw new InvalidArgumentError("Expected a token of 26 letters and digits.");
}
