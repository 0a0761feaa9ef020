/**
 * Updates the recorded output of the commands in tests/snapshots/. Read the difference before you commit it.
 */
import { makePages, pathOfPage } from "../tests/snapshots/pages.ts";

for (const { name, text } of await makePages()) {
  const path = pathOfPage(name);
  if (await Deno.readTextFile(path).catch(() => "") === text) continue;
  await Deno.writeTextFile(path, text);
  console.log(`Wrote tests/snapshots/${name}.txt`);
}
