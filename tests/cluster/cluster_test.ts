/**
 * Several servers on PostgreSQL and OpenStack Swift with HAProxy in front, where each connection goes to the next server:
 * real processes. Runs only in `deno task test:cluster`.
 */
import assert from "node:assert/strict";
import { Cluster } from "../../scripts/cluster/cluster.ts";
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
import { OBSERVED_PROFILES } from "../support/v3/observed_profiles.ts";
import { Emulator } from "../support/v3/emulated_client.ts";
import { readCluster } from "./cluster_contents.ts";
import { clusterRun } from "./cluster_run.ts";

/** The most time for parts to arrive, and between two looks, in milliseconds. */
const ARRIVAL_MS = 120_000;
const LOOK_MS = 200;
/** Cases that run at a time. */
const AT_ONCE = 4;
/** The parts of a large upload: servers record how far it is every 64 MiB. */
const PARTS = 20;
/** Behavior that our server avoids on purpose. */
const NOT_OURS = ["checks the version"];

const run = clusterRun();

Deno.test({
  name: "cluster: real clients and servers, with HAProxy in between",
  ignore: run === undefined,
  fn: async (t) => {
    await using cluster = await Cluster.start({
      servers: run?.servers ?? 0,
      args: ["--history", "1h"],
    });
    for (const [name, fn] of Object.entries(STEPS)) {
      await t.step(name, async () => {
        try {
          await fn(cluster);
        } catch (error) {
          throw new Error(`${error}\n${cluster.lastLines(20)}`, { cause: error });
        }
      });
    }
  },
});

/** By what they show. */
const STEPS: Readonly<Record<string, (cluster: Cluster) => Promise<void>>> = {
  "the published protocol in all editions": conformance,
  "clients with the quirks of published ones": profiles,
  "commands over both protocols, while servers are killed": commands,
  "an upload whose servers are killed one after another ends by itself": longUpload,
};

async function conformance(cluster: Cluster): Promise<void> {
  for (const edition of EDITIONS) {
    const address = edition === edition2024early ? cluster.early : cluster.plain;
    const jobs = serverCases(edition).map((one) => () => runServerCase(address, edition, one));
    for await (const result of sideBySide(jobs, AT_ONCE)) {
      const isExpected = result.grade !== "optional" || !NOT_OURS.includes(result.name);
      assert.equal(result.passed, isExpected, formatResult(result));
    }
  }
}

async function profiles(cluster: Cluster): Promise<void> {
  const sent = new Map<string, Map<string, Uint8Array<ArrayBuffer>>>();
  for (const [index, [name, profile]] of Object.entries(OBSERVED_PROFILES).entries()) {
    const address = profile.edition === edition2024early ? cluster.early : cluster.plain;
    const [user, first, second] = [
      `Profile${index}`,
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
}

async function commands(cluster: Cluster): Promise<void> {
  await using folder = await TemporaryFolder.createOnDisk();
  await using host = new CommandHost(Deno.env.toObject());
  const runIn = async (place: string, ...args: string[]) => {
    const all = ["client", "--accept-new", ...args];
    const { code, stdout, stderr } = await host.run(all, folder.join(place));
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  const run = (...args: string[]) => runIn("alice", ...args);
  const files = {
    "small.txt": pseudoRandomBytes(1000, 1),
    "empty": new Uint8Array(0),
    "large": pseudoRandomBytes(9 * CHUNK_SIZE + 5, 3),
  };
  await Deno.mkdir(folder.join("alice/dir"), { recursive: true });
  await Deno.mkdir(folder.join("laptop"));
  for (const [name, bytes] of Object.entries(files)) {
    await folder.write(`alice/dir/${name}`, bytes);
  }
  for (const place of ["alice", "laptop"]) {
    await writeTransferInfo(folder.join(place), { port: cluster.plain.port });
  }
  await run("put", "dir");
  await runIn("laptop", "link", (await run("link")).trim());
  for (const node of cluster.nodes) {
    node.signal("SIGKILL");
    await run("rename", "dir/large", "dir/renamed");
    await runIn("laptop", "rename", "dir/renamed", "dir/large");
    await runIn("laptop", "remove", "dir/small.txt");
    await run("restore", "dir/small.txt");
    await folder.write("alice/dir/new", node.name);
    await run("put", "dir", "--parallel", "4");
    assert.match(await runIn("laptop", "stat", "dir/large"), /dir\/large/);
  }
  assert.equal(
    (await run("versions", "dir/new")).match(/version \d+/g)?.length,
    cluster.nodes.length,
  );
  await Deno.remove(folder.join("alice/dir/new"));
  await run("put", "dir", "--delete", "--yes");
  assert.deepEqual((await run("list", "--recursive")).match(/dir\/\S+/g), [
    ...["dir/empty", "dir/large", "dir/small.txt"],
  ]);
  await runIn("laptop", "get", "dir", "--recursive", "-o", "down", "--parallel", "4");
  for (const [name, bytes] of Object.entries(files)) {
    assert.deepEqual(await Deno.readFile(folder.join("laptop/down", name)), bytes, name);
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
}

async function longUpload(cluster: Cluster): Promise<void> {
  await using folder = await TemporaryFolder.createOnDisk();
  const client = folder.join("client");
  await Deno.mkdir(client, { mode: 0o700 });
  const content = pseudoRandomBytes(PARTS * PART_SIZE + 1, 1);
  await folder.write("client/large", content);
  await writeTransferInfo(client, { port: cluster.plain.port, userName: "Carol" });
  const args = ["client", "--accept-new", "put", "large", "--limit-rate", "16MiB"];
  await using put = startXfer(args, client);
  for (const [index, node] of cluster.nodes.entries()) {
    // After the first checkpoint, and well before the end, which would come between two looks.
    await arrived(cluster, (0.5 + 0.15 * index) * PARTS * PART_SIZE);
    node.signal("SIGKILL");
    await cluster.isServing();
  }
  const { code, stdout, stderr } = await put.end();
  assert.equal(code, 0, stderr);
  assert.match(stdout + stderr, /Resuming large at/);
  assert.deepEqual((await readCluster(cluster)).get("Carol"), new Map([["large", content]]));
}

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
