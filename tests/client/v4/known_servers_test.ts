/** What a client keeps of the servers that it has met. */
import assert from "node:assert/strict";
import { MAX_SMALL_FILE } from "../../../client/files.ts";
import { KnownServers } from "../../../client/v4/known_servers.ts";
import { pseudoRandomBytes } from "../../helpers/bytes.ts";
import { TemporaryFolder } from "../../helpers/temporary.ts";

Deno.test("known servers: each address has its fingerprint; a new one takes the place of the old", async () => {
  await using folder = await TemporaryFolder.create();
  const known = new KnownServers(folder.path);
  const one = { hostname: "files.example.org", port: 1256 };
  const other = { hostname: "::1", port: 1256 };
  assert.equal(await known.find(one), undefined);
  await known.keep(one, pseudoRandomBytes(32, 1));
  await known.keep(other, pseudoRandomBytes(32, 2));
  await known.keep(one, pseudoRandomBytes(32, 3));
  assert.deepEqual(await known.find(one), pseudoRandomBytes(32, 3));
  assert.deepEqual(await known.find(other), pseudoRandomBytes(32, 2));
  const lines = (await Deno.readTextFile(known.path)).trim().split("\n");
  assert.equal(lines.length, 2);
});

Deno.test("known servers: a line that can't be read is an error, not a server that is new", async () => {
  await using folder = await TemporaryFolder.create();
  await folder.write("known_servers", "files.example.org:1256 SHA256:cut off\n");
  const known = new KnownServers(folder.path);
  await assert.rejects(known.find({ hostname: "files.example.org", port: 1256 }), {
    code: "bad-known-servers",
  });
});

Deno.test("known servers: what others wrote meanwhile and comments stay; at once, the file is whole", async () => {
  await using folder = await TemporaryFolder.create();
  const [one, other] = [new KnownServers(folder.path), new KnownServers(folder.path)];
  const lab = { hostname: "lab.example.org", port: 1256 };
  await Deno.writeTextFile(one.path, "# the lab's\n\nLab.example.org:1256 pki\n");
  for (const [port, known] of [[1, one], [2, other], [3, one]] as const) {
    assert.equal(await known.find(lab), "pki");
    await known.keep({ hostname: "h", port }, "pki");
  }
  const comment = "# the lab's\n\n";
  const kept = "h:1 pki\nh:2 pki\nh:3 pki\n";
  assert.equal(await Deno.readTextFile(one.path), `${comment}Lab.example.org:1256 pki\n${kept}`);
  assert.equal(await one.forget({ ...lab, hostname: "LAB.example.org" }), true);
  assert.equal(await other.forget(lab), false);
  assert.equal(await Deno.readTextFile(one.path), comment + kept);
  const met = [4, 5, 6, 7].map((port) => ({ hostname: "h", port }));
  await Promise.all(met.map((address) => new KnownServers(folder.path).keep(address, "pki")));
  const lines = await Deno.readTextFile(one.path);
  assert.ok(lines.startsWith(comment + kept), lines);
  assert.match(lines.slice((comment + kept).length), /^(h:[4-7] pki\n)+$/);
});

Deno.test("known servers that are too many are said to be, and nothing is forgotten for them", async () => {
  await using folder = await TemporaryFolder.create();
  const known = new KnownServers(folder.path);
  const line = (i: number) => `host${`${i}`.padStart(4, "0")}.example:1 pki\n`;
  const most = Array.from(
    { length: Math.floor(MAX_SMALL_FILE / line(0).length) },
    (_, i) => line(i),
  );
  await Deno.writeTextFile(known.path, most.join(""));
  const before = await Deno.readTextFile(known.path);
  await assert.rejects(known.keep({ hostname: "one.more.example", port: 1 }, "pki"), {
    code: "too-many-known-servers",
  });
  assert.equal(await Deno.readTextFile(known.path), before);
  assert.equal(await known.find({ hostname: "host0000.example", port: 1 }), "pki");
});
