import assert from "node:assert/strict";
import { TtlMap } from "../../server/ttl_map.ts";

Deno.test("TtlMap: it forgets entries that were not used for their time", () => {
  let now = 0;
  const map = new TtlMap<string>(() => ({ ttlMs: 10, max: 100 }), () => now);
  map.set("a", "A");
  map.set("b", "B");
  now = 9;
  assert.equal(map.get("a"), "A");
  now = 10;
  assert.equal(map.get("b"), undefined);
  now = 18;
  assert.equal(map.get("a"), "A", "its time started again when it was used");
  now = 27;
  assert.equal(map.peek("a"), "A");
  assert.deepEqual([...map.entries()], [["a", "A"]]);
  now = 28;
  assert.equal(map.peek("a"), undefined, "reading does not prolong it");
  assert.deepEqual([...map.entries()], []);
  map.delete("a");
  assert.equal(map.get("a"), undefined);
});

Deno.test("TtlMap: the entry unused for longest makes room", () => {
  const map = new TtlMap<number>(() => ({ ttlMs: 10, max: 2 }), () => 0);
  map.set("a", 1);
  map.set("b", 2);
  map.get("a");
  map.set("c", 3);
  assert.deepEqual([map.get("a"), map.get("b"), map.get("c")], [1, undefined, 3]);
});

Deno.test("TtlMap: new bounds apply at once, also to existing entries", () => {
  let now = 0;
  let bounds = { ttlMs: 100, max: 3 };
  const map = new TtlMap<number>(() => bounds, () => now);
  map.set("a", 1);
  now = 5;
  map.set("b", 2);
  map.set("c", 3);
  bounds = { ttlMs: 10, max: 2 };
  now = 10;
  assert.deepEqual([...map.entries()], [["b", 2], ["c", 3]]);
  map.set("d", 4);
  assert.deepEqual([...map.entries()], [["c", 3], ["d", 4]]);
  now = 50;
  bounds = { ttlMs: 100, max: 2 };
  assert.equal(map.peek("c"), 3, "an entry that was not forgotten yet has the longer time");
});
