/**
 * Quota reservations. An upload counts towards its account's quota from its start, by the bytes and files that storing
 * it adds. A stored file that it replaces is subtracted once, even if several uploads replace it.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import type { AccountCache } from "../accounts/account_cache.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { nameKey } from "../catalog/name_key.ts";
import type { NameClaimRows } from "../catalog/shared_catalog.ts";
import type { StoredFile } from "../catalog/files.ts";
import type { Usage } from "../catalog/accounts.ts";
import { LimitError, type Limits } from "../limits/limits.ts";

interface QuotaShare {
  readonly name: string;
  /** The bytes of the whole file. */
  readonly size: number;
  /** The bytes of the stored file that this upload replaces, as far as no other reservation subtracts them. */
  readonly credit: number;
  /** Whether storing the upload adds a file to the account. */
  readonly isNew: boolean;
}

/** The quota that one upload in progress reserves. */
export class QuotaReservation implements QuotaShare {
  readonly name: string;
  /** The form of the name in which it is compared. */
  readonly key: string;
  #size: number;
  /** Reservations are numbered in order. */
  readonly number: number;
  readonly #onEnd: () => void;
  #credit: number;
  #isNew: boolean;
  #isEnding = false;
  readonly #ended = Promise.withResolvers<void>();

  constructor({ name, size, credit, isNew }: QuotaShare, number: number, onEnd: () => void) {
    this.name = name;
    this.key = nameKey(name);
    this.#size = size;
    this.#credit = credit;
    this.#isNew = isNew;
    this.number = number;
    this.#onEnd = onEnd;
  }

  get size(): number {
    return this.#size;
  }

  get credit(): number {
    return this.#credit;
  }

  get isNew(): boolean {
    return this.#isNew;
  }

  /** The upload has another size than it was reserved for. */
  resize({ size, credit }: Pick<QuotaShare, "size" | "credit">): void {
    this.#size = size;
    this.#credit = credit;
  }

  /** The stored file to replace is gone; `isStored`: another file has its name now. */
  revoke(isStored: boolean): void {
    this.#credit = 0;
    this.#isNew = !isStored;
  }

  /** Whether the catalog may already count the file. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Resolves when the reservation has ended. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Called before the file is committed. */
  startCommit(): void {
    this.#isEnding = true;
  }

  /** Called when the file is in the catalog or discarded. */
  end(): void {
    this.#onEnd();
    this.#ended.resolve();
  }
}

/** The reservations of an account at one moment, before a query to the catalog. */
export interface ReservationSnapshot extends Disposable {
  readonly quotaReservations: readonly QuotaReservation[];
  /**
   * Whether a stored file of the name was removed or replaced since, so that the catalog's answer may be out of date.
   */
  readonly isStale: boolean;
  /** If `isStale`: whether another file has the name now. */
  readonly isStored: boolean;
  /** The number of the latest reservation at that moment. */
  readonly latest: number;
  /** Names for which the catalog may have partial uploads. */
  readonly names: readonly string[];
}

/** The reservations of an account during a query to the catalog. */
export interface ReservedTotal extends Usage {
  /** The bytes of the stored file of the name that reservations already subtract. */
  readonly spent: number;
  /** Whether another upload of the name is in progress. */
  readonly isAgain: boolean;
  /** Whether nothing can be counted in both the reservations and the catalog. */
  readonly isExact: boolean;
}

const NO_USAGE: Usage = { bytes: 0, files: 0 };

/** The number of reservations is bounded by `maxStagedPerClient`. */
export class QuotaReservations {
  readonly #claims: Pick<NameClaimRows, "reserved"> | undefined;
  /** By account, oldest first. */
  readonly #byClient = new Map<string, Set<QuotaReservation>>();
  #latest = 0;
  /** Snapshots whose query to the catalog is running. */
  readonly #snapshots = new Set<
    { readonly key: string; readonly name: string; isStale: boolean; isStored: boolean }
  >();

  /** `claims`: those of servers that share the catalog. */
  constructor(claims?: Pick<NameClaimRows, "reserved">) {
    this.#claims = claims;
  }

  /** The reservations of uploads at other servers. */
  async elsewhere(accountId: Bytes): Promise<Usage> {
    return await this.#claims?.reserved(accountId) ?? NO_USAGE;
  }

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

