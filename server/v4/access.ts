/**
 * What an account may do with files: the requests that are refused by its access.
 *
 * @module
 */
import type { Message, MessageKind } from "../../protocol/v4/messages.ts";
import type { AccessMode } from "../catalog/accounts.ts";
import { noSuchFile } from "./descriptions.ts";
import type { RequestContext } from "./request_context.ts";
import { RequestError } from "./request_error.ts";

/** Requests that change stored files. The catalog refuses `put` and `pack` where they would replace one. */
const CHANGES: readonly MessageKind[] = ["update", "remove", "rename", "restore"];
/** Requests that show what is stored. */
const LOOKS: readonly MessageKind[] = ["list", "stat", "versions"];

interface AccessRules {
  /** Requests that are refused. */
  readonly forbidden: readonly MessageKind[];
  /** Requests that are answered as if nothing were stored, so that clients can upload without another way to do it. */
  readonly blind: readonly MessageKind[];
  /** Why others are refused. */
  readonly reason: string;
}

const RULES: Readonly<Record<AccessMode, AccessRules>> = {
  "full": { forbidden: [], blind: [], reason: "" },
  "append-only": {
    forbidden: CHANGES,
    blind: [],
    reason: "this account may add files, but not change or remove any",
  },
  "read-only": {
    forbidden: [...CHANGES, "put", "pack"],
    blind: [],
    reason: "this account may only download files",
  },
  "drop-box": {
    forbidden: [...CHANGES, "get", "fetch", "recheck"],
    blind: LOOKS,
    reason: "this account may only add files, and sees none",
  },
};

const RESTRICTED = new Set(
  Object.values(RULES).flatMap(({ forbidden, blind }) => [...forbidden, ...blind]),
);

/** Whether some accounts may not make a request of this kind. */
export function isRestricted(kind: MessageKind): boolean {
  return RESTRICTED.has(kind);
}

/**
 * Answers a request in place of its handler, if the account may not see what is stored. Returns whether it did. The
 * account's access is at most a second old. Throws `RequestError` `not-allowed` if the account may not make the request,
 * and `no-such-file`.
 */
export async function answerBlindly(
  { context, owner, answers }: RequestContext,
  message: Message,
): Promise<boolean> {
  const { kind, tag } = message;
  const access = (await context.accounts.find(owner.accountId))?.access ?? "full";
  const { forbidden, blind, reason } = RULES[access];
  if (forbidden.includes(kind)) throw new RequestError("not-allowed", reason);
  if (!blind.includes(kind)) return false;
  if (kind !== "list") throw noSuchFile("name" in message ? `${message.name}` : "");
  await answers.send({ kind: "done", tag });
  return true;
}
