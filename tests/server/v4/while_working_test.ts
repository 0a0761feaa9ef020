/** Signs of life of a server that works on a request. */
import assert from "node:assert/strict";
import { whileWorking } from "../../../server/v4/while_working.ts";

Deno.test("long work: says that it goes on until it has ended, whether or not the client is there", async () => {
  const signs: [number, number, number][] = [];
  const twice = Promise.withResolvers<void>();
  const sendChunk = (tag: number, offset: number, { length }: Uint8Array) => {
    signs.push([tag, offset, length]);
    if (signs.length === 2) twice.resolve();
    return Promise.reject(new Error("the client is gone"));
  };
  const work = async () => {
    await twice.promise;
    return "done";
  };
  assert.equal(await whileWorking({ sendChunk }, 7, work, 1), "done");
  const { length } = signs;
  assert.deepEqual(signs, Array(length).fill([7, 0, 0]));
  await new Promise((go) => setTimeout(go, 5));
  assert.equal(signs.length, length, "nothing is sent after the end");
});

Deno.test("long work: its error is that of the request", async () => {
  const error = new Error("refused");
  const sendChunk = () => Promise.resolve();
  await assert.rejects(whileWorking({ sendChunk }, 7, () => Promise.reject(error)), error);
});
