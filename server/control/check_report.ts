/**
 * The state of the check of stored files as JSON, for the operator's commands.
 *
 * @module
 */
import { toHex } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { CheckRound } from "../catalog/check_rounds.ts";
import type { Damage } from "../catalog/files.ts";
import type { Log } from "../limits/server_log.ts";
import { logAction } from "../operator/actions.ts";
import type { CheckState, CheckStatus, FileCheck } from "../check/background_check.ts";

/** A round. Times are in milliseconds since the epoch. */
export interface RoundReport {
  readonly startedAt: number;
  readonly endedAt: number | null;
  /** Whether an operator has begun it. */
  readonly isRequested: boolean;
  readonly files: number;
  readonly bytes: number;
  readonly damaged: number;
  readonly unreadable: number;
}

/** A file that is known to be damaged. */
export interface DamageReport {
  readonly user: string;
  readonly file: string;
  readonly version: number;
  readonly damage: Damage;
}

/** The check. */
export interface CheckReport {
  readonly state: CheckState;
  /** Why it waits. */
  readonly reason: string | null;
  readonly intervalMs: number;
  readonly totalFiles: number;
  readonly totalBytes: number;
  /** The round in progress. */
  readonly current: RoundReport | null;
  /** The part of it that is done, from 0 to 1. */
  readonly progress: number | null;
  /** The last complete round. */
  readonly last: RoundReport | null;
  readonly nextAt: number | null;
  readonly oldestMs: number | null;
  /** The number of files that are known to be damaged. */
  readonly damaged: number;
  /** Some of them. */
  readonly damagedFiles: readonly DamageReport[];
}

/** Begins a check for an operator. Returns `false` if one that an operator has begun is in progress. */
export async function beginCheck(
  { log }: { readonly log: Log },
  check: FileCheck,
  operator: string,
): Promise<boolean> {
  const isNew = await check.begin();
  if (isNew) logAction(log, { operator, action: "check-started" });
  return isNew;
}

export async function checkReport(
  { accounts }: Pick<Catalog, "accounts">,
  status: CheckStatus,
): Promise<CheckReport> {
  const { state, intervalMs, totals, damaged } = status;
  const users = new Map<string, string>();
  for (const { accountId: id } of status.damagedFiles) {
    const key = toHex(id);
    if (!users.has(key)) users.set(key, (await accounts.find({ id }))?.name ?? "");
  }
  return {
    ...{ state, reason: status.reason ?? null, intervalMs },
    ...{ totalFiles: totals.files, totalBytes: totals.bytes },
    ...{ current: toRound(status.current), progress: status.progress ?? null },
    ...{ last: toRound(status.last), nextAt: status.nextAt ?? null },
    ...{ oldestMs: status.oldestMs ?? null, damaged },
    damagedFiles: status.damagedFiles.map(({ accountId, name, version = 1, damage }) => ({
      ...{ user: users.get(toHex(accountId)) ?? "", file: printable(name), version },
      damage: damage ?? "content",
    })),
  };
}

function toRound(round: CheckRound | undefined): RoundReport | null {
  if (round === undefined) return null;
  const { startedAt, endedAt = null, isRequested, files, bytes, damaged, unreadable } = round;
  return { startedAt, endedAt, isRequested, files, bytes, damaged, unreadable };
}
