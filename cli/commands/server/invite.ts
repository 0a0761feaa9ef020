/**
 * `xfer server invite`: who may register where not everybody may.
 *
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import { printable } from "../../../protocol/printable.ts";
import { UsageError } from "../../../protocol/errors.ts";
import {
  INVITATION_LIFE_MS,
  invite,
  listInvitations,
  MAX_USES,
  revokeInvitations,
} from "../../../server/mod.ts";
import { dataOf } from "../../configuration/options.ts";
import { formatQuantity, parseLifetime } from "../../arguments/quantities.ts";
import type { Run } from "../../run.ts";
import { example, isoTime } from "../../text/format.ts";

interface InviteChoice {
  readonly uses?: number;
  readonly expires?: number;
  readonly label?: string;
  readonly list?: boolean;
  readonly revoke?: string[];
}

/** A label is a name or an address, not a letter. */
const MAX_LABEL = 100;

/** Options of an invitation that is made. */
const NEW: (keyof InviteChoice)[] = ["uses", "expires", "label"];

/** Adds the command below `server`. */
export function addInviteCommand(server: Command, run: Run): void {
  const command = server.command("invite")
    .description("Print an invitation, with which a user may register (protocol 4).")
    .option("--uses <n>", `how many may register with it, 1 to ${MAX_USES} (default: 1)`, parseUses)
    .option(
      "--expires <time>",
      `how long it is good (default: ${formatQuantity(INVITATION_LIFE_MS, "lifetime")})`,
      parseLifetime,
    )
    .option("--label <text>", "a note for yourself, such as whom it is for", parseLabel)
    .addOption(
      new Option("--list", "print the open invitations (same as 'list')")
        .conflicts(["revoke", ...NEW]),
    )
    .addOption(
      new Option("--revoke <id...>", "withdraw invitations (same as 'revoke')").conflicts(NEW),
    )
    .addHelpText("after", HELP)
    .action(async (choice: InviteChoice, command: Command) => {
      const { label, list = false, revoke = [] } = choice;
      if (list) return await printInvitations(run, await dataOf(command));
      if (revoke.length > 0) return await withdraw(run, await dataOf(command), revoke);
      const { uses = 1, expires: lifeMs = INVITATION_LIFE_MS } = choice;
      const made = await invite(await dataOf(command), { label, uses, lifeMs });
      const { id, token } = made;
      const expires = isoTime(made.expiresAt);
      run.reporter.report({
        ...{ event: "token", token, id, label, purpose: "invitation", uses, expires },
      });
    });
  command.command("list")
    .description("Print the invitations that are open; the tokens themselves are not kept.")
    .addHelpText("after", example("xfer server invite list --data /srv/xfer"))
    .action(async (_: unknown, command: Command) =>
      await printInvitations(run, await dataOf(command))
    );
  command.command("revoke")
    .description("Withdraw invitations.")
    .argument("[id...]", "which, as list prints them")
    .option("--all", "all that are open")
    .addHelpText("after", example("xfer server invite revoke --all --data /srv/xfer"))
    .action(async (ids: string[], { all = false }: { all?: boolean }, command: Command) => {
      if (all === ids.length > 0) {
        throw new UsageError(
          "no-invitation",
          "Say either which invitations to withdraw, or --all",
          {
            hint: "See which there are: xfer server invite list.",
          },
        );
      }
      await withdraw(run, await dataOf(command), all ? "all" : ids);
    });
}

const HELP = example(
  "xfer server invite --label 'Bob, lab 3' --data /srv/xfer",
  "xfer server invite --uses 30 --expires 14d --data /srv/xfer",
) + `

Give the token to the user, with the line for transfer.info that the server logs when it
starts. The user runs the printed command: xfer client init --invitation TOKEN.`;

async function printInvitations(run: Run, data: string): Promise<void> {
  for (const { madeAt, expiresAt, ...invitation } of await listInvitations(data)) {
    const [made, expires] = [isoTime(madeAt), isoTime(expiresAt)];
    run.reporter.report({ event: "invitation", ...invitation, made, expires });
  }
}

async function withdraw(run: Run, data: string, ids: readonly string[] | "all"): Promise<void> {
  run.reporter.report({ event: "withdrawn", count: await revokeInvitations(data, ids) });
}

function parseUses(text: string): number {
  const uses = Number(text);
  if (/^\d{1,9}$/.test(text) && uses >= 1 && uses <= MAX_USES) return uses;
  throw new InvalidArgumentError(`Expected a whole number, from 1 to ${MAX_USES}.`);
}

/** It is printed as it is, in one line. */
function parseLabel(text: string): string {
  if (text.trim() !== "" && text.length <= MAX_LABEL && printable(text) === text) return text;
  throw new InvalidArgumentError(`Expected one line of 1 to ${MAX_LABEL} characters.`);
}
