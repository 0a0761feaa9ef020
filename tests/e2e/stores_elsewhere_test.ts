/** A server on PostgreSQL and an object store, clients of both protocols, and the operator's commands: real processes. */
import assert from "node:assert/strict";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { listStored } from "../../server/operator/mod.ts";
import { areEqual, pseudoRandomBytes } from "../support/bytes.ts";
import { CommandHost } from "../support/command_host.ts";
import { CLIENT_3, ServerProcess, writeTransferInfo, xfer } from "../support/processes.ts";
import { CLUSTER_SECRET } from "../support/store/elsewhere.ts";
import { FakeS3, SIGNER } from "../support/store/fake_s3.ts";
import { createDatabase } from "../support/store/postgres.ts";
import { reachable } from "../support/store/reachable.ts";
import { fencesIn } from "../support/markdown.ts";
import { Fixture, put } from "../support/v4/fixture.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

const FILES: Readonly<Record<string, Uint8Array>> = {
  "small.txt": pseudoRandomBytes(1000, 1),
  "empty": new Uint8Array(0),
  "medium": pseudoRandomBytes(200_000, 2),
  "large": pseudoRandomBytes(9 * CHUNK_SIZE + 5, 3),
};

/** Only secrets come from the environment. */
const SECRETS = {
  AWS_ACCESS_KEY_ID: SIGNER.accessKeyId,
  AWS_SECRET_ACCESS_KEY: SIGNER.secretAccessKey,
  XFER_CLUSTER_SECRET: CLUSTER_SECRET,
};

const host = new CommandHost({ ...Deno.env.toObject(), ...SECRETS });
// Created before any test, so no test leaks it. It ends when its standard input is closed.
host.start();

Deno.test("server on PostgreSQL and S3: clients of both protocols store and fetch, and the operator sees it", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await using database = await createDatabase();
  await using reached = await reachable(database);
  await using s3 = new FakeS3();
  const endpoint = s3.bucketUrl().replace(/\/bucket$/, "");
  const stores = [
    ...["--catalog", reached.url, "--blobs", "s3://bucket/xfer"],
    ...["--s3-endpoint", endpoint, "--s3-region", SIGNER.region],
  ];
  const data = folder.join("data");
  const start = () =>
    ServerProcess.start(data, {
      ...{
        args: ["--listen", "127.0.0.1:0", "--server-name", "elsewhere", ...stores],
        env: SECRETS,
        first: true,
      },
    });
  const operate = async (...args: string[]) => {
    const { code, stdout, stderr } = await host.run(["server", ...args, ...stores], folder.path);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const client = folder.join("client");
  await Deno.mkdir(folder.join("client/dir"), { recursive: true });
  for (const [name, bytes] of Object.entries(FILES)) {
    await folder.write(`client/dir/${name}`, bytes);
  }
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await host.run(["client", ...args], client);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  await using server = await start();
  {
    await using first = await start();
    const { location } = await first.logged("server.listening-securely");
    await folder.write("client/transfer.info", `${location}\nAlice\n`);
    await run("put", "dir");
    await run("rename", "dir/medium", "dir/renamed");
    await run("remove", "dir/empty");
    await writeTransferInfo(folder.path, { port: first.port, userName: "Bob", file: "three" });
    await folder.write("three", FILES["medium"] as Uint8Array);
    const { code, stderr } = await host.run(CLIENT_3, folder.path);
    assert.equal(code, 0, stderr);
    assert.equal((await first.stop()).code, 0);
  }
  // The other server has all of it.
  await folder.write(
    "client/transfer.info",
    `${(await server.logged("server.listening-securely"))["location"]}\nAlice\n`,
  );
  assert.deepEqual((await run("list", "--recursive")).match(/dir\/\S+/g), [
    ...["dir/large", "dir/renamed", "dir/small.txt"],
  ]);
  await run("get", "dir", "--recursive", "-o", "down");
  for (
    const [name, as] of [["large", "large"], ["medium", "renamed"], ["small.txt", "small.txt"]]
  ) {
    assert.ok(
      areEqual(await Deno.readFile(`${client}/down/${as}`), FILES[name as string] as Uint8Array),
      name,
    );
  }
  assert.match(await operate("users", "list"), /Alice[\s\S]*Bob/);
  assert.match(await operate("list", "Bob"), /three/);
  assert.match(await operate("usage"), /Alice/);
  assert.match(await operate("status"), /^elsewhere: running since .*: 0 connections of 0 users$/m);
  assert.equal(await operate("sessions"), "");
  await operate("export", "Alice", "dir/large", folder.join("exported"));
  assert.ok(areEqual(await Deno.readFile(folder.join("exported")), FILES["large"] as Uint8Array));
  await operate("verify");
  assert.match(await operate("invite"), /[A-Z2-7a-z]{26}/);
  await operate("users", "remove", "Bob", "--yes");
  assert.match(await operate("backup", folder.join("copy")), /Backed up \d files/);
  assert.match(await operate("verify", "--part", "2/3"), /No problems found in part 2\/3/);
  await operate("verify", "--repair");
  assert.match(await operate("import", "Alice", folder.join("exported")), /Imported .* for Alice/);
  await assert.rejects(Deno.stat(data), Deno.errors.NotFound);
  const migrate = ["migrate", "--to", folder.join("moved")];
  const refused = await host.run(["server", ...migrate, ...stores], folder.path);
  assert.match(refused.stderr, /\[catalog-in-use\]/);
  assert.equal((await server.stop()).code, 0);
  assert.match(await operate(...migrate), /Copied \d files .* to .*moved/);
  for (const data of ["moved", "restored"]) {
    const args = ["server", "restore", folder.join("copy"), "--data", folder.join("restored")];
    if (data === "restored") assert.equal((await host.run(args, folder.path)).code, 0);
    const { code, stdout } = await host.run(
      ["server", "export", "Alice", "dir/large", folder.join(`of-${data}`), "--data", data],
      folder.path,
    );
    assert.equal(code, 0, stdout);
    assert.ok(
      areEqual(await Deno.readFile(folder.join(`of-${data}`)), FILES["large"] as Uint8Array),
    );
  }
  const shown = JSON.stringify(server.log);
  for (const secret of Object.values(SECRETS)) assert.ok(!shown.includes(secret));
});

