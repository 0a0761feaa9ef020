/** Checkpoints of an upload: after each 64 MiB, and of a long one after an eighth of itself. */
import assert from "node:assert/strict";
import { CheckpointPace } from "../../../server/v4/checkpoint_pace.ts";

const MIB = 1024 * 1024;

/** The sizes, in MiB, at which an upload that grows in equal steps of MiB makes checkpoints. */
function dueFrom(offset: number, step: number, end: number): number[] {
  const pace = new CheckpointPace(offset * MIB);
  const due: number[] = [];
  for (let size = offset + step; size <= end; size += step) {
    if (pace.isDue(size * MIB)) due.push(size);
  }
  return due;
}

Deno.test("checkpoint pace: every 64 MiB up to 512 MiB", () => {
  assert.deepEqual(dueFrom(0, 1, 512), [64, 128, 192, 256, 320, 384, 448, 512]);
  assert.deepEqual(dueFrom(100, 1, 250), [164, 228]);
  assert.deepEqual(dueFrom(0, 1, 63), []);
});

Deno.test("checkpoint pace: a long upload makes one after an eighth of itself", () => {
  const due = dueFrom(0, 1, 64 * 1024);
  for (const [i, size] of due.entries()) {
    const grown = size - (due[i - 1] ?? 0);
    assert.ok(grown >= 64 && grown >= size / 8, `${grown} MiB before ${size}`);
    assert.ok(grown <= Math.max(64, size / 8 + 64), `${grown} MiB before ${size}`);
  }
  assert.ok(due.length < 60, `${due.length} checkpoints of 64 GiB`);
});
