/**
 * The operator's actions, for the log.
 *
 * @module
 */
import { formatAmount, SIZES } from "../../protocol/units.ts";
import type { Quota } from "../catalog/accounts.ts";
import type { Log } from "../limits/server_log.ts";
import type { Monitor } from "../monitor/monitor.ts";

export type AdminAction =
  | "signed-in"
  | "user-disabled"
  | "user-enabled"
  | "user-renamed"
  | "user-removed"
  | "quota-set"
  | "access-set"
  | "key-removed"
  | "link-created"
  | "invitation-created"
  | "invitation-revoked"
  | "connection-ended"
  | "file-restored"
  | "file-exported"
  | "files-imported"
  | "files-quarantined"
  | "check-started"
  | "hooks-retried"
  | "hooks-dropped";

/** An action, the operator, and the user. All texts are printable. */
export interface OperatorAction {
  /** `uid 0`, or the name of a session of the page. */
  readonly operator: string;
  readonly action: AdminAction;
  /** The user whose account it is about. */
  readonly user?: string;
  /** What else it is about: a file, a key, an address. */
  readonly subject?: string;
  /** The address of the operator's browser. */
  readonly address?: string;
}

/** Logs an action. One event for all of them, so that one search finds them. */
export function logAction(log: Pick<Log, "info">, action: OperatorAction): void {
  const about = [action.user && " for {user}", action.subject && ": {subject}"];
  const words = `Operator ({operator}): {action}${about.filter(Boolean).join("")}`;
  log.info(words, { event: "operator.acted", ...action });
}

/** A quota as the subject of an action. */
export function quotaSubject({ bytes, files }: Quota): string {
  const words = (amount: number | undefined, format: (amount: number) => string) =>
    amount === undefined ? "default" : amount === Infinity ? "none" : format(amount);
  return `size ${words(bytes, (size) => formatAmount(size, SIZES))}, files ${words(files, String)}`;
}

/** Ends an open connection at once. Returns `false` if none has this id. `by`: who does it. */
export function endConnection(
  { monitor, log }: { readonly monitor: Pick<Monitor, "connections">; readonly log: Log },
  id: string,
  by: Pick<OperatorAction, "operator" | "address">,
): boolean {
  const connection = monitor.connections.get(id);
  if (connection === undefined) return false;
  const { user, address: subject } = connection;
  logAction(log, { ...by, action: "connection-ended", subject, ...user && { user: user.name } });
  connection.end("the operator has ended the connection");
  return true;
}
