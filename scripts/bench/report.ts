/** Results as tables, and in docs/performance.md between two marks. */
import type { Alone } from "./alone.ts";
import type { Crowd } from "./crowds.ts";
import { mebibytes, megabytes, ratio, seconds, table } from "./figures.ts";
import type { Transfer, WorkResult } from "./transfers.ts";

export interface Results {
  readonly machine: string;
  readonly runs: number;
  readonly when: string;
  alone?: Alone;
  works?: WorkResult[];
  crowds?: Crowd[];
  registrations?: Crowd;
  sizes?: WorkResult[];
  scaled?: Crowd[];
}

const DOCUMENT = new URL("../../docs/performance.md", import.meta.url);
const BEGIN = "<!-- results: written by deno task bench -->";
const END = "<!-- end of results -->";

export async function writeReport(results: Results): Promise<void> {
  const text = await Deno.readTextFile(DOCUMENT);
  const [before] = text.split(BEGIN);
  const [, after] = text.split(END);
  const report = [`${before}${BEGIN}`, "", toMarkdown(results), "", `${END}${after}`];
  await Deno.writeTextFile(DOCUMENT, report.join("\n"));
}

export function toMarkdown(results: Results): string {
  const { machine, runs, when } = results;
  return [
    `Run on ${when.slice(0, 10)}: ${machine}. Medians of ${runs}.`,
    ...targets(results),
    ...(results.works ?? []).flatMap(workTable),
    ...crowdTables(results),
    ...aloneTable(results),
    ...scaling(results),
  ].join("\n\n");
}

/** What was aimed at, as ratios within this run. */
function targets({ alone, works, crowds, registrations, scaled, sizes }: Results): string[] {
  const rows: [what: string, target: number, value: number | undefined, atMost?: true][] = [];
  const big = works?.[0]?.transfers;
  const [ours, ours4, scp, gcm] = [
    ...["xfer, protocol 3", "xfer, protocol 4", "scp", "scp, aes128-gcm"],
  ]
    .map((name) => big?.find(({ contender, absent }) => contender === name && !absent)?.seconds);
  const over = (a: number | undefined, b: number | undefined) => a && b ? a / b : undefined;
  if (works !== undefined) {
    rows.push(["1 GiB: as fast as scp", 1.3, over(scp, ours)]);
    rows.push(["1 GiB: as fast as scp with aes128-gcm", 1, over(gcm, ours)]);
  }
  if (works !== undefined) {
    rows.push(["protocol 4, 1 GiB: as fast as scp", 2, over(scp, ours4)]);
    rows.push(["protocol 4, 1 GiB: as fast as scp with aes128-gcm", 1.2, over(gcm, ours4)]);
  }
  if (alone !== undefined) {
    rows.push(["checksum: as fast as GNU cksum", 1.5, over(alone.crc, alone.cksum)]);
    rows.push(["to a sink: as fast as the cipher alone", 0.85, over(alone.sink, alone.cipher)]);
    const whole = ours === undefined ? undefined : 2 ** 30 / ours;
    rows.push(["1 GiB, durable: as fast as the cipher alone", 0.6, over(whole, alone.cipher)]);
    rows.push([
      "--version: as long as a program that loads commander",
      ...[1.5, over(alone.version, alone.commander), true] as const,
    ]);
  }
  const [one, many] = [crowds?.[0], crowds?.at(-1)];
  const rate = (crowd: Crowd | undefined) => crowd && crowd.clients * crowd.size / crowd.seconds;
  if (crowds !== undefined) {
    rows.push(["64 clients: as fast in all as one", 0.9, over(rate(many), rate(one))]);
    rows.push([
      "64 clients: the slowest as fast as the median",
      0.5,
      over(many?.median, many?.slowest),
    ]);
  }
  if (registrations !== undefined) {
    rows.push(["registrations a second", 300, registrations.clients / registrations.seconds]);
  }
  const peaks = [...works ?? [], ...sizes ?? []].flatMap(({ transfers }) => transfers)
    .filter(({ contender }) => contender.startsWith("xfer"))
    .flatMap(({ clientPeak, serverPeak }) => [clientPeak, serverPeak]);
  if (peaks.length > 0) {
    rows.push(["memory of an end, MiB", 160, Math.max(...peaks) / 2 ** 20, true]);
  }
  const crowded = [...crowds ?? [], ...scaled ?? []].filter(({ clients }) => clients <= 64);
  if (crowded.length > 0) {
    const peak = Math.max(...crowded.map(({ serverPeak }) => serverPeak)) / 2 ** 20;
    rows.push(["memory of the server with 64 uploads, MiB", 300, peak, true]);
  }
  if (rows.length === 0) return [];
  return [
    "### Targets",
    table(
      ["what", "target", "reached", ""],
      rows.map(([what, target, value, atMost]) => [
        what,
        `${atMost ? "≤" : "≥"} ${target}`,
        value === undefined ? "not measured" : value.toFixed(value < 10 ? 2 : 0),
        value === undefined ? "" : (atMost ? value <= target : value >= target) ? "met" : "missed",
      ]),
    ),
  ];
}

