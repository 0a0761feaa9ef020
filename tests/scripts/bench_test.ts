/** The reports of `deno task bench`. Measuring itself takes minutes and needs other programs. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { quantile } from "../../scripts/bench/figures.ts";
import { sameContent, writeFiles, writeRandom } from "../../scripts/bench/files.ts";
import { run } from "../../scripts/bench/processes.ts";
import { toMarkdown } from "../../scripts/bench/report.ts";
import type { Results } from "../../scripts/bench/results.ts";
import { isMet, reached } from "../../scripts/bench/targets.ts";
import type { Cost, Transfer } from "../../scripts/bench/transfers.ts";
import { prepareXfer } from "../../scripts/bench/xfer.ts";
import { GET_GIB, PUT_FOLDER, PUT_GIB, scaled, WORKS } from "../../scripts/bench/works.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

const RUN = { machine: "2 processors", runs: 3, scale: 1, when: "2026-01-02T03:04:05.000Z" };

function cost(seconds: number, peak = 0): Cost {
  return { seconds, clientCpu: 1, serverCpu: 2, clientPeak: peak, serverPeak: peak };
}

function took(contender: Transfer["contender"], seconds: number, peak = 0): Transfer {
  return { contender, ...cost(seconds, peak) };
}

/** The targets that a run has measured. */
function judge(results: Partial<Results>): Record<string, number | string | undefined> {
  return Object.fromEntries(
    reached({ ...RUN, ...results }).map((target) => [
      target.what,
      target.value === undefined
        ? undefined
        : `${target.value} ${isMet(target) ? "met" : "missed"}`,
    ]),
  );
}

Deno.test("bench: targets are ratios of times within a run; a missing contender gives no value", () => {
  const works = [
    {
      work: PUT_GIB,
      transfers: [
        ...[took("xfer, protocol 4", 2, 100 * 2 ** 20), took("xfer, protocol 3", 4)],
        ...[took("scp", 3.9), { ...took("scp, aes128-gcm", 0), absent: ["sshd"] }],
      ],
    },
    { work: GET_GIB, transfers: [took("xfer, protocol 4", 2), took("scp", 4)] },
    {
      work: PUT_FOLDER,
      transfers: [
        ...[took("xfer, protocol 4", 4, 200 * 2 ** 20), took("rsync -a over ssh", 2)],
        took("rsync -a --fsync over ssh", 5),
      ],
    },
  ];
  assert.deepEqual(judge({ works }), {
    "protocol 4, 1 GiB uploaded: as fast as scp": "1.95 missed",
    "protocol 4, 1 GiB uploaded: as fast as scp, aes128-gcm": undefined,
    "protocol 4, 1 GiB downloaded: as fast as scp": "2 met",
    "protocol 4, 1 GiB downloaded: as fast as scp, aes128-gcm": undefined,
    "protocol 4, 10,000 files: as fast as rsync -a --fsync over ssh": "1.25 missed",
    "protocol 4, 10,000 files: as fast as rsync -a over ssh": "0.5 met",
    "protocol 3, 1 GiB uploaded: as fast as scp": "0.975 missed",
    "protocol 3, 1 GiB uploaded: as fast as scp, aes128-gcm": undefined,
    "memory of one end, MiB": "200 missed",
  });
});

Deno.test("bench: finishing an upload is a share of a whole upload, and its memory counts", () => {
  const resume = {
    ...{ size: 2 ** 30, whole: cost(2), newProcess: cost(1), sameProcess: cost(0.6, 2 ** 20) },
  };
  assert.deepEqual(judge({ resume, works: [] }), {
    "protocol 4, 1 GiB uploaded: as fast as scp": undefined,
    "protocol 4, 1 GiB uploaded: as fast as scp, aes128-gcm": undefined,
    "protocol 4, 1 GiB downloaded: as fast as scp": undefined,
    "protocol 4, 1 GiB downloaded: as fast as scp, aes128-gcm": undefined,
    "protocol 4, 10,000 files: as fast as rsync -a --fsync over ssh": undefined,
    "protocol 4, 10,000 files: as fast as rsync -a over ssh": undefined,
    "protocol 4, interrupted at 90 %: finished by a new process, share of a whole upload":
      "0.5 met",
    "protocol 4, interrupted at 90 %: finished by the same process, share of a whole upload":
      "0.3 missed",
    "protocol 3, 1 GiB uploaded: as fast as scp": undefined,
    "protocol 3, 1 GiB uploaded: as fast as scp, aes128-gcm": undefined,
    "memory of one end, MiB": "1 met",
  });
  assert.deepEqual(judge({}), {});
});

