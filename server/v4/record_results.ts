/**
 * What became of each record of a pack: stored, refused, or different from what the client sent.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { MessageKind } from "../../protocol/v4/messages.ts";
import type { ContentSums } from "../../protocol/v4/content_sums.ts";
import { PackedWriter } from "../../protocol/v4/packed.ts";
import { PackOutcomes } from "../catalog/packs.ts";
import { explainFailure, reportFailures } from "./explain_failure.ts";
import type { RequestContext } from "./request_context.ts";
import type { RequestError } from "./request_error.ts";

/** The results of a pack, which are known in any order. */
export class RecordResults {
  readonly #names: readonly string[];
  readonly #kind: MessageKind;
  readonly #session: RequestContext;
  readonly #explained = new Map<unknown, RequestError>();
  readonly #mismatches = new Map<number, ContentSums>();
  readonly #failures = new Map<number, RequestError>();
  readonly #stored: PackOutcomes;
  /** The answer instead of the results, if a store does not answer. */
  away: RequestError | undefined;

  /** `kind`: what the records ask for. */
  constructor(names: readonly string[], session: RequestContext, kind: MessageKind = "update") {
    this.#names = names;
    this.#kind = kind;
    this.#stored = new PackOutcomes(names.length);
    this.#session = session;
  }

  mismatch(index: number, sums: ContentSums): void {
    this.#mismatches.set(index, sums);
    this.#report(index, "mismatch");
  }

  stored(index: number, version: number, replaced = 0, byOther = false): void {
    this.#stored.set(index, "stored", version, replaced, byOther);
  }

  fail(index: number, error: unknown): void {
    let explained = this.#explained.get(error);
    if (explained === undefined) {
      // Records that fail for the same reason share a line, which names the first.
      const request = { kind: this.#kind, name: this.#names[index] };
      explained = explainFailure(this.#session, error, request);
      this.#explained.set(error, explained);
    }
    this.#failures.set(index, explained);
    this.#report(index, explained.code);
    if (explained.code === "unavailable") this.away = explained;
  }

  #report(index: number, code: string): void {
    reportFailures(this.#session, this.#kind, this.#names.slice(index, index + 1), code);
  }

  /** The error codes of the failed records. */
  get failures(): readonly string[] {
    const refused = [...this.#failures.values()].map(({ code }) => code);
    return [...refused, ...Array<string>(this.#mismatches.size).fill("mismatch")];
  }

  /** Fails all records without a result. */
  failRest(error: unknown): void {
    for (let i = 0; i < this.#stored.length; i++) {
      const isKnown = this.#stored.outcome(i) === "stored" || this.#failures.has(i) ||
        this.#mismatches.has(i);
      if (!isKnown) this.fail(i, error);
    }
  }

  get payload(): Bytes {
    const writer = new PackedWriter();
    const stored = this.#stored;
    for (let i = 0; i < stored.length; i++) {
      const sums = this.#mismatches.get(i);
      const failure = this.#failures.get(i);
      if (sums !== undefined) writer.addMismatch(sums);
      else if (failure !== undefined) writer.addRefused(failure.code, failure.message);
      else writer.addStored(stored.version(i), stored.replaced(i), stored.byOther(i));
    }
    return writer.payload;
  }
}
