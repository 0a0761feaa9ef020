/**
 * Packs of one connection: checked as they arrive, stored in this order, and answered when they are on disk.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import { UpdateReader } from "../../protocol/v4/update.ts";
import type { BlobId } from "../blobs/blob_store.ts";
import type { Usage } from "../catalog/accounts.ts";
import { PackOutcomes, type PackResult } from "../catalog/packs.ts";
import { CatalogRefusal, type RefusalReason } from "../catalog/refusal.ts";
import { limitErrorOf, logStored } from "../uploads/commit.ts";
import { keepsHistory, trimHistory } from "../uploads/history.ts";
import { quotaOfAll } from "../uploads/quota_reservations.ts";
import { type CheckedPack, checkPack } from "./check_pack.ts";
import { type PackBlobs, writeBlobs } from "./pack_blobs.ts";
import { noSuchFile, quoted } from "./descriptions.ts";
import { RecordResults } from "./record_results.ts";
import { endUnanswered, logFile, reportAccess, type RequestContext } from "./request_context.ts";
import { RequestError } from "./request_error.ts";

/** The most files of a pack that are logged one by one. */
const MAX_LINES = 8;

/** The place of a pack in the order of its connection. */
interface Turn {
  /** Resolves when all earlier packs were passed to the catalog. */
  readonly before: Promise<void>;
  /** To be called when this one was. */
  readonly pass: () => void;
}

export class Packs {
  readonly #session: RequestContext;
  readonly #storing = new Set<Promise<void>>();
  /** Resolves when all earlier packs were passed to the catalog, which keeps their order. */
  #passed: Promise<void> = Promise.resolve();

  constructor(session: RequestContext) {
    this.#session = session;
  }

