/**
 * The catalog in threads of its own, so that the server does not wait for the disk. One thread writes and another
 * reads, so that reads do not wait for commits.
 *
 * @module
 */
import { UnavailableError } from "../../../protocol/errors.ts";
import { argumentsToHandOver, batchedCatalog, type Call, type CallOutcome } from "./batching.ts";
import type { Catalog } from "../catalog.ts";
import { CatalogRefusal } from "../refusal.ts";
import { LOCKED } from "./locked.ts";
import { SqliteCatalog } from "./sqlite_catalog.ts";
import type { PlainOutcome, WorkerReply, WorkerRequest } from "./worker.ts";

/** Opens or creates the catalog at `path`. Throws `ConfigurationError` `catalog-too-new`. */
export async function openWorkerCatalog(path: string): Promise<Catalog> {
  // Upgrades the schema and reports errors before two threads open the catalog.
  await SqliteCatalog.open(path)[Symbol.asyncDispose]();
  const write = new Thread();
  const read = new Thread();
  const close = async () => {
    await Promise.all([read.end(), write.end()]);
  };
  try {
    await Promise.all([
      write.ask({ do: "open", path, way: "write" }),
      read.ask({ do: "open", path, way: "read" }),
    ]);
  } catch (error) {
    await close();
    throw error;
  }
  return batchedCatalog({
    read: (calls, giveBack) => read.ask({ do: "batch", calls }, giveBack),
    write: (calls, giveBack) => write.ask({ do: "batch", calls }, giveBack),
    close,
  });
}

/** A worker that answers one request at a time. */
class Thread {
  readonly #worker = new Worker(new URL("./worker.ts", import.meta.url), {
    type: "module",
  });
  #answer = Promise.withResolvers<WorkerReply>();
  #failure: string | undefined;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerReply>) => this.#answer.resolve(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#failure = `the catalog's thread has ended: ${event.message}`;
      this.#answer.resolve({ failure: this.#failure });
    };
  }

  /** Rejects if the thread could not answer. Then, what was handed over is lost with the calls. */
  async ask(
    question: WorkerRequest,
    giveBack: (left: readonly Call[]) => void = () => undefined,
  ): Promise<CallOutcome[]> {
    if (this.#failure !== undefined) throw new Error(this.#failure);
    this.#answer = Promise.withResolvers();
    const handedOver = question.do === "batch" ? argumentsToHandOver(question.calls) : [];
    this.#worker.postMessage(question, handedOver);
    const answer = await this.#answer.promise;
    if ("failure" in answer) throw toError(answer.failure);
    giveBack(answer.left ?? []);
    return answer.outcomes.map(toOutcome);
  }

  async end(): Promise<void> {
    try {
      await this.ask({ do: "close" });
    } finally {
      this.#worker.terminate();
    }
  }
}

function toOutcome(plain: PlainOutcome): CallOutcome {
  if ("value" in plain) return plain;
  if ("failure" in plain) return { error: toError(plain.failure) };
  return { error: new CatalogRefusal(plain.refused, plain.exceeded) };
}

/**
 * The error of a call. While another process locks the catalog, such as a command that removes a large account, the
 * server cannot work, and its clients try again.
 */
export function toError(failure: string): Error {
  if (!failure.includes(LOCKED)) return new Error(failure);
  return new UnavailableError("unavailable", "another process has locked the catalog", {
    hint: "Wait until other commands have ended, and try again.",
  });
}
