import assert from "node:assert/strict";
import { release } from "../../protocol/memory.ts";

Deno.test("memory: released bytes are empty, and so are their views", () => {
  const bytes = new Uint8Array(1000).fill(7);
  const view = bytes.subarray(10, 20);
  release(view);
  assert.deepEqual([bytes.length, view.length], [0, 0]);
});

Deno.test("memory: bytes can be released twice, and empty ones at any time", () => {
  const bytes = new Uint8Array(10);
  release(bytes);
  release(bytes);
  release(new Uint8Array(0));
});