  /**
   * Begins to store a pack. Resolves when the next message can be read. Throws `ProtocolError` `bad-frame` for records that
   * break their layout.
   */
  store({ tag, bytes }: MessageOf<"pack">): Promise<void> {
    const checked = checkPack(bytes, this.#session.context.limits);
    const results = new RecordResults(checked.names, this.#session, "put");
    for (const [index, sums] of checked.mismatches) results.mismatch(index, sums);
    for (const [index, error] of checked.refusals) results.fail(index, error);
    const work = (turn: Turn) => this.#store(checked, results, turn);
    return this.#begin(tag, bytes.length, results, work, () => this.#countFailures(results));
  }

  /** Begins to change modes and times of current versions, as `store` does. */
  update({ tag, bytes }: MessageOf<"update">): Promise<void> {
    const names: string[] = [];
    for (const record = new UpdateReader(bytes); record.next();) names.push(record.name);
    const results = new RecordResults(names, this.#session);
    return this.#begin(
      ...[tag, bytes.length, results] as const,
      (turn) => this.#update(bytes, names, results, turn),
    );
  }

  /** Resolves when all packs are stored or have failed. */
  async settle(): Promise<void> {
    await Promise.all(this.#storing);
  }

  /** Begins work that gets its results, and answers with them. `onEnd` is called when all results are known. */
  async #begin(
    tag: number,
    size: number,
    results: RecordResults,
    work: (turn: Turn) => Promise<void>,
    onEnd: () => void = () => undefined,
  ): Promise<void> {
    const { packRoom } = this.#session.context;
    const room = packRoom.take(size);
    const { promise: passed, resolve: pass } = Promise.withResolvers<void>();
    const turn = { before: this.#passed, pass };
    this.#passed = passed;
    const answered: Promise<void> = work(turn)
      .catch((error) => results.failRest(error))
      .finally(pass)
      .then(() => {
        // Nothing is called stored by default.
        results.failRest(new Error("the record has no result"));
        onEnd();
        const { answers } = this.#session;
        // The client sends the whole pack again. Records that are stored stay as they are.
        if (results.away !== undefined) {
          const { code, message } = results.away;
          return answers.send({ kind: "error", tag, code, message });
        }
        return answers.sendRecords("packed", tag, results.payload);
      })
      .catch((error) => endUnanswered(this.#session, error))
      .finally(() => {
        room[Symbol.dispose]();
        this.#storing.delete(answered);
      });
    this.#storing.add(answered);
    await packRoom.free();
  }

  async #store(checked: CheckedPack, results: RecordResults, turn: Turn): Promise<void> {
    using _ = await this.#session.context.staging.reserve(checked.bytes);
    const blobs = await writeBlobs(this.#session, checked);
    try {
      for (const [index, error] of blobs.failures) {
        checked.accepted[index] = 0;
        results.fail(index, error);
      }
      if (!checked.accepted.includes(1)) return;
      await this.#makeWay(checked);
      const { context: { quotaReservations }, owner: { accountId } } = this.#session;
      const elsewhere = await quotaReservations.elsewhere(accountId);
      await turn.before;
      const committed = this.#commit(checked, blobs, elsewhere);
      turn.pass();
      await this.#follow(checked, blobs, await committed, results);
    } catch (error) {
      await this.#dropUnused(blobs);
      throw error;
    }
  }

  async #update(
    bytes: Bytes,
    names: readonly string[],
    results: RecordResults,
    turn: Turn,
  ): Promise<void> {
    const { context: { store: { catalog } }, owner: { accountId } } = this.#session;
    const accepted = new Uint8Array(names.length).fill(1);
    await turn.before;
    const updated = catalog.files.updatePack(accountId, bytes, { accepted });
    turn.pass();
    const outcomes = new PackOutcomes((await updated).outcomes);
    const words = "Changed permissions and time of {file} for {user} from {address}";
    for (const [i, name] of names.entries()) {
      const outcome = outcomes.outcome(i);
      if (outcome === "missing") results.fail(i, noSuchFile(name));
      else if (outcome === "changed") results.fail(i, fileChanged(name));
      else {
        results.stored(i, outcomes.version(i));
        logFile(this.#session, "file.updated", words, name);
      }
    }
  }

  /** Uploads in progress lose the names of the pack, and those that are being committed get their quota first. */
  async #makeWay({ names }: CheckedPack): Promise<void> {
    const { context: { quotaReservations, openUploads }, owner: { accountId } } = this.#session;
    await openUploads.loseNames(accountId, names);
    if (quotaReservations.isConcerned(accountId)) await quotaReservations.settle(accountId);
  }

  /** Passes the pack to the catalog before it returns. */
  #commit(
    { pack, accepted }: CheckedPack,
    { blobs }: PackBlobs,
    elsewhere: Usage,
  ): Promise<PackResult> {
    const { context, owner: { accountId, key } } = this.#session;
    const { limits, quotaReservations } = context;
    const here = quotaReservations.total(accountId);
    const reserved = {
      bytes: here.bytes + elsewhere.bytes,
      files: here.files + elsewhere.files,
    };
    return context.store.catalog.files.commitPack(accountId, pack, {
      ...{ accepted, blobs, reserved },
      ...{ quota: quotaOfAll(limits), keepHistory: keepsHistory(limits) },
      ...{ storedAt: context.clock(), storedBy: key },
    });
  }

  /** Does what follows a commit: logs, reports, and deletes what is no longer needed. */
  async #follow(
    checked: CheckedPack,
    { blobs }: PackBlobs,
    { outcomes: numbers, garbage, hasSurplus }: PackResult,
    results: RecordResults,
  ): Promise<void> {
    const { context, owner: { accountId } } = this.#session;
    const { quotaReservations } = context;
    const outcomes = new PackOutcomes(numbers);
    const isConcerned = quotaReservations.isConcerned(accountId);
    const stored: number[] = [];
    const refused: number[] = [];
    for (let i = 0; i < outcomes.length; i++) {
      const outcome = outcomes.outcome(i);
      if (outcome === "skipped") continue;
      if (outcome !== "stored" && outcome !== "kept") {
        refused.push(i);
        continue;
      }
      results.stored(i, outcomes.version(i), outcomes.replaced(i), outcomes.byOther(i));
      if (outcome === "kept") continue;
      stored.push(i);
      if (!isConcerned) continue;
      quotaReservations.revoke(accountId, checked.names[i] as string, { isStored: true });
    }
    const bytes = stored.reduce((sum, i) => sum + (checked.sizes[i] as number), 0);
    this.#session.live.count("upload", { files: stored.length, bytes });
    this.#log(checked, blobs, stored, bytes);
    await context.garbage.collect(garbage);
    if (hasSurplus) await trimHistory(context, accountId);
    await this.#explainRefused(refused, outcomes, results);
  }

  /** Fails records with the limit that they are over. Comes last, because the catalog may fail to tell the limit. */
  async #explainRefused(
    refused: readonly number[],
    outcomes: PackOutcomes,
    results: RecordResults,
  ): Promise<void> {
    const { context, owner: { accountId } } = this.#session;
    const errors = new Map<RefusalReason, unknown>();
    for (const i of refused) {
      const reason = outcomes.outcome(i) as RefusalReason;
      if (!errors.has(reason)) {
        const limit = await limitErrorOf(context, accountId, reason);
        errors.set(reason, limit ?? new CatalogRefusal(reason));
      }
      results.fail(i, errors.get(reason));
    }
  }

  /** Logs each stored file of a small pack, and a large pack in one line, which costs much less than storing it. */
  #log(
    { names, kinds, sizes, cksums }: CheckedPack,
    blobs: PackBlobs["blobs"],
    stored: readonly number[],
    bytes: number,
  ): void {
    const { context: { log }, owner: { accountId, name: user, address } } = this.#session;
    if (this.#session.context.access !== undefined) {
      for (const i of stored) {
        const name = names[i] as string;
        reportAccess(this.#session, { method: "put", name, bytes: sizes[i] as number });
      }
    }
    const where = { client: toHex(accountId), user, address };
    const fileAt = (i: number | undefined) => printable(names[i ?? 0] as string);
    if (stored.length <= MAX_LINES) {
      for (const i of stored) {
        const path = blobs.get(i);
        logStored(log, {
          ...{ file: fileAt(i), kind: kinds[i], ...where },
          ...{ size: sizes[i] as number, crc: cksums[i] as number },
          ...path === undefined ? {} : { path },
        });
      }
      return;
    }
    const words =
      "Stored {files} files for {user} from {address}: {first} to {last}, {bytes} bytes";
    log.info(words, {
      ...{ event: "pack.stored", files: stored.length, ...where },
      ...{ first: fileAt(stored[0]), last: fileAt(stored.at(-1)), bytes },
    });
  }

  #countFailures({ failures }: RecordResults): void {
    if (failures.length === 0) return;
    this.#session.live.count("upload", { files: 0, bytes: 0, failed: failures });
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

function fileChanged(name: string): RequestError {
  return new RequestError("file-changed", `another version of ${quoted(name)} is current`);
}
