/** Values that are used again for a while. */
import assert from "node:assert/strict";
import { FreshValue } from "../../server/fresh_value.ts";

Deno.test("fresh value: it is read again when it is too old, on demand, when it is forgotten, and after a failure", async () => {
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
  assert.equal(await value.read(), 2);
  value.forget();
  assert.equal(await value.read(), 3);
  now = 15;
  assert.equal(await value.read(5), 3);
  assert.equal(await value.read(4), 4);
  now = 26;
  isBroken = true;
  await assert.rejects(value.read());
  isBroken = false;
  assert.equal(await value.read(), 6);
});
