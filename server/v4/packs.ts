/**
 * Packs of one connection: checked as they arrive, stored in this order, and answered when they are on disk.
 *
 * @module
 */
import { toHex } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import { PackedWriter } from "../../protocol/v4/packed.ts";
import type { BlobId } from "../blobs/blob_store.ts";
import { PackOutcomes, type PackResult } from "../catalog/packs.ts";
import { CatalogRefusal, type RefusalReason } from "../catalog/refusal.ts";
import { limitErrorOf, logStored } from "../uploads/commit.ts";
import { keepsHistory, trimHistory } from "../uploads/history.ts";
import { quotaOfAll } from "../uploads/quota_reservations.ts";
import { type CheckedPack, checkPack } from "./check_pack.ts";
import { type PackBlobs, writeBlobs } from "./pack_blobs.ts";
import type { RequestContext } from "./request_context.ts";

/** Explains why a request failed, and logs it where that is needed. */
export type Explain = (error: unknown) => { readonly code: string; readonly message: string };

export class Packs {
  readonly #session: RequestContext;
  readonly #explain: Explain;
  readonly #storing = new Set<Promise<void>>();
  /** Resolves when all earlier packs were passed to the catalog, which keeps their order. */
  #turn: Promise<void> = Promise.resolve();

  constructor(session: RequestContext, explain: Explain) {
    this.#session = session;
    this.#explain = explain;
  }

  /**
   * Begins to store a pack. Resolves when the next message can be read. Throws `ProtocolError` `bad-frame` for records that
   * break their layout.
   */
  async receive({ tag, bytes }: MessageOf<"pack">): Promise<void> {
    const { limits, packRoom } = this.#session.context;
    const checked = checkPack(bytes, limits);
    const room = packRoom.take(bytes.length);
    const { promise: passed, resolve: pass } = Promise.withResolvers<void>();
    const before = this.#turn;
    this.#turn = passed;
    const storing: Promise<void> = this.#store(tag, checked, before, pass)
      // The client has disconnected.
      .catch(() => undefined)
      .finally(() => {
        pass();
        room[Symbol.dispose]();
        this.#storing.delete(storing);
      });
    this.#storing.add(storing);
    await packRoom.free();
  }

  /** Resolves when all packs are stored or have failed. */
  async settle(): Promise<void> {
    await Promise.all(this.#storing);
  }

  async #store(
    tag: number,
    checked: CheckedPack,
    before: Promise<void>,
    pass: () => void,
  ): Promise<void> {
    const results = new Results(checked, this.#explain);
    let blobs: PackBlobs | undefined;
    try {
      using _ = await this.#session.context.staging.reserve(checked.bytes);
      blobs = await writeBlobs(this.#session, checked);
      for (const [index, error] of blobs.failures) {
        checked.accepted[index] = 0;
        results.fail(index, error);
      }
      if (checked.accepted.includes(1)) {
        await this.#makeWay(checked);
        await before;
        const committed = this.#commit(checked, blobs);
        pass();
        await this.#follow(checked, blobs, await committed, results);
      }
    } catch (error) {
      if (blobs !== undefined) await this.#dropUnused(blobs);
      results.failRest(error);
    }
    await this.#session.answers.sendRecords("packed", tag, results.payload);
  }

  /** Uploads in progress lose the names of the pack, and those that are being committed get their quota first. */
  async #makeWay({ names }: CheckedPack): Promise<void> {
    const { context: { quotaReservations, openUploads }, owner: { accountId } } = this.#session;
    await openUploads.loseNames(accountId, names);
    if (quotaReservations.isConcerned(accountId)) await quotaReservations.settle(accountId);
  }

  /** Passes the pack to the catalog before it returns. */
  #commit({ pack, accepted }: CheckedPack, { blobs, intact }: PackBlobs): Promise<PackResult> {
    const { context, owner: { accountId, key } } = this.#session;
    const { limits, quotaReservations } = context;
    return context.store.catalog.files.commitPack(accountId, pack, {
      ...{ accepted, blobs, intact, reserved: quotaReservations.total(accountId) },
      ...{ quota: quotaOfAll(limits), keepHistory: keepsHistory(limits) },
      ...{ storedAt: context.clock(), storedBy: key },
    });
  }

