/**
 * Writes anew what the commands print, as tests/snapshots/ keeps it. Read what changes before it is committed.
 */
import { makePages, pathOfPage } from "../tests/snapshots/pages.ts";

for (const { name, text } of await makePages()) {
  const path = pathOfPage(name);
  if (await Deno.readTextFile(path).catch(() => "") === text) continue;
  await Deno.writeTextFile(path, text);
  console.log(`Wrote tests/snapshots/${name}.txt`);
}
