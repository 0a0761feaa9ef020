/**
 * What is on its way in counts towards its user's quota from the beginning: with so many bytes, and files, as its user
 * has more when it is stored. The stored file that it replaces is taken off once, however many are to replace it.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { AccountCache } from "../accounts/account_cache.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { StoredFile } from "../catalog/files.ts";
import type { Usage } from "../catalog/accounts.ts";
import { LimitError, type Limits } from "../limits/limits.ts";

interface QuotaShare {
  readonly name: string;
  /** Bytes of the whole file. */
  readonly size: number;
  /** How much of it takes the place of stored bytes, which no other reservation takes off. */
  readonly credit: number;
  /** Whether its user has one file more when it is stored. */
  readonly isNew: boolean;
}

/** What one file on its way in counts. */
export class QuotaReservation implements QuotaShare {
  readonly name: string;
  readonly size: number;
  /** Reservations are numbered in their order. */
  readonly number: number;
  readonly #onEnd: () => void;
  #credit: number;
  #isNew: boolean;
  #isEnding = false;
  readonly #ended = Promise.withResolvers<void>();

  constructor({ name, size, credit, isNew }: QuotaShare, number: number, onEnd: () => void) {
    this.name = name;
    this.size = size;
    this.#credit = credit;
    this.#isNew = isNew;
    this.number = number;
    this.#onEnd = onEnd;
  }

  get credit(): number {
    return this.#credit;
  }

  get isNew(): boolean {
    return this.#isNew;
  }

  /** What it was to replace is not there any more; `isStored`: another file is. */
  revoke(isStored: boolean): void {
    this.#credit = 0;
    this.#isNew = !isStored;
  }

  /** Whether the catalog may count the file already. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Resolves when it counts no more. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** The catalog is about to be told of the file. */
  startCommit(): void {
    this.#isEnding = true;
  }

  /** What has become of the file is in the catalog, or it is gone. */
  end(): void {
    this.#onEnd();
    this.#ended.resolve();
  }
}

/** What was claimed at some moment, before the catalog is asked what is stored of a name. */
export interface ReservationSnapshot extends Disposable {
  readonly quotaReservations: readonly QuotaReservation[];
  /** Whether a stored file has gone from the name since: what the catalog tells of it may be out of date. */
  readonly isStale: boolean;
  /** Whether there is another in its place, then. */
  readonly isStored: boolean;
  /** The number of the latest reservation until then. */
  readonly latest: number;
  /** Of what the catalog may hold a part. */
  readonly names: readonly string[];
}

/** What may have been claimed while the catalog was asked how much there is besides. */
export interface ReservedTotal extends Usage {
  /** How much of what is stored under the name is taken off already. */
  readonly spent: number;
  /** Whether a file of the name is on its way already. */
  readonly isAgain: boolean;
  /** Whether nothing may be in both, the reservations and the catalog. */
  readonly isExact: boolean;
}

/** As many as there are files on their way in, which `maxStagedPerClient` bounds. */
export class QuotaReservations {
  /** By client, oldest first. */
  readonly #byClient = new Map<string, Set<QuotaReservation>>();
  #latest = 0;
  /** Those whose answers from the catalog are awaited. */
  readonly #looks = new Set<
    { readonly key: string; readonly name: string; isStale: boolean; isStored: boolean }
  >();

  add(accountId: Bytes, claimed: QuotaShare): QuotaReservation {
    const key = toHex(accountId);
    const all = this.#byClient.get(key) ?? new Set();
    this.#byClient.set(key, all);
    const reservation: QuotaReservation = new QuotaReservation(claimed, ++this.#latest, () => {
      all.delete(reservation);
      if (all.size === 0 && this.#byClient.get(key) === all) this.#byClient.delete(key);
    });
    all.add(reservation);
    return reservation;
  }