Deno.test("bench: the report has each transfer, and the missing requirements of a contender", () => {
  const transfers = [
    ...[took("xfer, protocol 4", 2, 64 * 2 ** 20), took("scp", 4)],
    { ...took("curl to nginx, TLS", 0), absent: ["nginx"] },
  ];
  const folder = [took("xfer, protocol 4", 2.5)];
  const text = toMarkdown({
    ...RUN,
    works: [{ work: PUT_GIB, transfers }, { work: PUT_FOLDER, transfers: folder }],
  });
  const rows = text.split("\n").map((line) => line.replaceAll(/ +/g, " "));
  for (
    const row of [
      "Run on 2026-01-02: 2 processors. Medians of 3.",
      "### One file of 1 GiB, uploaded",
      "| xfer, protocol 4 | 2.0 | 537 | 1.00 × | 1.0 | 2.0 | 64 | 64 |",
      "| scp | 4.0 | 268 | 2.00 × | 1.0 | 2.0 | 0 | 0 |",
      "| curl to nginx, TLS | not installed: nginx | | | | | | |",
      "### A folder of 10,000 files of 4 KiB",
      "| xfer, protocol 4 | 2.5 | 4,000 | 1.00 × | 1.0 | 2.0 | 0 | 0 |",
    ]
  ) assert.ok(rows.includes(row), `${row}\nis not in\n${text}`);
});

Deno.test("bench: --scale reduces the size of large files and the number of small ones", () => {
  for (const work of Object.values(WORKS)) assert.deepEqual(scaled(work, 1), work);
  assert.equal(scaled(PUT_GIB, 64).size, 2 ** 24);
  assert.deepEqual(scaled(PUT_FOLDER, 100), { ...PUT_FOLDER, files: 100 });
});

Deno.test("bench: a copy must have the same bytes and the same length", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const size = 2 ** 20 + 100_000;
  const [original = ""] = await writeFiles(folder.join("source"), 1, size);
  const bytes = await Deno.readFile(original);
  const copies = { same: bytes, shorter: bytes.subarray(1), longer: new Uint8Array(size + 1) };
  copies.longer.set(bytes);
  assert.equal(bytes.length, size);
  for (const [name, copy] of Object.entries(copies)) {
    assert.equal(sameContent(original, await folder.write(name, copy)), name === "same", name);
  }
  for (const place of [0, 2 ** 20 - 1, 2 ** 20, size - 1]) {
    const changed = bytes.slice();
    changed[place] = (changed[place] ?? 0) ^ 1;
    assert.equal(sameContent(original, await folder.write("changed", changed)), false, `${place}`);
  }
});

Deno.test("bench: quantiles are between the neighboring values", () => {
  assert.equal(quantile([], 0.5), 0);
  assert.equal(quantile([3, 1, 2], 0.5), 2);
  assert.equal(quantile([4, 1, 2, 3], 0.5), 2.5);
  assert.equal(quantile([1, 2], 1), 2);
});

Deno.test({
  name: "bench: stored content is found and compared, in a file or in the catalog",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await TemporaryFolder.createOnDisk();
    const paths = await writeFiles(folder.join("files"), 2, 100);
    const large = folder.join("large.bin");
    await writeRandom(large, 100_000);
    await using ready = await prepareXfer(folder.path, 4);
    await run(ready.put([...paths, large]), ready.cwd);
    for (const path of [...paths, large]) {
      assert.ok(sameContent(path, await ready.find(basename(path))), path);
    }
  },
});
