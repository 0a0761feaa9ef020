/**
 * Files in packs: commits, updates and look-ups of many files in one call.
 *
 * @module
 */
import type { BlobId, UploadId } from "../../../blobs/blob_store.ts";
import type { Bytes } from "../../../../protocol/bytes.ts";
import { PackReader } from "../../../../protocol/v4/pack.ts";
import { UpdateReader } from "../../../../protocol/v4/update.ts";
import type { AccessMode, Account, Usage } from "../../accounts.ts";
import type { CommittedFile, NewContent } from "../../files.ts";
import { type HookEvent, storedEvent } from "../../hook_events.ts";
import { newInlineIds } from "../../inline_ids.ts";
import { nameKey } from "../../name_key.ts";
import {
  type PackOptions,
  PackOutcomes,
  type PackResult,
  type UpdateOptions,
} from "../../packs.ts";
import { isUnlimited, quotaOf, Room } from "../../quotas.ts";
import { CatalogRefusal, type RefusalReason } from "../../refusal.ts";
import type { Database } from "../database.ts";
import type { Row } from "../../rows.ts";
import { endGarbage, makeGarbage } from "./blob_references.ts";
import {
  currentOf,
  currentRow,
  isSame,
  keep,
  newestRow,
  place,
  refusalOf,
  refusalToReplace,
  refuseOwner,
  setMetadata,
  trimAfter,
} from "./commit.ts";
import { queueHooks } from "./hooks.ts";
import { NameGap } from "./name_gap.ts";
import { write } from "./operation.ts";
import { addUsage, usageOf } from "./usage.ts";

const NO_CHUNKS: Bytes = new Uint8Array(0);
const PARTIALS = "SELECT name, path FROM partials WHERE client_id = ?";

const PACK = { handsOver: 1, handsBack: "outcomes" } as const;

export const PACK_OPERATIONS = {
  commitPack: {
    ...write((database, owner: Bytes, pack: Bytes, options: PackOptions): PackResult =>
      new PackCommit(database, owner, options).commit(pack)
    ),
    ...PACK,
  },
  updatePack: { ...write(updatePack), ...PACK },
};

function updatePack(
  database: Database,
  owner: Bytes,
  update: Bytes,
  { accepted }: UpdateOptions,
): PackResult {
  const outcomes = new PackOutcomes(accepted.length);
  const record = new UpdateReader(update);
  while (record.next()) {
    const { index, version } = record;
    if (accepted[index] !== 1) continue;
    const current = currentRow(database, owner, nameKey(record.name));
    if (current === undefined) outcomes.set(index, "missing");
    else if (current["version"] !== version) outcomes.set(index, "changed");
    else {
      setMetadata(database, current, record.mode, { ms: record.mtimeMs, ns: record.mtimeNs });
      outcomes.set(index, "kept", version);
    }
  }
  return { outcomes: outcomes.numbers, garbage: [], hasSurplus: false };
}

/** The commit of one pack. Its counts are written once, at its end. */
class PackCommit {
  readonly #database: Database;
  readonly #owner: Bytes;
  readonly #options: PackOptions;
  readonly #outcomes: PackOutcomes;
  readonly #newId = newInlineIds();
  readonly #room: Room | undefined;
  readonly #garbage: (BlobId | UploadId)[] = [];
  /** Partial uploads of the account, by name. */
  readonly #partials: ReadonlyMap<string, UploadId>;
  readonly #refusal: RefusalReason | undefined;
  readonly #account: Account | undefined;
  readonly #access: AccessMode;
  readonly #quota: Usage;
  readonly #gap: NameGap;
  #added: Usage = { files: 0, bytes: 0 };
  #hasEnded = false;
  readonly #events: HookEvent[] = [];
  /** The folder of the last name that was stored, with its slash. Other names in it need no look at the folders above. */
  #folder: string | undefined;

