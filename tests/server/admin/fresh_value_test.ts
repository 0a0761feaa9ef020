/** Values that are used again for a while. */
import assert from "node:assert/strict";
import { FreshValue } from "../../../server/admin/fresh_value.ts";

Deno.test("fresh value: it is read again when it is too old, on demand, and after a failure", async () => {
  let [now, reads, isBroken] = [0, 0, false];
  const read = () => {
    reads++;
    return isBroken ? Promise.reject(new Error("broken")) : Promise.resolve(reads);
  };
  const value = new FreshValue(read, 10, () => now);
  assert.deepEqual(await Promise.all([value.read(), value.read()]), [1, 1]);
  now = 10;
  assert.equal(await value.read(), 1);
  assert.equal(await value.readNow(), 2);
  now = 21;
  isBroken = true;
  await assert.rejects(value.read());
  isBroken = false;
  assert.equal(await value.read(), 4);
});