  /** Takes a snapshot of an account's reservations before a query to the catalog. Dispose of it after the query. */
  snapshot(accountId: Bytes, name: string): ReservationSnapshot {
    const quotaReservations = [...this.#of(accountId)];
    const names = quotaReservations.filter(({ size }) => size >= CHUNK_SIZE).map(({ name }) =>
      name
    );
    const end = () => void this.#snapshots.delete(snapshot);
    const snapshot = {
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
    this.#snapshots.add(snapshot);
    return snapshot;
  }

  /**
   * An upper bound of what the account has reserved since `before`. Each upload counts with its bytes. Several uploads
   * of one name count as one file, and those of `name` as none, since the new upload counts already. `own` is left out.
   */
  sum(
    accountId: Bytes,
    before: ReservationSnapshot,
    name: string,
    own?: QuotaReservation,
  ): ReservedTotal {
    const all = this.#of(accountId);
    const added = [...all].filter(({ number }) => number > before.latest);
    const hasEnded = before.quotaReservations.length + added.length > all.size;
    const quotaReservations = [...before.quotaReservations, ...added]
      .filter((reservation) => reservation !== own);
    const key = nameKey(name);
    const again = quotaReservations.filter((reservation) => reservation.key === key);
    const others = new Set<string>();
    for (const reservation of quotaReservations) {
      if (reservation.isNew && reservation.key !== key) others.add(reservation.key);
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
   * The stored file of a name was removed or, with `isStored`, replaced; with `isTree`, everything below it may have been,
   * too. Uploads in progress no longer replace it.
   */
  revoke(accountId: Bytes, name: string, { isStored = false, isTree = false } = {}): void {
    const key = toHex(accountId);
    const changed = nameKey(name);
    const isBelow = (one: string) => isTree && one.startsWith(`${changed}/`);
    for (const reservation of this.#byClient.get(key) ?? NONE) {
      if (reservation.key === changed) reservation.revoke(isStored);
      else if (isBelow(reservation.key)) reservation.revoke(false);
    }
    for (const snapshot of this.#snapshots) {
      const name = nameKey(snapshot.name);
      const isSame = name === changed;
      if (snapshot.key !== key || !isSame && !isBelow(name)) continue;
      Object.assign(snapshot, { isStale: true, isStored: isSame && isStored });
    }
  }

  /** Everything that an account has reserved, so that other changes can leave it. */
  total(accountId: Bytes): Usage {
    const all = [...this.#of(accountId)];
    return {
      bytes: all.reduce((sum, { size, credit }) => sum + size - credit, 0),
      files: new Set(all.filter(({ isNew }) => isNew).map(({ name }) => name)).size,
    };
  }

  /** Whether a change of stored files can concern uploads of an account that are in progress. */
  isConcerned(accountId: Bytes): boolean {
    return this.#byClient.has(toHex(accountId)) || this.#snapshots.size > 0;
  }

  /** Resolves when the reservations that are being committed have ended. */
  async settle(accountId: Bytes): Promise<void> {
    const ending = [...this.#of(accountId)].filter(({ isEnding }) => isEnding);
    await Promise.all(ending.map(({ ended }) => ended));
  }

  #of(accountId: Bytes): ReadonlySet<QuotaReservation> {
    return this.#byClient.get(toHex(accountId)) ?? NONE;
  }
}

const NONE: ReadonlySet<QuotaReservation> = new Set();

/** The quota of an account for which the operator has set none. */
export function quotaOfAll({ quota, quotaFiles }: Limits): Usage {
  return { bytes: quota, files: quotaFiles };
}

/**
 * The most checks of one upload. A file committed during a check may be counted twice. If that exceeds the quota, the
 * check is repeated.
 */
const MAX_ATTEMPTS = 16;
/** The pause before another check if uploads at other servers leave no room, in milliseconds. */
const ELSEWHERE_MS = 50;

/**
 * Reserves quota for an upload, so that it is refused now and not after its transfer. Returns `undefined` if the
 * account has no quota. If uploads in progress of the same name leave no room, calls `suspendOthers` once, which resolves
 * after those that can be suspended have ended. `own`: the reservation of the same upload, which gets the new size.
 * Throws `LimitError`.
 */
export async function claimRoom(
  { limits, store, accounts, quotaReservations }: {
    readonly limits: Limits;
    readonly store: { readonly catalog: { readonly files: Pick<Catalog["files"], "usage"> } };
    readonly accounts: Pick<AccountCache, "find">;
    readonly quotaReservations: QuotaReservations;
  },
  { accountId, name, size }: Pick<StoredFile, "accountId" | "name" | "size">,
  suspendOthers: () => Promise<void>,
  own?: QuotaReservation,
): Promise<QuotaReservation | undefined> {
  const { maxFileSize } = limits;
  if (size > maxFileSize) throw new LimitError("maxFileSize", maxFileSize);
  const set = (await accounts.find(accountId))?.quota ?? {};
  const { bytes: quota = limits.quota, files: quotaFiles = limits.quotaFiles } = set;
  if (quota === Infinity && quotaFiles === Infinity) return own;
  const over = (usage: Usage) =>
    usage.bytes > quota
      ? new LimitError("quota", quota, `${usage.bytes - size} are used, and ${size} are needed`)
      : usage.files > quotaFiles
      ? new LimitError("quotaFiles", quotaFiles)
      : undefined;
  let hasSuspended = false;
  for (let attempt = 1;; attempt++) {
    using snapshot = quotaReservations.snapshot(accountId, name);
    const replacing = { name, open: snapshot.names };
    const [{ replaced, ...beside }, elsewhere] = await Promise.all([
      store.catalog.files.usage(accountId, replacing),
      quotaReservations.elsewhere(accountId),
    ]);
    const claimed = quotaReservations.sum(accountId, snapshot, name, own);
    const spent = Math.min(claimed.spent, replaced.bytes);
    const alone = { bytes: beside.bytes + size, files: beside.files + 1 };
    const all = {
      bytes: alone.bytes + spent + claimed.bytes + elsewhere.bytes,
      files: alone.files + claimed.files + elsewhere.files,
    };
    const refused = over(all);
    if (refused === undefined) {
      const credit = Math.min(size, replaced.bytes - spent);
      if (own !== undefined) {
        own.resize({ size, credit });
        return own;
      }
      return quotaReservations.add(accountId, {
        name,
        size,
        credit,
        isNew: snapshot.isStale ? !snapshot.isStored : replaced.files === 0,
      });
    }
    if (over(alone) !== undefined) throw refused;
    if (claimed.isAgain && !hasSuspended) {
      hasSuspended = true;
      await suspendOthers();
    } else if (attempt >= MAX_ATTEMPTS) throw refused;
    else if (elsewhere.bytes + elsewhere.files > 0) {
      // An upload that was committed elsewhere is counted twice until its claim has ended.
      await new Promise((resolve) => setTimeout(resolve, ELSEWHERE_MS));
    } else if (claimed.isExact) throw refused;
    else await quotaReservations.settle(accountId);
  }
}
