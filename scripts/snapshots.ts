/**
 * Writes anew what the commands print, as tests/snapshots/ keeps it. Read what changes before it is committed.
 */
import { FORMS, narrowPages } from "../tests/snapshots/forms.ts";

const write = async (name: string, text: Promise<string>) => {
  const path = new URL(`../tests/snapshots/${name}.txt`, import.meta.url);
  await Deno.writeTextFile(path, await text);
  console.log(`Wrote tests/snapshots/${name}.txt`);
};

for (const [name, { tell }] of Object.entries(FORMS)) await write(name, tell());
await write("narrow", narrowPages());
