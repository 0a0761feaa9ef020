/** Protocol 4: answers that never come, and what a client does then. */
import assert from "node:assert/strict";
import { putFiles } from "../../mod.ts";
import { pseudoRandomBytes } from "../helpers/bytes.ts";
import { Scene } from "./scene.ts";

Deno.test("v4: a client whose registration was never answered has its name all the same", async () => {
  await using scene = await Scene.create();
  (await scene.client("Alice"))[Symbol.dispose]();
  await Deno.remove(scene.folder.join("Alice", "me.account"));
  const paths = [await scene.folder.write("a", pseudoRandomBytes(10))];
  const [outcome] = await putFiles({ ...await scene.options("Alice"), paths });
  assert.equal(outcome?.state, "stored");
});