  constructor(database: Database, owner: Bytes, options: PackOptions) {
    this.#database = database;
    this.#owner = owner;
    this.#options = options;
    this.#gap = new NameGap(database, owner);
    this.#outcomes = new PackOutcomes(options.accepted.length);
    let account: Account | undefined;
    try {
      account = refuseOwner(database, owner);
    } catch (error) {
      if (!(error instanceof CatalogRefusal)) throw error;
      this.#refusal = error.reason;
    }
    this.#account = account;
    this.#access = account?.access ?? "full";
    this.#quota = quotaOf(options.quota, account?.quota);
    // Triggers count what is replaced in a row that must exist.
    if (this.#refusal === undefined) addUsage(database, owner, this.#added);
    if (!isUnlimited(this.#quota)) {
      this.#room = new Room(usageOf(database, owner), options.reserved, this.#quota);
    }
    this.#partials = new Map(
      database.all(PARTIALS, owner)
        .map(({ name, path }) => [name as string, path as UploadId] as const),
    );
  }

  commit(pack: Bytes): PackResult {
    const { storedAt, keepHistory = false } = this.#options;
    const database = this.#database;
    database.run("UPDATE clients SET last_seen = ? WHERE id = ?", storedAt, this.#owner);
    const record = new PackReader(pack);
    while (record.next()) this.#commitRecord(record);
    if (this.#added.files > 0) addUsage(database, this.#owner, this.#added);
    if (this.#events.length > 0) queueHooks(database, "stored", () => this.#events);
    const isLonger = this.#hasEnded && keepHistory;
    const owner = { id: this.#owner, access: this.#access };
    const trimmed = trimAfter(database, owner, this.#quota, isLonger);
    return {
      outcomes: this.#outcomes.numbers,
      garbage: [...this.#garbage, ...trimmed.garbage],
      hasSurplus: trimmed.hasSurplus,
    };
  }

  #commitRecord(record: PackReader): void {
    const { index } = record;
    if (this.#options.accepted[index] !== 1) return;
    if (this.#refusal !== undefined) return this.#refuse(index, this.#refusal);
    const database = this.#database;
    const file = this.#fileOf(record);
    const key = nameKey(file.name);
    const isFree = this.#gap.isFree(key);
    const newest = isFree ? undefined : newestRow(database, this.#owner, key);
    const folder = key.slice(0, key.lastIndexOf("/") + 1);
    const known = { isInFolder: folder === this.#folder, hasNoneBelow: isFree };
    const owner = { access: this.#access };
    const isKept = isSame(database, file, newest);
    const refusal = refusalOf(database, file, key, newest, known) ??
      refusalToReplace(owner, file, newest, isKept);
    if (refusal !== undefined) return this.#refuse(index, refusal);
    if (isKept && newest !== undefined) {
      const mtime = { ms: record.mtimeMs, ns: record.mtimeNs };
      this.#garbage.push(...keep(database, owner, file, newest, mtime));
      this.#dropPartial(file.name);
      this.#folder = folder;
      return this.#outcomes.set(index, "kept", newest["version"] as number);
    }
    const full = this.#room?.take(file.size, currentOf(newest)?.["size"] as number | undefined);
    if (full !== undefined) return this.#refuse(index, full);
    this.#place(index, file, key, newest);
    if (newest === undefined) this.#gap.beginAfter(key);
    this.#folder = folder;
  }

  #place(index: number, file: CommittedFile, key: string, newest: Row | undefined): void {
    const { size, tree } = file;
    const placed = place(this.#database, file, key, newest, {
      keepHistory: this.#options.keepHistory ?? false,
      // A small file is at most one chunk, whose digest is that of the file.
      chunks: size === 0 ? NO_CHUNKS : tree?.digest,
    });
    this.#added = { files: this.#added.files + 1, bytes: this.#added.bytes + size };
    this.#hasEnded ||= placed.hasEnded;
    if (placed.garbage.length > 0) this.#garbage.push(...placed.garbage);
    endGarbage(this.#database, file.content.id);
    this.#dropPartial(file.name);
    const { version, byOther } = placed.replaced ?? { version: 0, byOther: false };
    this.#outcomes.set(index, "stored", placed.version, version, byOther);
    if (this.#account !== undefined && this.#database.hooks.has("stored")) {
      this.#events.push(storedEvent(this.#account, file, placed.version));
    }
  }

  /** The blob of a refused record is garbage. */
  #refuse(index: number, reason: RefusalReason): void {
    this.#outcomes.set(index, reason);
    const blob = this.#options.blobs?.get(index);
    if (blob !== undefined) this.#garbage.push(...makeGarbage(this.#database, [blob]));
  }

  #fileOf(record: PackReader): CommittedFile {
    const { index, name, entry: kind, mode, size, cksum: crc, digest, mtime } = record;
    const { storedAt, storedBy, blobs } = this.#options;
    const blob = blobs?.get(index);
    const content: NewContent = blob === undefined
      ? { kind: "inline", id: this.#newId(), bytes: record.content }
      : { kind: "blob", id: blob };
    return {
      ...{ accountId: this.#owner, name, kind, content, size, crc, storedAt, storedBy },
      ...{ verified: true, confirmedAt: storedAt, tree: { mtime, digest } },
      ...(mode === undefined ? {} : { mode }),
    };
  }

  /** An older partial upload of a name can no longer be resumed. */
  #dropPartial(name: string): void {
    if (this.#partials.size === 0) return;
    const path = this.#partials.get(name);
    if (path === undefined) return;
    this.#database.run("DELETE FROM partials WHERE path = ?", path);
    this.#garbage.push(...makeGarbage(this.#database, [path]));
  }
}
