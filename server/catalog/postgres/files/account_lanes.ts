/**
 * Changes of one account, one transaction at a time. In the database, they would wait for the lock of the account's row, and
 * each would keep a connection that others need. Commits that wait share a transaction.
 *
 * @module
 */
import { type Bytes, toHex } from "../../../../protocol/bytes.ts";
import { UnavailableError } from "../../../../protocol/errors.ts";
import type { CommitOptions, CommitResult, CommittedFile } from "../../files.ts";
import { CatalogRefusal } from "../../refusal.ts";
import { canFailAlone, type PostgresDatabase, type Transaction } from "../database.ts";
import { canShare, type Commit, commitTogether } from "./commit.ts";

/** The most commits in one transaction. */
const MAX_TOGETHER = 256;
/** The most bytes of contents and digests of chunks in one transaction with several commits. */
const MAX_TOGETHER_BYTES = 4 * 1024 * 1024;

/** A commit that waits. */
interface WaitingCommit extends Commit {
  readonly size: number;
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (error: unknown) => void;
}

/** A change that waits: a commit, or anything else, which never rejects. */
type Waiting = WaitingCommit | { readonly run: () => Promise<void> };

/** The lanes of all accounts with changes in progress. Connections make one call at a time each. */
export class AccountLanes {
  readonly #database: PostgresDatabase;
  readonly #lanes = new Map<string, Waiting[]>();

  /** Lanes of one process: other processes wait for the lock of the account's row. */
  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  /** Commits a file. Throws `CatalogRefusal`. */
  commit(file: CommittedFile, options: CommitOptions): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      const inline = file.content.kind === "inline" ? file.content.bytes.length : 0;
      const size = inline + (options.chunks?.length ?? 0);
      this.#add(file.accountId, { file, options, size, resolve, reject });
    });
  }

  /** Runs a transaction that changes files of an account. `statementMs`: the time that a statement may take. */
  change<T>(
    owner: Bytes,
    work: (transaction: Transaction) => Promise<T>,
    statementMs?: number,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = () => this.#database.transaction(work, statementMs).then(resolve, reject);
      this.#add(owner, { run });
    });
  }

  #add(owner: Bytes, change: Waiting): void {
    const name = toHex(owner);
    const lane = this.#lanes.get(name);
    if (lane !== undefined) {
      lane.push(change);
      return;
    }
    const created = [change];
    this.#lanes.set(name, created);
    void this.#drain(name, created);
  }

  async #drain(name: string, lane: Waiting[]): Promise<void> {
    while (lane.length > 0) {
      const commits = takeCommits(lane);
      if (commits.length > 0) await this.#commitAll(commits);
      else {
        const next = lane.shift();
        if (next !== undefined && "run" in next) await next.run();
      }
    }
    this.#lanes.delete(name);
  }

  /** Commits files in one transaction. If it fails, each of them is tried by itself. */
  async #commitAll(commits: readonly WaitingCommit[]): Promise<void> {
    const [first] = commits;
    if (first === undefined) return;
    try {
      const outcomes = await this.#database.transaction((transaction) =>
        commitTogether(transaction, first.file.accountId, commits)
      );
      for (const [i, outcome] of outcomes.entries()) {
        if ("value" in outcome) commits[i]?.resolve(outcome.value);
        else commits[i]?.reject(outcome.error);
      }
    } catch (error) {
      if (commits.length > 1 && isOfOne(error)) {
        for (const commit of commits) await this.#commitAll([commit]);
      } else for (const { reject } of commits) reject(error);
    }
  }
}

/** Whether a failure can be that of one of the commits: a blob that belongs to another file. */
function isOfOne(error: unknown): boolean {
  return !(error instanceof UnavailableError) && !(error instanceof CatalogRefusal) &&
    canFailAlone(error);
}

/** Takes commits from the beginning of a lane, as many as can share a transaction. */
function takeCommits(lane: Waiting[]): WaitingCommit[] {
  const taken: WaitingCommit[] = [];
  let bytes = 0;
  for (const change of lane) {
    if ("run" in change || taken.length === MAX_TOGETHER) break;
    const [first] = taken;
    if (first !== undefined && !canShare(first, change)) break;
    bytes += change.size;
    if (first !== undefined && bytes > MAX_TOGETHER_BYTES) break;
    taken.push(change);
  }
  lane.splice(0, taken.length);
  return taken;
}