Deno.test("server on PostgreSQL with contents in a folder: a second server is refused, and one without the secret too", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await using database = await createDatabase();
  await using reached = await reachable(database);
  const data = folder.join("data");
  const args = ["--catalog", reached.url, "--listen", "127.0.0.1:0"];
  {
    const { code, stderr } = await xfer(["server", ...args, "--data", data]);
    assert.deepEqual([code, /\[cluster-secret-missing\]/.test(stderr)], [3, true], stderr);
  }
  await using _server = await ServerProcess.start(data, { args, env: SECRETS, first: true });
  const { code, stderr } = await xfer(["server", ...args, "--data", data], folder.path, SECRETS);
  assert.deepEqual([code, /\[catalog-in-use\]/.test(stderr)], [3, true], stderr);
});

Deno.test("docs/cluster.md: the commands for moving and backup, run in the order of the page, keep every file", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  await using database = await createDatabase();
  await using reached = await reachable(database);
  await using s3 = new FakeS3();
  const path = folder.join("srv/xfer");
  await Deno.mkdir(folder.join("mnt"));
  await Deno.mkdir(folder.join("srv"));
  const listing = async (dataFolder: string) =>
    (await listStored(dataFolder)).flatMap(({ name: user, files }) =>
      files.map(({ name, version, current, crc }) => [user, name, version, current, crc])
    );
  {
    await using fixture = await Fixture.create({ historyMs: 1e9 }, { dataFolder: path });
    using client = await fixture.client("Alice");
    for (const [name, bytes] of Object.entries(FILES)) {
      await put(client, [{ file: await fixture.source(name, new Uint8Array(bytes)), name }]);
    }
    await client.remove("medium");
  }
  await using store = new CommandHost({
    ...{ ...Deno.env.toObject(), ...SECRETS, AWS_REGION: SIGNER.region },
    AWS_ENDPOINT_URL: s3.bucketUrl().replace(/\/bucket$/, ""),
  });
  const page = await Deno.readTextFile(new URL("../../docs/cluster.md", import.meta.url));
  const lines = fencesIn(page).filter(({ info }) => info === "sh move")
    .flatMap(({ text }) => text.trim().split("\n"));
  assert.equal(lines.length, 5);
  for (const line of lines) {
    const command = line.replace("postgres://xfer@db.example.org/xfer", reached.url)
      .replace("s3://files/", "s3://bucket/")
      .replaceAll(/ (\/(?:srv|mnt)\/)/g, ` ${folder.path}$1`);
    const { code, stderr } = await store.run(command.split(" ").slice(1), folder.path);
    assert.equal(code, 0, `${line}\n${stderr}`);
  }
  const before = await listing(path);
  assert.equal(before.length, Object.keys(FILES).length);
  for (const copy of ["srv/xfer-back", "srv/xfer-restored"]) {
    assert.deepEqual(await listing(folder.join(copy)), before, copy);
    assert.deepEqual(
      await Deno.readFile(folder.join(copy, "tls.pem")),
      await Deno.readFile(`${path}/tls.pem`),
    );
  }
});
