/**
 * `xfer client link`: further machines for one account.
 *
 * @module
 */
import { type Command, InvalidArgumentError } from "commander";
import { hasSecureAccount, isToken, SecureClient } from "../client/mod.ts";
import { toHex, UsageError } from "../protocol/mod.ts";
import { SUCCESS } from "./exit_codes.ts";
import { printNote, printResult } from "./output.ts";
import type { Finish, Secure } from "./secure.ts";
import { example, time } from "./words.ts";

/** Adds the command below `client`. */
export function addLinkCommand(
  client: Command,
  finish: Finish,
  optionsOf: (command: Command) => Promise<Secure>,
): void {
  client.command("link")
    .description("Print a token for another machine of yours, or take one there (protocol 4).")
    .argument(
      "[token]",
      "as printed where you are logged in; this folder must have no account",
      parseToken,
    )
    .addHelpText(
      "after",
      example("xfer client link", "xfer client link mfzwizltoq2gk3tumuytgnbvgy"),
    )
    .action(async (token: string | undefined, _: unknown, command: Command) => {
      const options = await optionsOf(command);
      finish(token === undefined ? await give(options) : await take(options, token));
    });
}

async function give(options: Secure): Promise<number> {
  if (!(await hasSecureAccount(options.identityFolder))) {
    throw new UsageError("no-account", "There is no account here to link another machine to", {
      hint: "Run it in the folder that has me.account. To take a token: xfer client link TOKEN.",
    });
  }
  using connection = await SecureClient.connect(options);
  const { token, expiresAt } = await connection.link();
  printResult(token);
  printNote(
    `Good once, until ${time(expiresAt)}. On the other machine, with the same transfer.info: ` +
      `xfer client link ${token}`,
  );
  return SUCCESS;
}

async function take(options: Secure, token: string): Promise<number> {
  if (await hasSecureAccount(options.identityFolder)) {
    throw new UsageError("account-exists", "There is an account here already: me.account", {
      hint: "Run it in another folder, or move me.key and me.account away.",
    });
  }
  const { userName } = options;
  let id = "";
  using _connection = await SecureClient.connect({
    ...{ ...options, token },
    onEvent(event) {
      if (event.type === "registered") id = toHex(event.clientId);
      else options.onEvent?.(event);
    },
  });
  printResult(`Linked this folder to the account of ${userName}, id ${id}`);
  return SUCCESS;
}

/** Throws commander's `InvalidArgumentError`. */
export function parseToken(text: string): string {
  const token = text.trim().toLowerCase();
  if (isToken(token)) return token;
  throw new InvalidArgumentError("Expected a token of 26 letters and digits.");
}
