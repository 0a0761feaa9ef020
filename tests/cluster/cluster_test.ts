/**
 * Three servers on PostgreSQL and OpenStack Swift with HAProxy in front, where each connection goes to the next server: real
 * processes. Runs only in `deno task test:cluster`.
 */
import assert from "node:assert/strict";
import { Cluster, CLUSTER_PACKAGES } from "../../scripts/cluster/cluster.ts";
import { canInstall } from "../../scripts/cluster/debian_packages.ts";
import { EDITIONS } from "../../protocol/v3/editions/mod.ts";
import { edition2024early } from "../../protocol/v3/editions/edition_2024early.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { PART_SIZE } from "../../server/blobs/s3/part_sizes.ts";
import { formatResult } from "../conformance/suite/report.ts";
import { serverCases } from "../conformance/suite/server_cases.ts";
import { runServerCase } from "../conformance/suite/server_runner.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { sideBySide } from "../support/concurrently.ts";
import { CommandHost } from "../support/command_host.ts";
import { CLIENT_3, startXfer, writeTransferInfo } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { DIALECTS } from "../support/v3/dialects.ts";
import { Emulator } from "../support/v3/emulated_client.ts";
import { readCluster } from "./cluster_contents.ts";

const SERVERS = 3;
/** The most time for parts to arrive, and between two looks, in milliseconds. */
const ARRIVAL_MS = 120_000;
const LOOK_MS = 200;
/** Cases that run at a time. */
const AT_ONCE = 4;
/** While one server serves, and the next one waits for its lease, a killed one is away for some seconds. */
const PATIENT = ["--accept-new", "--retries", "30"];
/** Behavior that our server avoids on purpose. */
const NOT_OURS = ["checks the version"];

/** Set by the task, since these tests start servers of other projects and may install them. */
const ignore = Deno.env.get("XFER_TEST_CLUSTER") === undefined ||
  !(await canInstall(CLUSTER_PACKAGES));

function test(name: string, fn: (cluster: Cluster) => Promise<void>) {
  Deno.test({
    name: `cluster: ${name}`,
    ignore,
    fn: async () => {
      await using cluster = await Cluster.start({ servers: SERVERS });
      try {
        await fn(cluster);
      } catch (error) {
        throw new Error(`${error}\n${cluster.lastLines(20)}`, { cause: error });
      }
    },
  });
}

test("the published protocol in all editions, and clients with the quirks of published ones", async (cluster) => {
  for (const edition of EDITIONS) {
    const address = edition === edition2024early ? cluster.early : cluster.plain;
    const jobs = serverCases(edition).map((one) => () => runServerCase(address, edition, one));
    for await (const result of sideBySide(jobs, AT_ONCE)) {
      const isExpected = result.grade !== "optional" || !NOT_OURS.includes(result.name);
      assert.equal(result.passed, isExpected, formatResult(result));
    }
  }
  const sent = new Map<string, Map<string, Uint8Array<ArrayBuffer>>>();
  for (const [index, [name, profile]] of Object.entries(DIALECTS).entries()) {
    const address = profile.edition === edition2024early ? cluster.early : cluster.plain;
    const [user, first, second] = [
      `Dialect${index}`,
      pseudoRandomBytes(20_000, index),
      pseudoRandomBytes(7, index),
    ];
    {
      using client = new Emulator(address, profile);
      await client.register(user);
      await client.store("first", first).catch((error) => assert.fail(`${name}: ${error}`));
    }
    using client = new Emulator(address, profile);
    await client.register(`${user}b`);
    await client.store("second", second);
    sent.set(user, new Map([["first", first]]));
    sent.set(`${user}b`, new Map([["second", second]]));
  }
  const stored = await readCluster(cluster);
  for (const [user, files] of sent) assert.deepEqual(stored.get(user), files, user);
});

test("commands over both protocols, each connection to the next server, one of which is killed now and then", async (cluster) => {
  await using folder = await TemporaryFolder.createOnDisk();
  await using host = new CommandHost(Deno.env.toObject());
  const client = folder.join("client");
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await host.run(["client", ...PATIENT, ...args], client);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const files = {
    "small.txt": pseudoRandomBytes(1000, 1),
    "empty": new Uint8Array(0),
    "large": pseudoRandomBytes(9 * CHUNK_SIZE + 5, 3),
  };
  await Deno.mkdir(folder.join("client/dir"), { recursive: true });
  for (const [name, bytes] of Object.entries(files)) {
    await folder.write(`client/dir/${name}`, bytes);
  }
  await writeTransferInfo(client, { port: cluster.plain.port });
  await run("put", "dir");
  for (const node of cluster.nodes) {
    node.signal("SIGKILL");
    await run("rename", "dir/large", "dir/renamed");
    await run("rename", "dir/renamed", "dir/large");
    await run("remove", "dir/small.txt");
    await run("restore", "dir/small.txt");
    await folder.write("client/dir/empty", "");
    await run("put", "dir", "--parallel", "4");
    await run("stat", "dir/large");
  }
  assert.deepEqual((await run("list", "--recursive")).match(/dir\/\S+/g), [
    ...["dir/empty", "dir/large", "dir/small.txt"],
  ]);
  await run("get", "dir", "--recursive", "-o", "down", "--parallel", "4");
  for (const [name, bytes] of Object.entries(files)) {
    assert.deepEqual(await Deno.readFile(`${client}/down/${name}`), bytes, name);
  }
  await writeTransferInfo(folder.path, {
    ...{ port: cluster.plain.port, userName: "Bob", file: "three" },
  });
  await folder.write("three", files.large);
  const { code, stderr } = await host.run(CLIENT_3, folder.path);
  assert.equal(code, 0, stderr);
  const stored = await readCluster(cluster);
  assert.deepEqual(stored.get("Bob"), new Map([["three", files.large]]));
  assert.deepEqual([...stored.get("Alice")?.keys() ?? []].sort(), [
    ...["dir/empty", "dir/large", "dir/small.txt"],
  ]);
});

test("an upload whose servers are killed one after another resumes at the others, and ends by itself", async (cluster) => {
  await using folder = await TemporaryFolder.createOnDisk();
  const client = folder.join("client");
  await Deno.mkdir(client, { mode: 0o700 });
  const content = pseudoRandomBytes(10 * PART_SIZE + 1, 1);
  await folder.write("client/large", content);
  await writeTransferInfo(client, { port: cluster.plain.port });
  const args = ["client", ...PATIENT, "put", "large", "--limit-rate", "8MiB"];
  await using put = startXfer(args, client);
  for (const [index, node] of cluster.nodes.entries()) {
    await arrived(cluster, (index + 1) * 2 * PART_SIZE);
    node.signal("SIGKILL");
    await cluster.isServing();
  }
  const { code, stdout, stderr } = await put.end();
  assert.equal(code, 0, stderr);
  assert.match(stdout + stderr, /Resuming large at/);
  assert.deepEqual((await readCluster(cluster)).get("Alice"), new Map([["large", content]]));
});

/** Resolves when uploads in the bucket have this many bytes. */
async function arrived(cluster: Cluster, bytes: number): Promise<void> {
  await using store = await cluster.openStores();
  const end = performance.now() + ARRIVAL_MS;
  for (;;) {
    let sum = 0;
    await store.blobs.sweepUploads(async (id) => {
      sum += (await store.blobs.stat(id))?.size ?? 0;
      return true;
    });
    if (sum >= bytes) return;
    if (performance.now() > end) assert.fail(`${sum} of ${bytes} bytes have arrived`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