  /** Does what follows a commit: logs, reports, and deletes what is no longer needed. */
  async #follow(
    { names, sizes, cksums }: CheckedPack,
    { blobs }: PackBlobs,
    { outcomes: numbers, garbage, hasSurplus }: PackResult,
    results: Results,
  ): Promise<void> {
    const { context, owner: { accountId, name: user, address } } = this.#session;
    const { log, quotaReservations } = context;
    const outcomes = new PackOutcomes(numbers);
    const client = toHex(accountId);
    const isConcerned = quotaReservations.isConcerned(accountId);
    const refusals = new Map<RefusalReason, unknown>();
    for (let i = 0; i < outcomes.length; i++) {
      const outcome = outcomes.outcome(i);
      if (outcome === "skipped") continue;
      const name = names[i] as string;
      if (outcome === "stored" || outcome === "kept") {
        results.stored(i, outcomes.version(i), outcomes.replaced(i), outcomes.byOther(i));
        if (outcome === "kept") continue;
        if (isConcerned) quotaReservations.revoke(accountId, name, { isStored: true });
        const path = blobs.get(i);
        logStored(log, {
          ...{ file: printable(name), client, user, address },
          ...{ size: sizes[i] as number, crc: cksums[i] as number },
          ...path === undefined ? {} : { path },
        });
        continue;
      }
      const reason = outcome as RefusalReason;
      if (!refusals.has(reason)) {
        const limit = await limitErrorOf(context, accountId, reason);
        refusals.set(reason, limit ?? new CatalogRefusal(reason));
      }
      results.fail(i, refusals.get(reason));
    }
    await context.garbage.collect(garbage);
    if (hasSurplus) await trimHistory(context, accountId);
  }

  /** Deletes blobs that no file has. A commit can fail in its last step and still be durable. */
  async #dropUnused({ blobs }: PackBlobs): Promise<void> {
    const { store: { catalog }, garbage } = this.#session.context;
    const unused: BlobId[] = [];
    for (const id of blobs.values()) {
      const owner = await catalog.blobs.owner(id).catch(() => "file");
      if (owner !== "file") unused.push(id);
    }
    await garbage.collect(unused);
  }
}

type Write = (writer: PackedWriter) => void;

/** The results of a pack, which are known in any order. */
class Results {
  readonly #writes: Write[];
  readonly #explain: Explain;
  readonly #explained = new Map<unknown, ReturnType<Explain>>();

  constructor({ names, mismatches, refusals }: CheckedPack, explain: Explain) {
    this.#writes = new Array(names.length);
    this.#explain = explain;
    for (const [index, sums] of mismatches) {
      this.#writes[index] = (writer) => writer.addMismatch(sums);
    }
    for (const [index, error] of refusals) this.fail(index, error);
  }

  stored(index: number, version: number, replaced: number, byOther: boolean): void {
    this.#writes[index] = (writer) => writer.addStored(version, replaced, byOther);
  }

  fail(index: number, error: unknown): void {
    let explained = this.#explained.get(error);
    if (explained === undefined) {
      explained = this.#explain(error);
      this.#explained.set(error, explained);
    }
    const { code, message } = explained;
    this.#writes[index] = (writer) => writer.addRefused(code, message);
  }

  /** Fails all records without a result. */
  failRest(error: unknown): void {
    for (let i = 0; i < this.#writes.length; i++) {
      if (this.#writes[i] === undefined) this.fail(i, error);
    }
  }

  get payload() {
    const writer = new PackedWriter();
    for (const write of this.#writes) write(writer);
    return writer.payload;
  }
}
