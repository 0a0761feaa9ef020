/** known_servers: the client's record of its servers. */
import assert from "node:assert/strict";
import { MAX_SMALL_FILE } from "../../../client/local/read_small_file.ts";
import { KnownServers } from "../../../client/identity/known_servers.ts";
import { isAuthoritiesName } from "../../../client/identity/saved_authorities.ts";
import { Authority } from "../../support/tls/certificate_authority.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

Deno.test("known servers: each address has its fingerprint, until it is removed", async () => {
  await using folder = await TemporaryFolder.create();
  const known = new KnownServers(folder.path);
  const one = { hostname: "files.example.org", port: 1256 };
  const other = { hostname: "::1", port: 1256 };
  assert.equal(await known.find(one), undefined);
  assert.deepEqual(await known.keep(one, pseudoRandomBytes(32, 1)), pseudoRandomBytes(32, 1));
  await known.keep(other, pseudoRandomBytes(32, 2));
  assert.deepEqual(await known.keep(one, pseudoRandomBytes(32, 3)), pseudoRandomBytes(32, 1));
  assert.deepEqual(await known.find(one), pseudoRandomBytes(32, 1));
  await known.forget(one);
  assert.equal(await known.find(one), undefined);
  await known.keep(one, pseudoRandomBytes(32, 3));
  assert.deepEqual(await known.find(one), pseudoRandomBytes(32, 3));
  assert.deepEqual(await known.find(other), pseudoRandomBytes(32, 2));
  const lines = (await Deno.readTextFile(known.path)).trim().split("\n");
  assert.equal(lines.length, 2);
});

Deno.test("known servers: an invalid line is an error, not an unknown server", async () => {
  await using folder = await TemporaryFolder.create();
  await folder.write("known_servers", "files.example.org:1256 SHA256:cut off\n");
  const known = new KnownServers(folder.path);
  await assert.rejects(known.find({ hostname: "files.example.org", port: 1256 }), {
    code: "bad-known-servers",
  });
});

Deno.test("known servers: comments and lines written meanwhile by others stay", async () => {
  await using folder = await TemporaryFolder.create();
  const [one, other] = [new KnownServers(folder.path), new KnownServers(folder.path)];
  const lab = { hostname: "lab.example.org", port: 1256 };
  await Deno.writeTextFile(one.path, "# the lab's\n\nLab.example.org:1256 pki\n");
  for (const [port, known] of [[1, one], [2, other], [3, one]] as const) {
    assert.equal(await known.find(lab), "pki");
    await known.keep({ hostname: "h", port }, "pki");
  }
  const rest = "h:1 pki\nh:2 pki\nh:3 pki\n";
  const comment = "# the lab's\n\n";
  assert.equal(await Deno.readTextFile(one.path), `${comment}Lab.example.org:1256 pki\n${rest}`);
  assert.equal(await one.forget({ ...lab, hostname: "LAB.example.org" }), true);
  assert.equal(await other.forget(lab), false);
  assert.equal(await Deno.readTextFile(one.path), comment + rest);
});

Deno.test("known servers: beyond the limit is an error, and none is dropped for a new one", async () => {
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

Deno.test("known servers: simultaneous additions and removals in one process lose none", async () => {
  await using folder = await TemporaryFolder.create();
  const address = (port: number) => ({ hostname: "h", port });
  const ports = Array.from({ length: 100 }, (_, i) => i + 1);
  const forgotten = ports.slice(0, 20);
  for (const port of forgotten) await new KnownServers(folder.path).keep(address(port), "pki");
  await Promise.all([
    ...ports.slice(20).map((port) => new KnownServers(folder.path).keep(address(port), "pki")),
    ...forgotten.map((port) => new KnownServers(folder.path).forget(address(port))),
  ]);
  const lines = (await Deno.readTextFile(folder.join("known_servers"))).trim().split("\n");
  assert.deepEqual(new Set(lines), new Set(ports.slice(20).map((port) => `h:${port} pki`)));
});

Deno.test("known servers: a request for protocol 3 is remembered until the server is known by a key or certificate", async () => {
  await using folder = await TemporaryFolder.create();
  const known = new KnownServers(folder.path);
  const one = { hostname: "files.example.org", port: 1256 };
  await known.keepProtocol3(one);
  assert.deepEqual([await known.isProtocol3(one), await known.find(one)], [true, undefined]);
  assert.equal(await Deno.readTextFile(known.path), "files.example.org:1256 protocol-3\n");
  await known.keep(one, pseudoRandomBytes(32, 1));
  assert.deepEqual(await known.find(one), pseudoRandomBytes(32, 1));
  // A known server stays known.
  await known.keepProtocol3(one);
  assert.equal(await known.isProtocol3(one), false);
  assert.equal((await known.list()).length, 1);
  assert.ok(await known.forget(one));
  await known.keepProtocol3(one);
  assert.ok(await known.forget(one));
  assert.equal(await known.isProtocol3(one), false);
});

Deno.test("known servers: the CA certificates given for a server are kept with it, and removed with it", async () => {
  await using folder = await TemporaryFolder.create();
  const known = new KnownServers(folder.path);
  const [a, b] = [await Authority.create(), await Authority.create()].map(({ certificate }) =>
    certificate.trim()
  ) as [string, string];
  const address = (port: number) => ({ hostname: "h", port });
  const copies = () =>
    [...Deno.readDirSync(folder.path)].filter(({ name }) => isAuthoritiesName(name)).length;
  await known.keep(address(1), "pki");
  assert.deepEqual(await known.authoritiesOf(address(1)), []);
  await known.keep(address(1), "pki", [a]);
  await known.keep(address(2), "pki", [a]);
  assert.equal(copies(), 1, "one copy for both");
  await known.keep(address(2), "pki", [a, b]);
  assert.deepEqual(await known.authoritiesOf(address(1)), [a]);
  assert.deepEqual(await known.authoritiesOf(address(2)), [a, b]);
  await known.keep(address(2), "pki");
  assert.deepEqual(await known.authoritiesOf(address(2)), [a, b], "none is given now");
  await known.forget(address(2));
  assert.equal(copies(), 1);
  await known.forget(address(1));
  assert.equal(copies(), 0);
});

Deno.test("known servers: an address in another zone is another server, and zones are case-sensitive", async () => {
  await using folder = await TemporaryFolder.create();
  const known = new KnownServers(folder.path);
  const at = (hostname: string) => ({ hostname, port: 1256 });
  await known.keep(at("FE80::1%eth0"), "pki");
  assert.equal(await known.find(at("fe80::1%eth0")), "pki");
  for (const other of ["fe80::1%ETH0", "fe80::1%eth1", "fe80::1"]) {
    assert.equal(await known.find(at(other)), undefined, other);
  }
});
