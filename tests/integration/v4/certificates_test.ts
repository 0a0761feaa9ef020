/** Protocol 4: servers with a certificate from a CA are verified by their name. */
import assert from "node:assert/strict";
import { fingerprintOf } from "../../../protocol/v4/fingerprint.ts";
import { KnownServers } from "../../../client/identity/known_servers.ts";
import { Authority, type Issued } from "../../support/tls/certificate_authority.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import {
  helloOf,
  known,
  named,
  NAMES,
  NOT_VERIFIED,
} from "../../support/v4/certificate_fixture.ts";
import { connectRaw, Fixture, got, put, startWithOwnKey } from "../../support/v4/fixture.ts";

Deno.test("certificates: a server with a certificate from a CA is verified by its name and recorded under it", async () => {
  await using it = await named();
  const { fixture, trust } = it;
  const content = pseudoRandomBytes(1000);
  using alice = await fixture.client("Alice", trust);
  await put(alice, [{ file: await fixture.source("a", content) }]);
  assert.deepEqual(await got(alice, "a"), content);
  assert.equal(await known(fixture, "Alice", fixture.byName), "pki");
  // Another name of the certificate, a name in capitals, and a second connection by the same name.
  for (const hostname of ["127.0.0.1", "LOCALHOST", "localhost"]) {
    using again = await fixture.client("Alice", {
      ...trust,
      server: { ...fixture.byName, hostname },
    });
    assert.equal((await again.stat("a")).size, 1000, hostname);
  }
});

Deno.test("certificates: a renewed certificate is accepted, even with another key and from another CA", async () => {
  await using it = await named();
  const { fixture, authority, trust } = it;
  (await fixture.client("Alice", trust))[Symbol.dispose]();
  await fixture.show(await authority.issue({ names: NAMES }));
  await fixture.server.reload();
  (await fixture.client("Alice", trust))[Symbol.dispose]();
  const other = await Authority.create();
  await fixture.show(await other.issue({ names: NAMES }));
  await fixture.server.reload();
  await assert.rejects(fixture.client("Alice", trust), { code: "server-not-verified" });
  const both = { ...trust, caCerts: [authority.certificate, other.certificate] };
  (await fixture.client("Alice", both))[Symbol.dispose]();
});

Deno.test("certificates: a wrong name, an unknown CA and an expired certificate are refused, first and later", async () => {
  await using it = await named();
  const { fixture, authority, trust } = it;
  const stranger = await Authority.create();
  const bad: Record<string, Issued> = {
    "another name": await authority.issue({ names: ["files.example.org"] }),
    "another authority": await stranger.issue({ names: NAMES }),
    "expired": await authority.issue({ names: NAMES, notAfter: new Date("2021-01-01T00:00:00Z") }),
  };
  (await fixture.client("Bob", trust))[Symbol.dispose]();
  for (const [what, issued] of Object.entries(bad)) {
    await fixture.show(issued);
    await fixture.server.reload();
    await assert.rejects(fixture.client("Alice", trust), NOT_VERIFIED, what);
    assert.equal(await known(fixture, "Alice", fixture.byName), undefined, what);
    await assert.rejects(fixture.client("Bob", trust), NOT_VERIFIED, what);
  }
});

Deno.test("certificates: a change between a CA's and a self-signed one, either way, is an error with a hint", async () => {
  await using it = await named();
  const { fixture, trust } = it;
  await using own = await startWithOwnKey(fixture.folder.join("own"));
  const address = { ...own.address, hostname: "localhost" };
  for (
    const [expected, real, found] of [
      ["pki", address, /expected a certificate from a CA, found the fingerprint SHA256:/],
      [
        await fingerprintOf((await helloOf(own.address)).certificate),
        fixture.byName,
        /expected the fingerprint SHA256:\S+, found a certificate from a CA/,
      ],
    ] as const
  ) {
    const folder = await fixture.options("Alice", { ...trust, server: real });
    const servers = new KnownServers(folder.identityFolder);
    await servers.keep(real, expected);
    const changed = { name: "ConfigurationError", code: "other-server", message: found };
    await assert.rejects(fixture.client("Alice", { ...trust, server: real }), changed);
    await assert.rejects(fixture.client("Alice", { ...trust, server: real }), {
      hint: new RegExp(`'xfer client forget localhost:${real.port}'`),
    });
    assert.deepEqual(await servers.find(real), expected, "known_servers is unchanged");
    assert.ok(await servers.forget(real));
    const name = real === address ? "Carol" : "Alice";
    (await fixture.client(name, { ...trust, server: real, onNewServer: () => true }))
      [Symbol.dispose]();
  }
});

Deno.test("certificates: a CA's certificate does not satisfy a fingerprint in the address", async () => {
  await using it = await named();
  const { fixture, trust } = it;
  const fingerprint = await fingerprintOf((await helloOf(fixture.byName)).certificate);
  await assert.rejects(fixture.client("Alice", { ...trust, fingerprint }), {
    code: "other-server",
    hint: new RegExp(
      `write xfer://localhost:${fixture.byName.port} into line 1 of transfer.info or --server`,
    ),
  });
});
Deno.test("certificates: a server without a CA's certificate cannot be verified by name", async () => {
  await using fixture = await Fixture.create();
  (await fixture.client("Alice"))[Symbol.dispose]();
  using raw = await connectRaw(fixture.server.address);
  const asked = raw.mux.ask({ kind: "host", tag: 0, name: "localhost" }, () => true);
  await assert.rejects(asked, { code: "not-authenticated" });
});
