/**
 * Uploads and downloads of folders survive kills of both ends. Each run kills a few; `deno task soak --only pack-kills`
 * kills hundreds.
 */
import assert from "node:assert/strict";
import { killTransfers } from "./killed_transfers.ts";
import { Loop } from "./loop.ts";

Deno.test({
  name: "crash safety: put and get of a folder, whose client, server, or both are killed",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { counts } = await new Loop({ rounds: 3 }).run(killTransfers);
    assert.ok((counts.get("data folders checked") ?? 0) >= 9);
  },
});
