/** Files stored over protocol 3 in an account of protocol 4: the server computes their digests on first use. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Bytes } from "../../../protocol/bytes.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import type { RemoteFile } from "../../../client/v4/remote_file.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { RawClient } from "../../support/v3/raw_client.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { xfer } from "../../support/hosted_xfer.ts";
import { Fixture, got, ON_DISK, put } from "../../support/v4/fixture.ts";
import { ms } from "../../support/v4/message_fields.ts";
import { watched } from "../../support/v4/traced.ts";

const SIZES = [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, 2 * CHUNK_SIZE + 5];
const contents = new Map(SIZES.map((size) => [`${size}`, pseudoRandomBytes(size, size + 1)]));

/** Stores files over protocol 3 and moves them to Alice's account of protocol 4, like a claim. */
async function claimed(fixture: Fixture, files: ReadonlyMap<string, Bytes>): Promise<void> {
  (await fixture.client("Alice"))[Symbol.dispose]();
  using peer = await RawClient.connect(fixture.server.address);
  await peer.enrol("Before");
  for (const [name, content] of files) {
    await peer.sendFile(name, content);
    await peer.judge("crcValid", name);
  }
  change(
    fixture,
    `UPDATE files SET client_id = (SELECT id FROM clients WHERE name = 'Alice')
     WHERE client_id = (SELECT id FROM clients WHERE name = 'Before')`,
  );
}

function change(fixture: Fixture, sql: string): void {
  using database = new DatabaseSync(fixture.folder.join("data", "catalog.db"));
  database.exec(sql);
}

/** The number of rows that have a digest. */
function withDigest(fixture: Fixture): unknown {
  using database = new DatabaseSync(fixture.folder.join("data", "catalog.db"));
  return database.prepare("SELECT count(digest) AS n FROM files").get()?.["n"];
}

const ASKED: Record<string, (fixture: Fixture, name: string) => Promise<RemoteFile>> = {
  async stat(fixture, name) {
    using client = await fixture.client("Alice");
    return await client.stat(name);
  },
  async list(fixture, name) {
    using client = await fixture.client("Alice");
    const files: RemoteFile[] = [];
    await client.list(name, (file) => files.push(file));
    return files[0] as RemoteFile;
  },
  async versions(fixture, name) {
    using client = await fixture.client("Alice");
    const files: RemoteFile[] = [];
    await client.versions(name, (file) => files.push(file));
    return files[0] as RemoteFile;
  },
  async get(fixture, name) {
    using client = await fixture.client("Alice");
    return await client.get({ name }, () => Promise.resolve());
  },
};

for (const [request, ask] of Object.entries(ASKED)) {
  Deno.test(`files of protocol 3: ${request} computes their digests and records them`, async () => {
    await using fixture = await Fixture.create();
    await claimed(fixture, contents);
    assert.equal(withDigest(fixture), 0);
    // The longest first, since one name is a prefix of another.
    for (const [name, content] of [...contents].reverse()) {
      const sums = new ChunkDigests(content.length);
      for (let at = 0; at < content.length; at += CHUNK_SIZE) {
        sums.add(at, content.slice(at, at + CHUNK_SIZE));
      }
      const { digest } = sums.sums();
      const first = await ask(fixture, name);
      assert.deepEqual([first.name, first.cksum], [name, cksum(content)]);
      assert.deepEqual(first.digest, digest);
      assert.equal(first.mtime, ms(first.storedAt), "protocol 3 has no other time");
      assert.deepEqual(await ask(fixture, name), first);
    }
    assert.equal(withDigest(fixture), contents.size);
    using client = await fixture.client("Alice");
    for (const [name, content] of contents) assert.deepEqual(await got(client, name), content);
  });
}

Deno.test("files of protocol 3: they can be overwritten, renamed and removed before their digest is computed", async () => {
  await using fixture = await Fixture.create();
  const small = pseudoRandomBytes(100);
  await claimed(fixture, new Map(["a", "b", "c"].map((name) => [name, small])));
  using client = await fixture.client("Alice");
  await client.remove("a");
  await client.rename("b", "b/new");
  const next = pseudoRandomBytes(50, 2);
  await put(client, [{ file: await fixture.source("next", next), name: "c" }]);
  const names: string[] = [];
  await client.list("", ({ name }) => names.push(name));
  assert.deepEqual(names, ["b/new", "c"]);
  assert.deepEqual(await got(client, "b/new"), small);
  assert.deepEqual(await got(client, "c"), next);
});

