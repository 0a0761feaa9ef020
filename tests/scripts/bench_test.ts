/** The reports of `deno task bench`. Measuring itself takes minutes and needs other programs. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { thenSync } from "../../scripts/bench/contender.ts";
import { Distance } from "../../scripts/bench/distance.ts";
import { quantile } from "../../scripts/bench/figures.ts";
import { sameContent, writeFiles, writeRandom } from "../../scripts/bench/files.ts";
import { run } from "../../scripts/bench/processes.ts";
import { toMarkdown } from "../../scripts/bench/report.ts";
import { type Results, resumeResults, saveResults } from "../../scripts/bench/results.ts";
import { isMet, reached } from "../../scripts/bench/targets.ts";
import type { Cost, Transfer } from "../../scripts/bench/transfers.ts";
import { prepareXfer } from "../../scripts/bench/xfer.ts";
import {
  AGAIN_MILLION,
  GET_GIB,
  PUT_FOLDER,
  PUT_GIB,
  scaled,
  WORKS,
} from "../../scripts/bench/works.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";

const RUN: Results = {
  ...{ machine: "2 processors", runs: 3, scale: 1, when: "2026-01-02T03:04:05.000Z", parts: [] },
};

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
        took("scp, then sync", 5),
      ],
    },
    { work: GET_GIB, transfers: [took("xfer, protocol 4", 2), took("scp", 4)] },
    {
      work: PUT_FOLDER,
      transfers: [
        ...[took("xfer, protocol 4", 4, 200 * 2 ** 20), took("rsync -a over ssh", 2)],
        took("rsync -a --fsync over ssh", 16),
      ],
    },
  ];
  assert.deepEqual(judge({ works }), {
    "10,000 files of 4 KiB uploaded: as fast as rsync -a over ssh": "0.5 missed",
    "10,000 files of 4 KiB uploaded: as fast as rsync -a --fsync over ssh": "4 met",
    "1 GiB uploaded: as fast as scp, then sync": "2.5 met",
    "1 GiB uploaded: as fast as scp, aes128-gcm, then sync": undefined,
    "1 GiB uploaded: as fast as curl to nginx, TLS, then sync": undefined,
    "1 GiB uploaded: as fast as scp": "1.95 met",
    "1 GiB uploaded: as fast as scp, aes128-gcm": undefined,
    "1 GiB downloaded: as fast as scp": "2 met",
    "1 GiB downloaded: as fast as scp, aes128-gcm": undefined,
    "protocol 3, 1 GiB uploaded: as fast as scp": "0.975 missed",
    "protocol 3, 1 GiB uploaded: as fast as scp, aes128-gcm": undefined,
    "memory of one end, MiB": "200 missed",
  });
});

Deno.test("bench: finishing an upload is a share of a whole upload, and its memory counts", () => {
  const resume = {
    ...{ size: 2 ** 30, whole: cost(2), newProcess: cost(0.5), sameProcess: cost(0.6, 2 ** 20) },
  };
  assert.deepEqual(judge({ resume, works: [] }), {
    "interrupted at 90 %: finished by a new process, share of a whole upload": "0.25 met",
    "interrupted at 90 %: finished by the same process, share of a whole upload": "0.3 missed",
    "memory of one end, MiB": "1 met",
  });
  assert.deepEqual(judge({}), {});
});

Deno.test("bench: a watched server is compared with one alone", () => {
  const costs = [["alone", 2], ["watched", 2.04], ["hooked", 3]] as const;
  const operating = {
    ...{ clients: 50, files: 100, rounds: 3 },
    costs: costs.map(([what, seconds]) => ({ what, seconds, serverCpu: 1 })),
  };
  assert.deepEqual(judge({ operating }), {
    "50 clients, the operator's page open and metrics read each second: time": "1.02 met",
  });
  const rows = toMarkdown({ ...RUN, operating }).split("\n")
    .map((line) => line.replaceAll(/ +/g, " "));
  assert.ok(rows.includes("| watched | 2.0 | 1.02 × | 1.0 |"), rows.join("\n"));
});

Deno.test("bench: a huge folder has a bound of its own for memory", () => {
  const works = [
    { work: AGAIN_MILLION, transfers: [took("xfer, protocol 4", 9, 180 * 2 ** 20)] },
    { work: PUT_FOLDER, transfers: [took("xfer, protocol 4", 9, 90 * 2 ** 20)] },
  ];
  const { ...memory } = judge({ works });
  assert.equal(memory["memory of one end, MiB"], "90 met");
  assert.equal(memory["memory of one end, 1,000,000 unchanged files, MiB"], "180 met");
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
      "| one file of 1 GiB, uploaded | 2.0 | | 4.0 | | |",
      "### One file of 1 GiB, uploaded",
      "| xfer, protocol 4 | 2.0 | 537 | 1.00 × | 1.0 | 2.0 | 64 | 64 |",
      "| scp | 4.0 | 268 | 2.00 × | 1.0 | 2.0 | 0 | 0 |",
      "| curl to nginx, TLS | not installed: nginx | | | | | | |",
      "### A folder of 10,000 files of 4 KiB",
      "| xfer, protocol 4 | 2.5 | 4,000 | 1.00 × | 1.0 | 2.0 | 0 | 0 | 300 |",
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

Deno.test("bench: many files are spread over folders", async () => {
  await using folder = await TemporaryFolder.create();
  const paths = await writeFiles(folder.join("many"), 10_001, 1);
  assert.equal(new Set(paths).size, 10_001);
  const folders = [...Deno.readDirSync(folder.join("many"))].map(({ name }) => name);
  assert.deepEqual(folders.sort(), ["0", "1"]);
});

Deno.test("bench: a relay delays both directions, and passes every byte and both ends on", async () => {
  const delay = 20;
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    using socket = await listener.accept();
    let size = 0;
    const buffer = new Uint8Array(65_536);
    for (let read = await socket.read(buffer); read !== null; read = await socket.read(buffer)) {
      size += read;
    }
    await socket.write(new TextEncoder().encode(`${size}`));
  })();
  await using distance = Distance.of(2 * delay, 1);
  await distance.lead([listener.addr.port]);
  const begin = performance.now();
  using socket = await Deno.connect({ hostname: "127.0.0.1", port: distance.ports[0] as number });
  const bytes = new Uint8Array(1_000_000);
  for (let done = 0; done < bytes.length;) done += await socket.write(bytes.subarray(done));
  await socket.closeWrite();
  const answer = await new Response(socket.readable).text();
  assert.equal(answer, "1000000");
  // To open the connection, and for the question and its answer.
  assert.ok(performance.now() - begin >= 4 * delay);
  await serving;
  listener.close();
});

Deno.test("bench: a contender with a sync fails if it has not made a file", async () => {
  await using folder = await TemporaryFolder.createOnDisk();
  const ready = await thenSync({
    needs: [],
    prepare: () =>
      Promise.resolve({
        ...{ serverPid: undefined, cwd: folder.path },
        put: (paths: readonly string[]) => ["touch", ...paths],
        get: (_: string, target: string) => ["true", target],
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  }).prepare(folder.path, {});
  await run(ready.put([folder.join("made")]));
  assert.ok(Deno.statSync(folder.join("made")).isFile);
  await assert.rejects(run(ready.get?.("x", folder.join("missing")) ?? []), { name: "Error" });
});

Deno.test("bench: saved results are continued; those of another kind of run are refused", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("results.json");
  assert.deepEqual(await resumeResults(path, RUN), RUN);
  const saved = { ...RUN, parts: ["put"], works: [] };
  await saveResults(path, saved);
  assert.deepEqual(await resumeResults(path, { ...RUN, when: "now" }), saved);
  await assert.rejects(resumeResults(path, { ...RUN, runs: 5 }), /another runs: 3, now 5/);
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
      assert.ok(sameContent(path, await ready.find?.(basename(path)) ?? ""), path);
    }
  },
});
