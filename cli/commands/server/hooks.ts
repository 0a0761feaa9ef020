/**
 * `xfer server hooks`: events that wait for the receiver of `--hook-url`.
 *
 * @module
 */
import type { Command } from "commander";
import { UsageError } from "../../../protocol/errors.ts";
import {
  dropHooks,
  type HookSelection,
  type QueuedHook,
  retryHooks,
  visitHooks,
} from "../../../server/mod.ts";
import { dataOf } from "../../configuration/options.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { isoTime } from "../../text/time.ts";
import { reportAction } from "./report_action.ts";

interface Chosen {
  readonly dead?: boolean;
  readonly all?: boolean;
}

/** Adds the command below `server`. */
export function addHooksCommand(server: Command, run: Run): void {
  const hooks = server.command("hooks")
    .description("Manage the events that wait for the receiver of --hook-url.")
    .addHelpText("after", example("xfer server hooks list --data /srv/xfer"));
  hooks.command("list").alias("ls")
    .description("List waiting and dead events, oldest first.")
    .option("--dead", "list only dead events")
    .addHelpText("after", example("xfer server hooks list --dead --data /srv/xfer"))
    .action(async ({ dead = false }: Chosen, command: Command) => {
      let count = 0;
      await visitHooks(await dataOf(command), (hook) => {
        if (dead && !hook.isDead) return;
        count++;
        run.reporter.report(hookEvent(hook));
      });
      if (count === 0) run.reporter.remark(() => dead ? "No dead events" : "No waiting events");
    });
  for (const { name, what, change, event } of CHANGES) {
    hooks.command(name)
      .description(what)
      .argument("[id]", "id of an event (see 'xfer server hooks list')")
      .option("--dead", `${name} all dead events`)
      .option("--all", `${name} all events`)
      .addHelpText("after", example(`xfer server hooks ${name} --dead --data /srv/xfer`))
      .action(async (id: string | undefined, chosen: Chosen, command: Command) => {
        const which = selectionOf(id, chosen);
        const data = await dataOf(command);
        const count = await change(data, which);
        const subject = typeof which === "string" ? which : which.delivery;
        await reportAction({ run, command, data }, { action: event, subject });
        run.reporter.report({ event, count });
      });
  }
}

const CHANGES = [
  {
    name: "retry",
    what: "Deliver events now, including dead ones.",
    change: retryHooks,
    event: "hooks-retried",
  },
  {
    name: "drop",
    what: "Remove events without delivering them.",
    change: dropHooks,
    event: "hooks-dropped",
  },
] as const;

function selectionOf(id: string | undefined, { dead = false, all = false }: Chosen): HookSelection {
  const given = [id !== undefined, dead, all].filter(Boolean).length;
  if (given === 1) return id !== undefined ? { delivery: id } : dead ? "dead" : "all";
  throw new UsageError(
    "no-hook",
    given === 0 ? "no event given" : "an id, --dead and --all cannot be combined",
    { hint: given === 0 ? "Add an id, --dead or --all." : "Give only one of them." },
  );
}

/** The parts of what the server posts by which people recognize an event. */
interface HookBody {
  readonly data: { readonly user?: string; readonly file?: string };
}

function hookEvent({ delivery: id, type, isDead, queuedAt, attempts, failure, body }: QueuedHook) {
  const { data: { user, file } } = JSON.parse(body) as HookBody;
  return {
    ...{ event: "hook" as const, id, type, state: isDead ? "dead" as const : "waiting" as const },
    ...{ queued: isoTime(queuedAt), attempts, reason: failure, body },
    ...{ user, file },
  };
}
