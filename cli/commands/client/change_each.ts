/**
 * Changes entries on the server, each by a request of its own.
 *
 * @module
 */
import type { Changed, ConnectionPool, V4Client } from "../../../client/mod.ts";
import { UnconfirmedError, XferError } from "../../../protocol/errors.ts";
import { exitCodeOfAll } from "../../exit_codes.ts";
import type { Reporter } from "../../output/reporter.ts";

/** A name that failed before the server was asked to change anything. */
export interface FailedName {
  readonly name: string;
  readonly error: XferError;
}

export interface Changes {
  readonly action: "remove" | "restore";
  readonly names: readonly string[];
  readonly failed: readonly FailedName[];
  readonly change: (client: V4Client, name: string) => Promise<Changed>;
  /** Reports a changed name. */
  readonly onChanged: (name: string, changed: Changed) => void;
  /** Adds a hint to the error of a refused name. */
  readonly explain: (name: string, error: XferError) => Promise<XferError>;
}

/** Requests in progress at once, so that none waits for the round trip of another. */
const AHEAD = 16;

/** Changes each name, and reports them in order; a refusal does not stop the next. Returns the exit code. */
export async function changeEach(
  reporter: Reporter,
  pool: ConnectionPool,
  { action, names, failed, change, onChanged, explain }: Changes,
): Promise<number> {
  reporter.expectFiles(names.length + failed.length);
  const failures: XferError[] = [];
  const fail = (name: string, error: XferError, state: "failed" | "unknown" | "not-tried") => {
    reportUnchanged(reporter, action, { name, error }, state);
    failures.push(error);
  };
  for (const { name, error } of failed) fail(name, error, "failed");
  let [done, entries, bytes] = [0, 0, 0];
  let end: XferError | undefined;
  const results = inOrder(names, async (name) => {
    if (end !== undefined) throw end;
    return await change(await pool.connected(), name);
  });
  for await (const { name, result } of results) {
    if (result.status === "fulfilled") {
      const changed = result.value;
      done++;
      entries += changed.entries;
      bytes += changed.bytes;
      onChanged(name, changed);
      continue;
    }
    const error: unknown = result.reason;
    if (!(error instanceof XferError)) throw error;
    if (error === end) fail(name, error, "not-tried");
    else {
      fail(
        name,
        await explain(name, error),
        error instanceof UnconfirmedError ? "unknown" : "failed",
      );
      if (error.category !== "refused") end ??= error;
    }
  }
  const counts = { done: entries, bytes, names: done + failures.length, failed: failures.length };
  reporter.report({ event: "summary", action, ...counts });
  return exitCodeOfAll(done, failures);
}

/** Reports why a name was not changed, or would not be. */
export function reportUnchanged(
  reporter: Reporter,
  action: Changes["action"],
  { name, error }: FailedName,
  state: "failed" | "unknown" | "not-tried" = "failed",
): void {
  const { code } = error;
  reporter.reportFailure(
    error,
    action === "remove"
      ? { event: "not-removed", name, state: state === "failed" ? "not-removed" : state, code }
      : { event: "not-restored", name, state: state === "failed" ? "not-restored" : state, code },
  );
}

interface NameResult<R> {
  readonly name: string;
  readonly result: PromiseSettledResult<R>;
}

/** Works on several names at once, and returns the results in order. */
async function* inOrder<R>(
  names: readonly string[],
  work: (name: string) => Promise<R>,
): AsyncGenerator<NameResult<R>> {
  const started: Promise<NameResult<R>>[] = [];
  for (const name of names) {
    started.push(Promise.allSettled([work(name)]).then(([result]) => ({ name, result })));
    if (started.length >= AHEAD) yield await started.shift() as NameResult<R>;
  }
  yield* started;
}
