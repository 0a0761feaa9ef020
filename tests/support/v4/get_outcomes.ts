/** The results of a download, in the order in which they are reported. */
import { getFiles } from "../../../client/v4/get_files.ts";
import type { GetManyOptions, GetOutcome } from "../../../client/v4/get_options.ts";

/** Downloads as `getFiles` does, and returns each result. */
export async function getOutcomes(options: GetManyOptions): Promise<GetOutcome[]> {
  const outcomes: GetOutcome[] = [];
  await getFiles({
    ...options,
    onOutcome(outcome) {
      outcomes.push(outcome);
      options.onOutcome?.(outcome);
    },
  });
  return outcomes;
}