function workTable({ work, transfers }: WorkResult): string[] {
  const ours = transfers[0]?.seconds ?? 0;
  const many = work.files > 100;
  const bytes = work.files * work.size;
  const rate = ({ seconds }: Transfer) =>
    many ? Math.round(work.files / seconds).toLocaleString("en") : megabytes(bytes / seconds);
  return [
    `### ${work.name[0]?.toUpperCase()}${work.name.slice(1)}`,
    table(
      [
        ...["", "seconds", many ? "files/s" : "MB/s", "its time / ours"],
        ...["CPU s, sender", "CPU s, server", "MiB, sender", "MiB, server"],
      ],
      transfers.map((transfer) =>
        transfer.absent === undefined
          ? [
            ...[transfer.contender, seconds(transfer.seconds), rate(transfer)],
            ...[ratio(transfer.seconds / ours), seconds(transfer.clientCpu)],
            ...[seconds(transfer.serverCpu), mebibytes(transfer.clientPeak)],
            mebibytes(transfer.serverPeak),
          ]
          : [transfer.contender, `not installed: ${transfer.absent.join(", ")}`]
      ),
    ),
  ];
}

function crowdTables({ crowds, registrations }: Results): string[] {
  if (crowds === undefined) return [];
  const parts = ["### Many clients at once, 64 MB each", crowdTable(crowds)];
  if (registrations !== undefined) {
    const { clients, p99, serverCpu } = registrations;
    parts.push(
      `${clients} registrations with their key exchange, 32 side by side: ` +
        `${Math.round(clients / registrations.seconds)} a second, 99 % within ` +
        `${Math.round(p99 * 1000)} ms, ${seconds(serverCpu)} CPU seconds of the server.`,
    );
  }
  return parts;
}

function crowdTable(crowds: readonly Crowd[]): string {
  return table(
    [
      "clients",
      "MB each",
      "seconds",
      "MB/s in all",
      "median s",
      "99 % s",
      "slowest s",
      "MiB, server",
    ],
    crowds.map(({ clients, size, seconds: all, median, p99, slowest, serverPeak }) => [
      ...[`${clients}`, megabytes(size), seconds(all), megabytes(clients * size / all)],
      ...[seconds(median), seconds(p99), seconds(slowest), mebibytes(serverPeak)],
    ]),
  );
}

function aloneTable({ alone }: Results): string[] {
  if (alone === undefined) return [];
  const { crc, cksum, cipher, sink, version, commander } = alone;
  return [
    "### Each stage alone",
    table(["", ""], [
      ["our checksum, data in memory, MB/s", megabytes(crc)],
      ["GNU cksum, a cached file, MB/s", megabytes(cksum)],
      ["one stream of WebCrypto's AES-256-CBC, MB/s", megabytes(cipher)],
      ["our client to a sink, MB/s", megabytes(sink)],
      ["`xfer --version`, ms", `${Math.round(version * 1000)}`],
      ["a program that loads commander, ms", `${Math.round(commander * 1000)}`],
    ]),
  ];
}

function scaling({ sizes, scaled }: Results): string[] {
  if (sizes === undefined || scaled === undefined) return [];
  return [
    "### How it scales",
    table(
      ["one file of", "seconds", "MB/s", "MiB, client", "MiB, server"],
      sizes.map(({ work, transfers: [transfer] }) => [
        ...[work.name, seconds(transfer?.seconds ?? 0)],
        megabytes(work.size / (transfer?.seconds ?? 1)),
        ...[mebibytes(transfer?.clientPeak ?? 0), mebibytes(transfer?.serverPeak ?? 0)],
      ]),
    ),
    crowdTable(scaled),
  ];
}
