/**
 * Commits: a file becomes the current version of its name, and what it replaces becomes history.
 *
 * @module
 */
import { splitNanoseconds } from "../../../../protocol/nanoseconds.ts";
import { type Account, PROTOCOL_4, type Usage } from "../../accounts.ts";
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { CommitOptions, CommitResult, CommittedFile } from "../../files.ts";
import { type HookEvent, storedEvent } from "../../hook_events.ts";
import { nameKey } from "../../name_key.ts";
import { checkQuota, isUnlimited, quotaOf } from "../../quotas.ts";
import { CatalogRefusal, type RefusalReason } from "../../refusal.ts";
import type { Transaction } from "../database.ts";
import { queueHooks } from "../operations/hooks.ts";
import { writeChanges } from "./file_changes.ts";
import { trimAfter } from "./history.ts";
import { type KnownFiles, lockAndLookUp } from "./known_files.ts";
import { FilePlacement, type FileToPlace } from "./file_placement.ts";

/** A file to commit, with its options. */
export interface Commit {
  readonly file: CommittedFile;
  readonly options: CommitOptions;
}

/** The result of a commit, or why it was refused: `CatalogRefusal`, or another error if its account is missing. */
export type CommitOutcome = { value: CommitResult } | { readonly error: Error };

/** Commits of one account that are placed together. */
export interface AccountCommits {
  readonly owner: Bytes;
  /** Not empty; all of them have the same quota and keep history or don't: see {@link canShare}. */
  readonly commits: readonly Commit[];
}

/** Commits files of several accounts in one transaction. Returns the outcomes of each account's commits. */
export async function commitTogether(
  transaction: Transaction,
  groups: readonly AccountCommits[],
): Promise<CommitOutcome[][]> {
  const entries = groups.map(({ commits }) => commits.map(toEntry));
  const known = await lockAndLookUp(
    transaction,
    groups.map(({ owner }, i) => ({
      owner,
      names: [...new Set(entries[i]?.map(({ key }) => key))],
    })),
  );
  const isWatched = transaction.hooks.has("stored");
  const placed = groups.map((group, i) => placeAll(group, entries[i] ?? [], known[i], isWatched));
  const changed = placed.filter(({ changed }) => changed !== undefined)
    .map(({ changed }) => changed as PlacedChanges);
  await writeChanges(
    transaction,
    changed.map(({ owner, seenAt, placement }) => ({
      ...{ owner, seenAt, changes: placement.changes },
    })),
  );
  await queueHooks(transaction, "stored", () => changed.flatMap(({ events }) => events));
  for (const { owner, placement, quota, last } of changed) {
    if (!placement.mayTrim) continue;
    const { garbage, hasSurplus } = await trimAfter(transaction, owner, placement, quota);
    last.value = {
      ...last.value,
      garbage: [...last.value.garbage, ...garbage],
      hasSurplus,
    };
  }
  return placed.map(({ outcomes }) => outcomes);
}

/** The changes of an account by its commits. */
interface PlacedChanges {
  readonly owner: Bytes;
  readonly placement: FilePlacement;
  readonly quota: Usage;
  readonly seenAt: number;
  /** The last commit that was not refused. Its result has the history that all of them drop. */
  readonly last: { value: CommitResult };
  /** Events of the files that were stored. */
  readonly events: HookEvent[];
}

/** Places the files of an account. */
function placeAll(
  { owner, commits }: AccountCommits,
  entries: readonly FileToPlace[],
  known: KnownFiles | undefined,
  isWatched: boolean,
): { readonly outcomes: CommitOutcome[]; readonly changed: PlacedChanges | undefined } {
  if (known === undefined) {
    return { outcomes: commits.map(() => ({ error: missingOwner() })), changed: undefined };
  }
  const placement = new FilePlacement(known);
  const quota = quotaOf(commits[0]?.options.quota, known.account.quota);
  const events: HookEvent[] = [];
  let changed: PlacedChanges | undefined;
  const outcomes = entries.map((entry, i): CommitOutcome => {
    try {
      const { isStored, ...value } = commit(placement, known, entry, commits[i]?.options ?? {});
      const last = { value };
      if (isStored && isWatched) events.push(storedEvent(known.account, entry.file, value.version));
      changed = { owner, placement, quota, seenAt: entry.file.storedAt, last, events };
      return last;
    } catch (error) {
      if (error instanceof CatalogRefusal) return { error };
      throw error;
    }
  });
  return { outcomes, changed };
}

/** Commits can share a transaction if these are equal. */
export function canShare({ options: a }: Commit, { options: b }: Commit): boolean {
  return a.quota?.bytes === b.quota?.bytes && a.quota?.files === b.quota?.files &&
    (a.keepHistory ?? false) === (b.keepHistory ?? false);
}

function toEntry({ file, options: { chunks } }: Commit): FileToPlace {
  const mtime = file.tree === undefined ? { ms: null, ns: 0 } : splitNanoseconds(file.tree.mtime);
  return { file, key: nameKey(file.name), mtime, chunks };
}

function commit(
  placement: FilePlacement,
  { account }: KnownFiles,
  entry: FileToPlace,
  { quota, keepHistory = false, staged }: CommitOptions,
): CommitResult & { readonly isStored: boolean } {
  const { file, key } = entry;
  refuseOwner(account);
  if (account.storedProfile.edition === PROTOCOL_4 && file.tree === undefined) {
    throw new CatalogRefusal("other-protocol");
  }
  const same = placement.findSame(entry);
  const refusal = placement.refusalOf(entry) ?? placement.refusalToReplace(entry, same);
  if (refusal !== undefined) throw new CatalogRefusal(refusal);
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
  return { ...placed, hasSurplus: false, isStored: same === undefined };
}

/** Throws `CatalogRefusal` if the account would be over its quota. */
function checkRoom({ used }: FilePlacement, quota: Usage, more: Usage): void {
  if (isUnlimited(quota)) return;
  checkQuota({ files: used.files + more.files, bytes: used.bytes + more.bytes }, quota);
}

/** Throws `CatalogRefusal` if a change since the upload began forbids storing files. */
export function refuseOwner(account: Account): void {
  const refusal = ownerRefusal(account);
  if (refusal !== undefined) throw new CatalogRefusal(refusal);
}

/** Why an account may store no files at all. */
export function ownerRefusal({ disabled, access }: Account): RefusalReason | undefined {
  if (disabled) return "account-disabled";
  return access === "read-only" ? "read-only" : undefined;
}

/** The failure of a change of a missing account. */
export function missingOwner(): Error {
  return new Error("cannot store a file: its owner is missing");
}
