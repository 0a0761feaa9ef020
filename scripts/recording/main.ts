/**
 * Writes docs/session.svg, the picture in README.md: a newcomer's session, recorded in real terminals. Values that differ
 * between runs (ports, keys, ids, times) are replaced by values for documentation; see session.ts.
 */
import { parseArgs } from "node:util";
import { newcomer, record } from "./session.ts";

const { values: { out } } = parseArgs({
  options: { out: { type: "string", default: "docs/session.svg" } },
});
const picture = await record(newcomer);
await Deno.writeTextFile(out, picture);
console.log(`Wrote ${out}: ${picture.length} characters`);
