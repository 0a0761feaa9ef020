/** Uploads, with the results of all entries at once. */
import { putFiles } from "../../../client/v4/put_files.ts";
import type { PutOptions, PutOutcome } from "../../../client/v4/put_options.ts";

/** Returns the result of each entry: those of named paths in the order of their names, others as they came. */
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
  const placeOf = (outcome: PutOutcome) => {
    const path = "path" in outcome ? outcome.path : "file" in outcome ? outcome.file.path : "";
    const place = paths.indexOf(path);
    return place < 0 ? paths.length : place;
  };
  return outcomes.toSorted((a, b) => placeOf(a) - placeOf(b));
}
