/**
 * The operator's actions, for the log.
 *
 * @module
 */
import type { Log } from "../limits/server_log.ts";

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
  | "check-started";

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
export function logAction(log: Log, action: OperatorAction): void {
  const about = [action.user && " for {user}", action.subject && ": {subject}"];
  const words = `Operator ({operator}): {action}${about.filter(Boolean).join("")}`;
  log.info(words, { event: "operator.acted", ...action });
}
