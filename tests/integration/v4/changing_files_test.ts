/** Files whose size or content changes while they are sent: they are not stored, and all others are. */
import assert from "node:assert/strict";
import { putAll } from "../../support/v4/put_all.ts";
import type { ConnectOptions } from "../../../client/v4/connect_options.ts";
import type { TransferOptions } from "../../../client/v4/connection_pool.ts";
import { MAX_PACKED_SIZE, PackWriter } from "../../../protocol/v4/pack.ts";
import { PARALLEL_SIZE } from "../../../client/v4/parallel_put.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { nameOf } from "../../support/outcomes.ts";
import { Fixture, splitOptions } from "../../support/v4/fixture.ts";

const MIB = 1024 * 1024;
const onLinux = Deno.build.os === "linux";

/** Uploads paths. Returns the outcome of each, by its file name, and the server's list afterwards. */
async function put(
  fixture: Fixture,
  paths: readonly string[],
  changes: Partial<ConnectOptions & TransferOptions> = {},
) {
  const outcomes = new Map<string, string>();
  const options = await fixture.options("Alice");
  await putAll({
    ...splitOptions({ ...options, retries: 0, ...changes }),
    paths,
    onOutcome: (outcome) => {
      if ("kind" in outcome && outcome.kind === "folder") return;
      outcomes.set(nameOf(outcome), "error" in outcome ? outcome.error.code : outcome.state);
    },
  });
  const stored: string[] = [];
  using client = await fixture.client("Alice");
  await client.list("", ({ name, size, entry }) => {
    if (entry === "file") stored.push(`${name} ${size}`);
  });
  return { outcomes: Object.fromEntries(outcomes), stored };
}

for (const parallel of [1, 4]) {
  Deno.test({
    name:
      `put: a file with more bytes than its reported size is refused, and no prefix of it is stored, over ${parallel}`,
    ignore: !onLinux,
    fn: async () => {
      await using fixture = await Fixture.create();
      const [a, b] = [await fixture.folder.write("a", "1"), await fixture.folder.write("b", "2")];
      const { size } = await Deno.stat("/proc/cpuinfo");
      assert.equal(size, 0, "its reported size is wrong");
      const { outcomes, stored } = await put(fixture, [a, "/proc/cpuinfo", b], { parallel });
      assert.deepEqual(outcomes, { a: "stored", cpuinfo: "file-changed", b: "stored" });
      assert.deepEqual(stored, ["a 1", "b 1"]);
    },
  });
}

Deno.test({
  name: "put: a file with fewer bytes than its reported size is refused",
  ignore: !onLinux,
  fn: async () => {
    await using fixture = await Fixture.create();
    const { size } = await Deno.stat("/sys/kernel/mm/transparent_hugepage/enabled");
    assert.equal(size, 4096);
    const { outcomes, stored } = await put(fixture, [
      "/sys/kernel/mm/transparent_hugepage/enabled",
    ]);
    assert.deepEqual([outcomes, stored], [{ enabled: "file-changed" }, []]);
  },
});

Deno.test({
  name: "put: a file that reports a wrong size is not unchanged because an empty one is stored",
  ignore: !onLinux,
  fn: async () => {
    await using fixture = await Fixture.create();
    const { outcomes: before } = await put(fixture, [await fixture.folder.write("cpuinfo", "")]);
    assert.deepEqual(before, { cpuinfo: "stored" });
    const { outcomes } = await put(fixture, ["/proc/cpuinfo"]);
    assert.deepEqual(outcomes, { cpuinfo: "file-changed" });
  },
});

Deno.test({
  name: "put: in a folder whose files report wrong sizes, nothing is stored and each file is named",
  ignore: !onLinux,
  fn: async () => {
    await using fixture = await Fixture.create();
    const { outcomes, stored } = await put(fixture, ["/proc/sys/kernel/random"]);
    assert.equal(outcomes["boot_id"], "file-changed");
    assert.equal(outcomes["uuid"], "file-changed");
    assert.deepEqual(stored, []);
  },
});

const CHANGES: readonly [what: string, code: string, change: (path: string) => void][] = [
  [
    "grows",
    "file-changed",
    (path) => Deno.writeFileSync(path, new Uint8Array(10), { append: true }),
  ],
  ["shrinks", "file-changed", (path) => Deno.truncateSync(path, 3)],
  ["vanishes", "cannot-read", (path) => Deno.removeSync(path)],
];
const SIZES: readonly [what: string, size: number, parallel: number][] = [
  ["a small file", 1000, 1],
  ["a file of several chunks", 3 * MIB, 1],
  ["a file that can be resumed", 6 * MIB, 1],
  ["a file sent over several connections", PARALLEL_SIZE, 4],
];
for (const [what, size, parallel] of SIZES) {
  for (const [changes, code, change] of CHANGES) {
    Deno.test(`put: ${what} that ${changes} while it is read is not stored, and the other files of its folder are`, async () => {
      await using fixture = await Fixture.create();
      await Deno.mkdir(fixture.folder.join("d"));
      for (const name of ["d/a", "d/c"]) await fixture.folder.write(name, name);
      const path = await fixture.folder.write("d/b", pseudoRandomBytes(size));
      // Small files are read at once, after they were inspected.
      using _changed = size > MAX_PACKED_SIZE
        ? undefined
        : beforeReading("d/b", () => change(path));
      const { outcomes, stored } = await put(fixture, [fixture.folder.join("d")], {
        parallel,
        onEvent: (event) => {
          // A file sent over several connections is checked once more before it starts.
          const isBegun = event.type === "sending" && event.file.path === path;
          if (size <= MAX_PACKED_SIZE) return;
          if (size < PARALLEL_SIZE ? event.type === "planned" : isBegun) change(path);
        },
      });
      assert.deepEqual(outcomes, { a: "stored", b: code, c: "stored" });
      assert.deepEqual(stored, ["d/a 3", "d/c 3"]);
      // The server deletes what it received after the client has left.
      await fixture.server.close();
      assert.deepEqual(fixture.blobs("staging"), []);
    });
  }
}

/** Changes a file just before it is read into a pack for the first time. */
function beforeReading(name: string, change: () => void): Disposable {
  const { begin } = PackWriter.prototype;
  PackWriter.prototype.begin = function (begun, maxSize) {
    if (begun === name) {
      PackWriter.prototype.begin = begin;
      change();
    }
    return begin.call(this, begun, maxSize);
  };
  return { [Symbol.dispose]: () => PackWriter.prototype.begin = begin };
}
