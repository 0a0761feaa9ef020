/**
 * The requests that a running server answers over its control socket.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import { type AdminAction, endConnection, logAction } from "../operator/actions.ts";
import { beginCheck, checkReport } from "./check_report.ts";
import type { ControlArguments, ControlRequests } from "./control_socket.ts";
import { readStatus, sessionsOf, type StatusSource } from "./server_status.ts";

export interface ControlContext extends StatusSource {
  /** Applies changes of accounts and keys at once, to open connections too. */
  readonly refreshAccounts: () => Promise<void>;
}

export function controlRequests(
  { refreshAccounts, ...source }: ControlContext,
): ControlRequests {
  const { context, check } = source;
  return {
    status: () => readStatus(source),
    sessions: () => sessionsOf(context),
    /** Ends a connection. Returns whether it was open. */
    end: (given) =>
      endConnection(context, textOf(given, "id"), { operator: textOf(given, "operator") }),
    check: async () => await checkReport(context.store.catalog, await check.status()),
    /** Begins a check. Returns whether none that an operator has begun was in progress. */
    "begin-check": (given) => beginCheck(context, check, textOf(given, "operator")),
    /** An operator's command has changed the catalog. */
    acted: async (given) => {
      logAction(context.log, {
        ...{ operator: textOf(given, "operator"), action: actionIn(given) },
        ...optionalTextOf(given, "user"),
        ...optionalTextOf(given, "subject"),
      });
      await refreshAccounts();
      return true;
    },
  };
}

/** The action of a command, which may be of a later version. */
function actionIn(given: ControlArguments): AdminAction {
  const action = textOf(given, "action");
  if (/^[a-z-]{1,40}$/.test(action)) return action as AdminAction;
  throw new TypeError("action is not a word");
}

function textOf(given: ControlArguments, name: string): string {
  const { [name]: text } = optionalTextOf(given, name);
  if (text !== undefined) return text;
  throw new TypeError(`${name} is missing`);
}

function optionalTextOf<N extends string>(
  given: ControlArguments,
  name: N,
): Readonly<Partial<Record<N, string>>> {
  const value = given[name];
  if (value === undefined) return {} as Partial<Record<N, string>>;
  if (typeof value !== "string") throw new TypeError(`${name} is not a text`);
  return { [name]: printable(value) } as Record<N, string>;
}
