/**
 * Downloads files, folders and links over protocol 4.
 *
 * @module
 */
import { RefusedError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { ConnectionPool } from "./connection_pool.ts";
import { listSources } from "./get_listing.ts";
import type { GetManyOptions, GetOptions, GetOutcome, GetSummary } from "./get_options.ts";
import { GetOutcomes } from "./get_outcomes.ts";
import { GetRun } from "./get_run.ts";

/** The file or link to download, and where to write it. */
export interface GetFileOptions extends GetOptions {
  /** The name on the server. */
  readonly name: string;
  /** The path to write to. Default: the last component of the name, in the current folder. */
  readonly target?: string | undefined;
}

/**
 * Downloads a file over protocol 4 and verifies it. Interrupted downloads resume. Throws `UsageError` `target-exists`,
 * `bad-range`; `RefusedError` `no-such-file`, `damaged`; `IntegrityError` if the server sends damaged content;
 * `StorageError` if the file cannot be written; `NetworkError` when retries are used up; and the reason why the client
 * cannot sign in, as `putFiles` does.
 */
export async function getFile({ name, ...options }: GetFileOptions): Promise<GetOutcome> {
  const results: GetOutcome[] = [];
  const onOutcome = (outcome: GetOutcome) => {
    results.push(outcome);
    options.onOutcome?.(outcome);
  };
  await getFiles({ ...options, names: [name], isExact: true, onOutcome });
  const [outcome] = results;
  if (outcome === undefined) {
    throw new RefusedError("no-such-file", `${printable(name)} is a symbolic link, and is skipped`);
  }
  if ("error" in outcome) throw outcome.error;
  return outcome;
}

/**
 * Downloads files, links and folders over protocol 4. Passes the result of each entry to `onOutcome`, and returns how
 * many there were. An error of one does not stop the others. Throws `UsageError` `one-name` for a version or a range of
 * several names, `bad-pattern`; and what `confirmMirror` throws.
 */
export async function getFiles(options: GetManyOptions): Promise<GetSummary> {
  using pool = new ConnectionPool(options.connect, options.transfer);
  const outcomes = new GetOutcomes(pool, options);
  const listing = await listSources(pool, options, outcomes);
  await new GetRun(pool, options, outcomes, listing).run();
  return outcomes.summary;
}
