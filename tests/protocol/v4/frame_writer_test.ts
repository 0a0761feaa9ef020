/** The writer of frames to a socket, at both ends of protocol 4. */
import assert from "node:assert/strict";
import type { Bytes } from "../../../protocol/bytes.ts";
import { FrameWriter } from "../../../protocol/v4/frame_writer.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";

interface Written {
  readonly writes: number[];
  readonly bytes: () => Bytes;
  readonly write: (bytes: Bytes) => Promise<void>;
}

function written(): Written {
  const pieces: Bytes[] = [];
  return {
    writes: [],
    bytes: () => {
      const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
      pieces.reduce((at, piece) => (all.set(piece, at), at + piece.length), 0);
      return all;
    },
    async write(bytes) {
      // Bytes must not change before they are written. A copy after other tasks had their turn shows it.
      for (let i = 0; i < 5; i++) await Promise.resolve();
      pieces.push(bytes.slice());
      this.writes.push(bytes.length);
    },
  };
}

Deno.test("frame writer: frames of all sizes are written in order, whole, the small ones together", async () => {
  const to = written();
  const writer = new FrameWriter((bytes) => to.write(bytes));
  const sizes = [1, 17, 65_536, 65_537, 100, 262_144, 1_048_576, 0, 5, 262_143, 300_000, 9];
  const all = pseudoRandomBytes(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  const sent = sizes.map((size) => {
    const piece = all.slice(at, at += size);
    return writer.send(piece.subarray(0, 9), piece.subarray(9));
  });
  await Promise.all(sent);
  while (writer.isBusy) await Promise.resolve();
  assert.deepEqual(to.bytes(), all);
  assert.equal(to.writes[0], 1 + 17 + 65_536, "small frames at once are one write");
});

Deno.test("frame writer: after it accepted a frame, the frame's bytes may change", async () => {
  const to = written();
  const writer = new FrameWriter((bytes) => to.write(bytes));
  const buffer = new Uint8Array(700_000);
  for (const value of [1, 2, 3]) {
    buffer.fill(value);
    await writer.send(buffer);
  }
  while (writer.isBusy) await Promise.resolve();
  const bytes = to.bytes();
  for (const [i, value] of [1, 2, 3].entries()) {
    assert.ok(bytes.subarray(i * buffer.length, (i + 1) * buffer.length).every((b) => b === value));
  }
});

Deno.test("frame writer: a write error is reported to every sender, then and later", async () => {
  const lost = new Error("lost");
  const writer = new FrameWriter(() => Promise.reject(lost));
  await assert.rejects(writer.send(new Uint8Array(700_000)), lost);
  await assert.rejects(writer.send(new Uint8Array(1)), lost);
  assert.equal(writer.isBusy, false);
});
