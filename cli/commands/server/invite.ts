/**
 * `xfer server invite`: invitations to register.
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
  type ServerLocation,
} from "../../../server/mod.ts";
import { dataOf } from "../../configuration/options.ts";
import { parseLifetime } from "../../arguments/lifetime.ts";
import { formatQuantity } from "../../arguments/quantities.ts";
import { reportAction } from "./report_action.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { isoTime } from "../../text/time.ts";

interface InviteChoice {
  readonly uses?: number;
  readonly expires?: number;
  readonly label?: string;
  readonly list?: boolean;
  readonly revoke?: string[];
}

/** Characters: a label is a name or an address. */
const MAX_LABEL = 100;

/** Options of a new invitation. */
const NEW: (keyof InviteChoice)[] = ["uses", "expires", "label"];

/** Adds the command below `server`. */
export function addInviteCommand(server: Command, run: Run): void {
  const command = server.command("invite")
    .description(`Create an invitation to register.\n\n${NOTES}`)
    .option(
      "--uses <n>",
      `number of users that can register with it, 1 to ${MAX_USES} (default: 1)`,
      parseUses,
    )
    .option(
      "--expires <time>",
      `lifetime, such as 12h (default: ${formatQuantity(INVITATION_LIFE_MS, "lifetime")})`,
      parseLifetime,
    )
    .option("--label <text>", "note for yourself, such as the name of the user", parseLabel)
    .addOption(
      new Option("--list", "list the open invitations, like 'xfer server invite list'")
        .conflicts(["revoke", ...NEW]),
    )
    .addOption(
      new Option("--revoke <id...>", "revoke invitations, like 'xfer server invite revoke'")
        .conflicts(NEW),
    )
    .addHelpText("after", HELP)
    .action(async (choice: InviteChoice, command: Command) => {
      const { label, list = false, revoke = [] } = choice;
      if (list) return await printInvitations(run, await dataOf(command));
      if (revoke.length > 0) return await withdraw(run, command, revoke);
      const { uses = 1, expires: lifeMs = INVITATION_LIFE_MS } = choice;
      const data = await dataOf(command);
      const made = await invite(data, { label, uses, lifeMs });
      const { id, token } = made;
      await reportAction({ run, command, data }, { action: "invitation-created", subject: id });
      const expires = isoTime(made.expiresAt);
      run.reporter.report({
        ...{ event: "token", token, id, label, purpose: "invitation", uses, expires },
      });
    });
  command.command("list").alias("ls")
    .description(
      "List open invitations.\n\nTheir tokens are not stored, and cannot be shown again.",
    )
    .addHelpText("after", example("xfer server invite list --data /srv/xfer"))
    .action(async (_: unknown, command: Command) =>
      await printInvitations(run, await dataOf(command))
    );
  command.command("revoke")
    .description("Revoke invitations.")
    .argument("[id...]", "ids of the invitations (see 'xfer server invite list')")
    .option("--all", "revoke all open invitations")
    .addHelpText("after", example("xfer server invite revoke --all --data /srv/xfer"))
    .action(async (ids: string[], { all = false }: { all?: boolean }, command: Command) => {
      if (all === ids.length > 0) {
        throw new UsageError(
          "no-invitation",
          all ? "--all cannot be combined with ids" : "no invitation given",
          {
            hint: all
              ? "Omit --all, or the ids."
              : "Run 'xfer server invite list' to see the open invitations.",
          },
        );
      }
      await withdraw(run, command, all ? "all" : ids);
    });
}

const NOTES = `\
Send the token to the user, with the xfer:// line that the server logs when it starts. The user runs
'xfer client init --invitation TOKEN'.`;

const HELP = example(
  "xfer server invite --label 'Bob, lab 3' --data /srv/xfer",
  "xfer server invite --uses 30 --expires 14d --data /srv/xfer",
);

async function printInvitations(run: Run, data: ServerLocation): Promise<void> {
  const invitations = await listInvitations(data);
  if (invitations.length === 0) run.reporter.remark(() => "No open invitations");
  for (const { madeAt, expiresAt, ...invitation } of invitations) {
    const [made, expires] = [isoTime(madeAt), isoTime(expiresAt)];
    run.reporter.report({ event: "invitation", ...invitation, made, expires });
  }
}

async function withdraw(
  run: Run,
  command: Command,
  ids: readonly string[] | "all",
): Promise<void> {
  const data = await dataOf(command);
  const count = await revokeInvitations(data, ids);
  await reportAction({ run, command, data }, {
    action: "invitation-revoked",
    subject: ids === "all" ? ids : ids.join(", "),
  });
  run.reporter.report({ event: "withdrawn", count });
}

function parseUses(text: string): number {
  const uses = Number(text);
  if (/^\d{1,9}$/.test(text) && uses >= 1 && uses <= MAX_USES) return uses;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${MAX_USES}.`);
}

/** A label is printed in one line. */
function parseLabel(text: string): string {
  if (text.trim() !== "" && text.length <= MAX_LABEL && printable(text) === text) return text;
  throw new InvalidArgumentError(`Expected one line of 1 to ${MAX_LABEL} characters.`);
}