  /** What a client has reserved now, before the catalog is asked for a file; to be disposed of when that has answered. */
  look(accountId: Bytes, name: string): ReservationSnapshot {
    const quotaReservations = [...this.#of(accountId)];
    const names = quotaReservations.filter(({ size }) => size >= CHUNK_SIZE).map(({ name }) =>
      name
    );
    const end = () => void this.#looks.delete(look);
    const look = {
      ...{
        key: toHex(accountId),
        name,
        quotaReservations,
        latest: this.#latest,
        names,
        isStale: false,
        isStored: false,
      },
      [Symbol.dispose]: end,
    };
    this.#looks.add(look);
    return look;
  }

  /**
   * What a client may have claimed from a look on, when the catalog has answered. However many files of one name are on
   * their way, each counts with its bytes, but together as one file; those of `name` as none, since one more is to come.
   */
  sum(accountId: Bytes, before: ReservationSnapshot, name: string): ReservedTotal {
    const all = this.#of(accountId);
    const added = [...all].filter(({ number }) => number > before.latest);
    const hasEnded = before.quotaReservations.length + added.length > all.size;
    const quotaReservations = [...before.quotaReservations, ...added];
    const [again, others] = [
      quotaReservations.filter((reservation) => reservation.name === name),
      new Set<string>(),
    ];
    for (const reservation of quotaReservations) {
      if (reservation.isNew && reservation.name !== name) others.add(reservation.name);
    }
    return {
      bytes: quotaReservations.reduce((sum, { size, credit }) => sum + size - credit, 0),
      files: others.size,
      spent: before.isStale ? Infinity : again.reduce((sum, { credit }) => sum + credit, 0),
      isAgain: again.length > 0,
      isExact: added.length === 0 && !hasEnded && !before.isStale &&
        !quotaReservations.some(({ isEnding }) => isEnding),
    };
  }

  /**
   * A stored file has gone from its name, or, with `isStored`, is another: what is on its way there does not take the place
   * of it.
   */
  revoke(accountId: Bytes, name: string, { isStored = false } = {}): void {
    const key = toHex(accountId);
    for (const reservation of this.#byClient.get(key) ?? NONE) {
      if (reservation.name === name) reservation.revoke(isStored);
    }
    for (const look of this.#looks) {
      if (look.key === key && look.name === name) Object.assign(look, { isStale: true, isStored });
    }
  }

  /** Resolves when those reservations have ended that are about to. */
  async settle(accountId: Bytes): Promise<void> {
    const ending = [...this.#of(accountId)].filter(({ isEnding }) => isEnding);
    await Promise.all(ending.map(({ ended }) => ended));
  }

  #of(accountId: Bytes): ReadonlySet<QuotaReservation> {
    return this.#byClient.get(toHex(accountId)) ?? NONE;
  }
}

const NONE: ReadonlySet<QuotaReservation> = new Set();

/** What a user may have whose operator has said nothing else. */
export function quotaOfAll({ quota, quotaFiles }: Limits): Usage {
  return { bytes: quota, files: quotaFiles };
}

/** How many of the files that one replaces are kept besides it. */
export function replacedKept({ versions }: Limits): number {
  return Math.max(0, versions - 1);
}

/**
 * A user's own files that are stored meanwhile may be counted twice: where it would be too much it is looked at again
 * when they are, but not more often.
 */
const MAX_LOOKS = 16;

/**
 * Refuses beforehand what could not be stored afterwards. What is on its way counts from now on, until its reservation ends;
 * there is none where no quota is. Where there is no room beside earlier files of the same name that are on their way,
 * `makeWay` is called once: it resolves when those have ended that are to. Throws `LimitError`.
 */
export async function claimRoom(
  { limits, store, accounts, quotaReservations }: {
    readonly limits: Limits;
    readonly store: { readonly catalog: { readonly files: Pick<Catalog["files"], "usage"> } };
    readonly accounts: Pick<AccountCache, "find">;
    readonly quotaReservations: QuotaReservations;
  },
  { accountId, name, size }: Pick<StoredFile, "accountId" | "name" | "size">,
  makeWay: () => Promise<void>,
): Promise<QuotaReservation | undefined> {
  const { maxFileSize } = limits;
  if (size > maxFileSize) throw new LimitError("maxFileSize", maxFileSize);
  const own = (await accounts.find(accountId))?.quota ?? {};
  const { bytes: quota = limits.quota, files: quotaFiles = limits.quotaFiles } = own;
  if (quota === Infinity && quotaFiles === Infinity) return undefined;
  const over = (usage: Usage) =>
    usage.bytes > quota
      ? new LimitError("quota", quota)
      : usage.files > quotaFiles
      ? new LimitError("quotaFiles", quotaFiles)
      : undefined;
  let hasMadeWay = false;
  for (let looks = 1;; looks++) {
    using look = quotaReservations.look(accountId, name);
    const replacing = { name, size, keep: replacedKept(limits), open: look.names };
    const { replaced, ...beside } = await store.catalog.files.usage(accountId, replacing);
    const claimed = quotaReservations.sum(accountId, look, name);
    const spent = Math.min(claimed.spent, replaced.bytes);
    const alone = { bytes: beside.bytes + size, files: beside.files + 1 };
    const all = {
      bytes: alone.bytes + spent + claimed.bytes,
      files: alone.files + claimed.files,
    };
    const refused = over(all);
    if (refused === undefined) {
      const credit = Math.min(size, replaced.bytes - spent);
      return quotaReservations.add(accountId, {
        name,
        size,
        credit,
        isNew: look.isStale ? !look.isStored : replaced.files === 0,
      });
    }
    if (over(alone) !== undefined) throw refused;
    if (claimed.isAgain && !hasMadeWay) {
      hasMadeWay = true;
      await makeWay();
    } else if (claimed.isExact || looks >= MAX_LOOKS) throw refused;
    else await quotaReservations.settle(accountId);
  }
}
