/**
 * Commits: a file becomes the current version of its name, and what it replaces becomes history.
 *
 * @module
 */
import { splitNanoseconds } from "../../../../protocol/nanoseconds.ts";
import { type Account, PROTOCOL_4, type Usage } from "../../accounts.ts";
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { CommitOptions, CommitResult, CommittedFile } from "../../files.ts";
import { nameKey } from "../../name_key.ts";
import { checkQuota, isUnlimited, quotaOf } from "../../quotas.ts";
import { CatalogRefusal } from "../../refusal.ts";
import type { Transaction } from "../database.ts";
import { trimAfter } from "./history.ts";
import { type KnownFiles, lockAndLookUp } from "./known_files.ts";
import { FilePlacement, type FileToPlace } from "./file_placement.ts";

/** A file to commit, with its options. */
export interface Commit {
  readonly file: CommittedFile;
  readonly options: CommitOptions;
}

/** The result of a commit, or why it was refused. */
export type CommitOutcome = { readonly value: CommitResult } | { readonly error: CatalogRefusal };

/** Commits files of one account. Those with the same quota and history can share a transaction. */
export async function commitTogether(
  transaction: Transaction,
  owner: Bytes,
  commits: readonly Commit[],
): Promise<CommitOutcome[]> {
  const entries = commits.map(({ file, options }) => toEntry(file, options));
  const known = await lockAndLookUp(transaction, owner, entries.map(({ key }) => key));
  if (known === undefined) throw missingOwner();
  const placement = new FilePlacement(known);
  let seenAt: number | undefined;
  const outcomes = commits.map(({ options }, i): CommitOutcome => {
    const entry = entries[i] as FileToPlace;
    try {
      const value = commit(placement, known, entry, options);
      seenAt = entry.file.storedAt;
      return { value };
    } catch (error) {
      if (error instanceof CatalogRefusal) return { error };
      throw error;
    }
  });
  if (seenAt === undefined) return outcomes;
  await placement.changes.write(transaction, owner, seenAt);
  const quota = quotaOf(commits[0]?.options.quota, known.account.quota);
  const trimmed = await trimAfter(transaction, owner, placement, quota);
  const last = outcomes.findLastIndex((outcome) => "value" in outcome);
  return outcomes.map((outcome, i) => {
    if (i !== last || !("value" in outcome)) return outcome;
    const garbage = [...outcome.value.garbage, ...trimmed.garbage];
    return { value: { ...outcome.value, garbage, hasSurplus: trimmed.hasSurplus } };
  });
}

/** Commits can share a transaction if these are equal. */
export function canShare({ options: a }: Commit, { options: b }: Commit): boolean {
  return a.quota?.bytes === b.quota?.bytes && a.quota?.files === b.quota?.files &&
    (a.keepHistory ?? false) === (b.keepHistory ?? false);
}

function toEntry(file: CommittedFile, { chunks }: CommitOptions): FileToPlace {
  const mtime = file.tree === undefined ? { ms: null, ns: 0 } : splitNanoseconds(file.tree.mtime);
  return { file, key: nameKey(file.name), mtime, chunks };
}

function commit(
  placement: FilePlacement,
  { account }: KnownFiles,
  entry: FileToPlace,
  { quota, keepHistory = false, staged }: CommitOptions,
): CommitResult {
  const { file, key } = entry;
  refuseOwner(account);
  if (account.storedProfile.edition === PROTOCOL_4 && file.tree === undefined) {
    throw new CatalogRefusal("other-protocol");
  }
  const refusal = placement.refusalOf(entry);
  if (refusal !== undefined) throw new CatalogRefusal(refusal);
  const same = placement.findSame(entry);
  if (same === undefined) {
    const freed = placement.bytesOf(staged);
    checkRoom(placement, quotaOf(quota, account.quota), {
      files: placement.current(key) === undefined ? 1 : 0,
      bytes: file.size - (placement.current(key)?.size ?? 0) - freed,
    });
  }
  if (staged !== undefined) placement.endPartial(staged);
  const placed = same === undefined
    ? placement.place(entry, keepHistory)
    : { version: same.version, garbage: placement.keep(entry, same) };
  return { ...placed, hasSurplus: false };
}

/** Throws `CatalogRefusal` if the account would be over its quota. */
function checkRoom({ used }: FilePlacement, quota: Usage, more: Usage): void {
  if (isUnlimited(quota)) return;
  checkQuota({ files: used.files + more.files, bytes: used.bytes + more.bytes }, quota);
}

/** Throws `CatalogRefusal` if a change since the upload began forbids storing files. */
export function refuseOwner({ disabled }: Account): void {
  if (disabled) throw new CatalogRefusal("account-disabled");
}

/** The failure of a change of a missing account. */
export function missingOwner(): Error {
  return new Error("cannot store a file: its owner is missing");
}
