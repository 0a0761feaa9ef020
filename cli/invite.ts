/**
 * `xfer server invite`: who may register where not everybody may.
 *
 * @module
 */
import { type Command, InvalidArgumentError } from "commander";
import { UsageError } from "../protocol/mod.ts";
import {
  INVITATION_LIFE_MS,
  invite,
  listInvitations,
  MAX_USES,
  revokeInvitations,
} from "../server/mod.ts";
import { dataOf } from "./configuration/options.ts";
import { formatQuantity, parseLifetime } from "./quantities.ts";
import type { Run } from "./run.ts";
import { example, isoTime } from "./words.ts";

interface InviteChoice {
  readonly uses?: number;
  readonly expires?: number;
}

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
    .addHelpText("after", example("xfer server invite --uses 30 --expires 14d --data /srv/xfer"))
    .action(async (choice: InviteChoice, command: Command) => {
      const { uses = 1, expires: lifeMs = INVITATION_LIFE_MS } = choice;
      const { token, expiresAt } = await invite(await dataOf(command), { uses, lifeMs });
      const expires = isoTime(expiresAt);
      run.reporter.report({ event: "token", token, purpose: "invitation", uses, expires });
    });
  command.command("list")
    .description("Print the invitations that are open; the tokens themselves are not kept.")
    .addHelpText("after", example("xfer server invite list --data /srv/xfer"))
    .action(async (_: unknown, command: Command) => {
      for (
        const { id, usesLeft, madeAt, expiresAt } of await listInvitations(await dataOf(command))
      ) {
        const [made, expires] = [isoTime(madeAt), isoTime(expiresAt)];
        run.reporter.report({ event: "invitation", id, usesLeft, made, expires });
      }
    });
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
      const count = await revokeInvitations(await dataOf(command), all ? "all" : ids);
      run.reporter.report({ event: "withdrawn", count });
    });
}

function parseUses(text: string): number {
  const uses = Number(text);
  if (/^\d{1,9}$/.test(text) && uses >= 1 && uses <= MAX_USES) return uses;
  throw new InvalidArgumentError(`Expected a whole number, from 1 to ${MAX_USES}.`);
}
