/** Uploads, with the results of all entries at once. */
import { putFiles } from "../../../client/v4/put_files.ts";
import type { PutOptions, PutOutcome } from "../../../client/v4/put_options.ts";

/**
 * Returns the result of each entry: of named paths in the order of their names, then of other entries by path, then
 * failures and removals as they came.
 */
export async function putAll(options: PutOptions): Promise<PutOutcome[]> {
  const outcomes: PutOutcome[] = [];
  await putFiles({
    ...options,
    onOutcome(outcome) {
      outcomes.push(outcome);
      options.onOutcome?.(outcome);
    },
  });
  const { paths } = options;
  const pathOf = (outcome: PutOutcome) => "file" in outcome ? outcome.file.path : undefined;
  const placeOf = (outcome: PutOutcome) => {
    const place = paths.indexOf("path" in outcome ? outcome.path : pathOf(outcome) ?? "");
    if (place >= 0) return place;
    return paths.length + (pathOf(outcome) === undefined ? 1 : 0);
  };
  return outcomes.toSorted((a, b) =>
    placeOf(a) - placeOf(b) || ((pathOf(a) ?? "") < (pathOf(b) ?? "") ? -1 : 0)
  );
}