Deno.test("files of protocol 3: one overwritten or removed while it is read is looked up again", async () => {
  for (const [request, ask] of Object.entries(ASKED)) {
    await using fixture = await Fixture.create();
    const watch = await watched(fixture);
    await claimed(fixture, new Map([["a", pseudoRandomBytes(100)]]));
    using other = await fixture.client("Alice");
    const next = pseudoRandomBytes(50, 2);
    let times = 0;
    watch.before = async () => {
      if (times++ > 0) return;
      await put(other, [{ file: await fixture.source("next", next), name: "a" }]);
    };
    const found = ask(fixture, "a");
    // The request is for the versions that existed when it arrived, and none of them is left.
    assert.equal((await found)?.cksum, request === "versions" ? undefined : cksum(next), request);
    assert.ok(times > 0);
    assert.equal((await ask(fixture, "a")).version, 2);
  }
});

Deno.test("files of protocol 3: a changed file is reported as damaged and does not affect others", async () => {
  const spoil: Record<string, (path: string) => Promise<void>> = {
    "another byte": (path) => Deno.writeFile(path, pseudoRandomBytes(100, 9)),
    shorter: (path) => Deno.truncate(path, 99),
    empty: (path) => Deno.truncate(path, 0),
    longer: (path) => Deno.writeFile(path, pseudoRandomBytes(101)),
    "longer by chunks": (path) => Deno.writeFile(path, pseudoRandomBytes(3 * CHUNK_SIZE)),
    gone: (path) => Deno.remove(path),
    "a folder": (path) => Deno.mkdir(path),
  };
  await using fixture = await Fixture.create(ON_DISK);
  await claimed(fixture, new Map([["a", pseudoRandomBytes(100)]]));
  const [path = ""] = fixture.blobs("files");
  using client = await fixture.client("Alice");
  await put(client, [{ file: await fixture.source("b", pseudoRandomBytes(10)) }]);
  for (const [how, damage] of Object.entries(spoil)) {
    await damage(path);
    const is = { code: "damaged", category: "refused" };
    await assert.rejects(client.stat("a"), is, how);
    await assert.rejects(got(client, "a"), is, how);
    await assert.rejects(client.versions("a", () => assert.fail()), is, how);
    const names: string[] = [];
    await assert.rejects(client.list("", ({ name }) => names.push(name)), is, how);
    assert.deepEqual(names, ["b"], how);
    assert.equal(withDigest(fixture), 1);
  }
});

Deno.test("invalid stored names: they are listed and served, and cannot escape the folder", async () => {
  await using fixture = await Fixture.create(ON_DISK);
  const content = pseudoRandomBytes(100);
  await claimed(fixture, new Map([["x", content]]));
  await using disk = await TemporaryFolder.createOnDisk();
  const outside = disk.join("outside");
  const home = `${outside}/in/it`;
  await Deno.mkdir(`${outside}/in`, { recursive: true });
  await Deno.mkdir(home, { mode: 0o700 });
  for (const { name } of Deno.readDirSync(fixture.folder.join("Alice"))) {
    await Deno.copyFile(fixture.folder.join("Alice", name), `${home}/${name}`);
  }
  const { hostname, port } = fixture.server.address;
  await Deno.writeTextFile(`${home}/transfer.info`, `${hostname}:${port}\nAlice\n`);
  const run = (...args: string[]) => xfer(["client", ...args, "--force"], home);
  const alice = "client_id = (SELECT id FROM clients WHERE name = 'Alice')";
  using client = await fixture.client("Alice", { identityFolder: home });
  for (const [name, code] of Object.entries(ODD_NAMES)) {
    change(fixture, `UPDATE files SET name = '${name}' WHERE ${alice}`);
    const names: string[] = [];
    await client.list("", ({ name }) => names.push(name));
    assert.deepEqual(names, [name]);
    assert.equal((await client.stat(name)).size, 100);
    assert.deepEqual(await got(client, name), content);
    const single = await run("get", name);
    assert.equal(single.code, code, `${name}: ${single.stderr}`);
    // `get .` downloads everything.
    if (name !== ".") {
      const named = await run("get", name, "-o", "own");
      assert.equal(named.code, 0, `${name}: ${named.stderr}`);
      await Deno.remove(`${home}/own`);
    }
    const all = await run("get", ".", "-o", "root");
    assert.equal(all.code, code, `${name}: ${all.stderr}`);
    assert.equal(all.stderr.includes("[bad-file-name]"), code !== 0, all.stderr);
    assert.deepEqual([...Deno.readDirSync(outside)].map(({ name }) => name), ["in"], name);
    assert.deepEqual([...Deno.readDirSync(`${outside}/in`)].map(({ name }) => name), ["it"], name);
    await client.rename(name, "x");
  }
});

/** Names that earlier rules may have allowed, with the exit codes of a download to a file of their name. */
const ODD_NAMES: Readonly<Record<string, number>> = {
  ...{ "../../evil": 7, "/../evil": 7, "dir/../../evil": 7, "dir//evil": 7, "a\u202eb": 0 },
  ...{ "dir/.": 7, "..": 7, ".": 7 },
};
