/** Protocol 4: a reload reads the server's certificate and key again while it serves. */
import assert from "node:assert/strict";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import type { Issued } from "../../support/tls/certificate_authority.ts";
import { areEqual, pseudoRandomBytes } from "../../support/bytes.ts";
import { helloOf, named, NAMES } from "../../support/v4/certificate_fixture.ts";
import { filesIn, Fixture, got } from "../../support/v4/fixture.ts";
import { FILE_PUT } from "../../support/v4/message_fields.ts";
import { sendChunk } from "../../support/v4/chunks.ts";

Deno.test("reload: uploads in progress continue, new connections see the new certificate", async () => {
  await using it = await named();
  const { fixture, authority, trust } = it;
  const content = pseudoRandomBytes(3 * CHUNK_SIZE + 5);
  const sums = new ChunkDigests(content.length);
  using alice = await fixture.client("Alice", trust);
  const { mux } = alice.session;
  const [tag, size] = [mux.nextTag(), content.length];
  const before = await helloOf(fixture.byName);
  await mux.send({ ...FILE_PUT, kind: "put", tag, name: "a", size, resume: 0 });
  for (let offset = 0; offset < size; offset += CHUNK_SIZE) {
    const chunk = content.slice(offset, offset + CHUNK_SIZE);
    sums.add(offset, chunk);
    await sendChunk(mux, tag, offset, chunk);
    await fixture.show(await authority.issue({ names: NAMES }));
    await fixture.server.reload();
    using bob = await fixture.client("Bob", trust);
    await assert.rejects(bob.stat("none"), { code: "no-such-file" });
  }
  const after = await helloOf(fixture.byName);
  assert.equal(after.port, before.port);
  assert.notDeepEqual(after.certificate, before.certificate);
  await mux.askFor({ kind: "end", tag, ...sums.sums() }, "stored");
  assert.ok(areEqual(await got(alice, "a"), content));
});

Deno.test("reload: an invalid certificate or key leaves the old ones effective", async () => {
  await using it = await named();
  const { fixture, authority, trust } = it;
  const good = await authority.issue({ names: NAMES });
  const other = await authority.issue({ names: NAMES });
  const bad: readonly [what: string, issued: Issued, code: string][] = [
    ["no certificate", { ...good, certificate: "none" }, "bad-tls-certificate"],
    ["no name", await authority.issue({ names: [] }), "bad-tls-certificate"],
    [
      "damaged",
      { ...good, certificate: good.certificate.replace("MII", "AII") },
      "bad-tls-certificate",
    ],
    ["no key", { ...good, key: "none" }, "bad-tls-key"],
    ["another server's key", { ...good, key: other.key }, "bad-tls-key"],
  ];
  const before = await helloOf(fixture.byName);
  for (const [what, issued, code] of bad) {
    await fixture.show(issued);
    await assert.rejects(fixture.server.reload(), { name: "ConfigurationError", code }, what);
    assert.deepEqual(await helloOf(fixture.byName), before, what);
    (await fixture.client("Alice", trust))[Symbol.dispose]();
  }
  await Deno.remove(filesIn(fixture.folder).key);
  await assert.rejects(fixture.server.reload(), {
    code: "bad-tls-key",
    message: /key\.pem.*no such file/,
  });
});

Deno.test("reload: an unchanged server key is no change; a missing one is an error and not created", async () => {
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  await fixture.server.reload();
  const path = fixture.folder.join("data", "tls.pem");
  const own = await Deno.readTextFile(path);
  await Deno.remove(path);
  await assert.rejects(fixture.server.reload(), { code: "bad-tls-identity" });
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
  await Deno.writeTextFile(path, own);
  (await fixture.client("Alice"))[Symbol.dispose]();
});
