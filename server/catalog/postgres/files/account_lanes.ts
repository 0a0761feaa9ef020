/**
 * Changes of each account, one transaction at a time. In the database, they would wait for the lock of the account's row, and
 * each would keep a connection that others need. Commits that wait share a transaction, also those of several accounts: a
 * transaction costs as much as forty files in it.
 *
 * @module
 */
import { type Bytes, toHex } from "../../../../protocol/bytes.ts";
import { XferError } from "../../../../protocol/errors.ts";
import type { CommitOptions, CommitResult, CommittedFile } from "../../files.ts";
import { canFailAlone, type PostgresDatabase, type Transaction } from "../database.ts";
import { type AccountCommits, canShare, type Commit, commitTogether } from "./commit.ts";

/** The most transactions with commits at a time. Commits that come meanwhile go into the next one together. */
const MAX_TRANSACTIONS = 4;
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

/** The changes of an account that wait, while one of them is made or about to be. */
interface Lane {
  readonly owner: Bytes;
  readonly waiting: Waiting[];
}

/** Commits of an account that are taken from its lane. */
interface TakenCommits extends AccountCommits {
  readonly lane: Lane;
  readonly commits: readonly WaitingCommit[];
}

/** The lanes of all accounts with changes in progress. Connections make one call at a time each. */
export class AccountLanes {
  readonly #database: PostgresDatabase;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes whose next change is a commit that no transaction has taken yet, in their order. */
  #ready: Lane[] = [];
  #transactions = 0;

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
      lane.waiting.push(change);
      return;
    }
    const created = { owner, waiting: [change] };
    this.#lanes.set(name, created);
    this.#advance(created);
  }

  /** Begins the next change of a lane that has none in progress. */
  #advance(lane: Lane): void {
    const [next] = lane.waiting;
    if (next === undefined) this.#lanes.delete(toHex(lane.owner));
    else if ("run" in next) {
      lane.waiting.shift();
      next.run().finally(() => this.#advance(lane));
    } else {
      this.#ready.push(lane);
      this.#commitReady();
    }
  }

  #commitReady(): void {
    while (this.#ready.length > 0 && this.#transactions < MAX_TRANSACTIONS) {
      const taken = this.#take();
      this.#transactions++;
      this.#commitAll(taken).finally(() => {
        this.#transactions--;
        for (const { lane } of taken) this.#advance(lane);
        this.#commitReady();
      });
    }
  }

  /** Takes commits of ready lanes, as many as can share a transaction. */
  #take(): TakenCommits[] {
    const taken: TakenCommits[] = [];
    let [count, bytes] = [0, 0];
    for (const lane of this.#ready) {
      const commits: WaitingCommit[] = [];
      for (const change of lane.waiting) {
        if ("run" in change || count === MAX_TOGETHER) break;
        if (commits[0] !== undefined && !canShare(commits[0], change)) break;
        if (count > 0 && bytes + change.size > MAX_TOGETHER_BYTES) break;
        commits.push(change);
        count++;
        bytes += change.size;
      }
      if (commits.length === 0) break;
      lane.waiting.splice(0, commits.length);
      taken.push({ lane, owner: lane.owner, commits });
    }
    this.#ready = this.#ready.slice(taken.length);
    return taken;
  }

  /** Commits files in one transaction. If it fails, each of them is tried by itself. Never rejects. */
  async #commitAll(groups: readonly AccountCommits[]): Promise<void> {
    const all = groups.flatMap(({ commits }) => commits as readonly WaitingCommit[]);
    try {
      const outcomes = await this.#database.transaction((transaction) =>
        commitTogether(transaction, groups)
      );
      for (const [i, outcome] of outcomes.flat().entries()) {
        if ("value" in outcome) all[i]?.resolve(outcome.value);
        else all[i]?.reject(outcome.error);
      }
    } catch (error) {
      // A failure can be that of one of the commits: a blob that belongs to another file.
      if (all.length === 1 || error instanceof XferError || !canFailAlone(error)) {
        for (const { reject } of all) reject(error);
        return;
      }
      for (const commit of all) {
        await this.#commitAll([{ owner: commit.file.accountId, commits: [commit] }]);
      }
    }
  }
}
