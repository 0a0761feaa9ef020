/**
 * A thread of the catalog: see worker_catalog.ts.
 *
 * @module
 */
import {
  argumentsToHandOver,
  type Call,
  type CallOutcome,
  commitTogether,
  lookUp,
  resultsToHandOver,
} from "./batching.ts";
import { CatalogRefusal, type ExceededQuota, type RefusalReason } from "../refusal.ts";
import { SqliteCatalog } from "./sqlite_catalog.ts";

/** The requests to a worker. `open` comes first. */
export type WorkerRequest =
  | { readonly do: "open"; readonly path: string; readonly way: "read" | "write" }
  | { readonly do: "batch"; readonly calls: readonly Call[] }
  | { readonly do: "close" };

export type WorkerReply =
  | {
    readonly outcomes: readonly PlainOutcome[];
    /** The calls of a batch that were not done, with everything that was handed over. */
    readonly left?: readonly Call[];
  }
  | { readonly failure: string };

/** The outcome of a call, with the error as data, since errors lose their class between threads. */
export type PlainOutcome =
  | { readonly value: unknown }
  | { readonly refused: RefusalReason; readonly exceeded: ExceededQuota | undefined }
  | { readonly failure: string };

/** The parts of a worker's global scope that a window lacks. */
const thread = self as unknown as {
  onmessage: (event: MessageEvent<WorkerRequest>) => void;
  postMessage(answer: WorkerReply, handedOver: Transferable[]): void;
};

let catalog: SqliteCatalog | undefined;
let batch: (catalog: SqliteCatalog, calls: readonly Call[]) => CallOutcome[] = lookUp;

thread.onmessage = async ({ data }) => {
  const handedOver: Transferable[] = [];
  thread.postMessage(await answer(data, handedOver), handedOver);
};

async function answer(
  question: WorkerRequest,
  handedOver: Transferable[],
): Promise<WorkerReply> {
  try {
    switch (question.do) {
      case "open": {
        const writes = question.way === "write";
        catalog = (writes ? SqliteCatalog.open : SqliteCatalog.openToRead)(question.path);
        batch = writes ? commitTogether : lookUp;
        return { outcomes: [] };
      }
      case "batch": {
        if (catalog === undefined) throw new Error("cannot run a batch: the catalog is not open");
        const { calls } = question;
        const outcomes = batch(catalog, calls);
        const left = calls.slice(Math.max(1, outcomes.length));
        // Left to the garbage collector, they would pile up to many times the memory in use.
        for (const buffer of argumentsToHandOver(calls.slice(0, outcomes.length))) {
          buffer.transfer(0);
        }
        handedOver.push(...resultsToHandOver(calls, outcomes), ...argumentsToHandOver(left));
        return { outcomes: outcomes.map(toPlain), left };
      }
      case "close":
        await catalog?.[Symbol.asyncDispose]();
        return { outcomes: [] };
    }
  } catch (error) {
    return { failure: messageOf(error) };
  }
}

function toPlain(outcome: CallOutcome): PlainOutcome {
  if ("value" in outcome) return outcome;
  const { error } = outcome;
  return error instanceof CatalogRefusal
    ? { refused: error.reason, exceeded: error.exceeded }
    : { failure: messageOf(error) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
