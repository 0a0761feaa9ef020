/**
 * Replaces values that differ between runs or machines by values for documentation. Otherwise every recording would
 * differ. README.md says so below the picture.
 */
import type { Output } from "./film.ts";

export type Swap = readonly [found: RegExp | string, shown: string];

/**
 * Replaces values in the output of each pane, even if they were written in several pieces. The new value gets the time
 * of the first letter that it replaces.
 */
export function scrub(outputs: readonly Output[], swaps: readonly Swap[]): Output[] {
  const panes = [...new Set(outputs.map(({ pane }) => pane))];
  return panes.flatMap((pane) => {
    const own = outputs.filter((output) => output.pane === pane);
    return swaps.reduce((outputs, swap) => replaceIn(outputs, swap), own);
  }).sort((a, b) => a.at - b.at);
}

function replaceIn(outputs: readonly Output[], [found, shown]: Swap): Output[] {
  const whole = outputs.map(({ text }) => text).join("");
  const matches = typeof found === "string"
    ? [...whole.matchAll(new RegExp(RegExp.escape(found), "g"))]
    : [...whole.matchAll(found)];
  let begin = 0;
  return outputs.map((output) => {
    const end = begin + output.text.length;
    let text = "";
    let at = begin;
    for (const { index, 0: { length } } of matches) {
      if (index >= begin && index < end) {
        text += whole.slice(at, index) + shown;
        at = index + length;
      } else if (index < begin && index + length > begin) at = index + length;
    }
    text += whole.slice(at, end);
    begin = end;
    return { ...output, text };
  });
}
