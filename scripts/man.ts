/**
 * `deno task man`: writes a manual page for each command to dist/man/.
 *
 * --out DIR   write to this folder instead
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeManPages } from "./manual/write_man_pages.ts";
import { ROOT } from "./release/stage.ts";

const { out = join(ROOT, "dist", "man") } =
  parseArgs({ args: Deno.args, options: { out: { type: "string" } } }).values;
const count = await writeManPages(out);
console.log(`Wrote ${count} pages to ${out}. To read one, run 'man -l ${join(out, "xfer.1")}'.`);
