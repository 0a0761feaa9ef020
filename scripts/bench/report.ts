/** Formats results as tables, and writes them between two marks in docs/performance.md. */
import type { ContenderName } from "./contenders.ts";
import type { Crowd } from "./crowds.ts";
import { mebibytes, megabytes, ratio, seconds, table } from "./figures.ts";
import type { Results } from "./results.ts";
import { isMet, reached } from "./targets.ts";
import type { Cost, Transfer, WorkResult } from "./transfers.ts";
import {
  AGAIN_HUGE,
  FAR_MS,
  farWorks,
  GET_FOLDER,
  GET_GIB,
  isMany,
  PUT_FOLDER,
  PUT_GIB,
  type Work,
} from "./works.ts";

const DOCUMENT = new URL("../../docs/performance.md", import.meta.url);
const FAR = farWorks(FAR_MS);
/** The work in the table at the beginning. */
const SUMMARY: readonly Work[] = [
  ...[PUT_GIB, GET_GIB, PUT_FOLDER, GET_FOLDER, AGAIN_HUGE],
  ...[FAR.put, FAR.get, FAR.folder, FAR["get-folder"]],
];
const SUMMARY_CONTENDERS: readonly ContenderName[] = [
  ...["xfer, protocol 4", "rsync -a over ssh", "scp"] as const,
  ...["curl to nginx, TLS", "restic backup over sftp"] as const,
];
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
  const { machine, runs, scale, when } = results;
  const less = scale === 1 ? "" : ` Only 1/${scale} of the named amounts was moved.`;
  return [
    `Run on ${when.slice(0, 10)}: ${machine}. Medians of ${runs}.${less}`,
    ...summaryTable(results),
    ...(results.works ?? []).flatMap(workTable),
    ...resumeTable(results),
    ...crowdTables(results),
    ...signInTable(results),
    ...operatingTable(results),
    ...stageTable(results),
    ...scaling(results),
    ...targetTable(results),
  ].join("\n\n");
}

/** What most readers look for: common work, in seconds of well-known programs. */
function summaryTable({ works = [] }: Results): string[] {
  const shown = works.filter(({ work: { name } }) => SUMMARY.some((work) => work.name === name));
  if (shown.length === 0) return [];
  return [table(
    ["seconds", ...SUMMARY_CONTENDERS],
    shown.map(({ work: { name }, transfers }) => [
      name,
      ...SUMMARY_CONTENDERS.map((contender) => {
        const found = transfers.find((transfer) => transfer.contender === contender);
        return found === undefined || found.absent !== undefined ? "" : seconds(found.seconds);
      }),
    ]),
  )];
}

function targetTable(results: Results): string[] {
  const targets = reached(results);
  if (targets.length === 0) return [];
  return [
    "### Targets",
    table(
      ["comparison", "target", "reached", ""],
      targets.map((target) => {
        const { what, bound, atMost, value } = target;
        return [
          ...[what, `${atMost ? "≤" : "≥"} ${bound}`],
          value === undefined ? "not measured" : value.toFixed(value < 10 ? 2 : 0),
          value === undefined ? "" : isMet(target) ? "met" : "missed",
        ];
      }),
    ),
  ];
}

const COST_HEAD = ["CPU s, client", "CPU s, server", "MiB, client", "MiB, server"];

function costCells({ clientCpu, serverCpu, clientPeak, serverPeak }: Cost): string[] {
  return [
    ...[seconds(clientCpu), seconds(serverCpu)],
    ...[mebibytes(clientPeak), mebibytes(serverPeak)],
  ];
}

function workTable({ work, transfers }: WorkResult): string[] {
  const ours = transfers[0]?.seconds ?? 0;
  const bytes = work.files * work.size;
  const rate = ({ seconds }: Transfer) =>
    isMany(work)
      ? Math.round(work.files / seconds).toLocaleString("en")
      : megabytes(bytes / seconds);
  const perFile = ({ clientCpu, serverCpu }: Cost) =>
    isMany(work) ? [`${Math.round((clientCpu + serverCpu) / work.files * 1e6)}`] : [];
  return [
    `### ${work.name[0]?.toUpperCase()}${work.name.slice(1)}`,
    table(
      [
        ...["", "seconds", isMany(work) ? "files/s" : "MB/s", "its time / ours", ...COST_HEAD],
        ...(isMany(work) ? ["CPU µs per file"] : []),
      ],
      transfers.map((transfer) =>
        transfer.absent === undefined
          ? [
            ...[transfer.contender, seconds(transfer.seconds), rate(transfer)],
            ...[ratio(transfer.seconds / ours), ...costCells(transfer), ...perFile(transfer)],
          ]
          : [transfer.contender, `not installed: ${transfer.absent.join(", ")}`]
      ),
    ),
  ];
}

function resumeTable({ resume }: Results): string[] {
  if (resume === undefined) return [];
  const { size, whole, newProcess, sameProcess } = resume;
  const row = (what: string, cost: Cost) => [
    ...[what, seconds(cost.seconds), `${Math.round(100 * cost.seconds / whole.seconds)} %`],
    ...costCells(cost),
  ];
  return [
    `### An upload of ${mebibytes(size)} MiB over protocol 4, interrupted at 90 %`,
    "New process: the first process was killed, and the time is that of the second one, from " +
    "start to end. Same process: a proxy in between cut the connection and accepted a new one at " +
    "once. The time is from the cut to the client's end, without the client's random pause of up " +
    "to a second before it reconnects, in which the server can sync the partial upload. CPU and " +
    "memory of the same process are those of its whole run.",
    table(["", "seconds", "share", ...COST_HEAD], [
      row("the whole upload, not interrupted", whole),
      row("finished by a new process", newProcess),
      row("finished by the same process", sameProcess),
    ]),
  ];
}

function crowdTables({ crowds }: Results): string[] {
  if (crowds === undefined) return [];
  const size = megabytes(crowds[0]?.size ?? 0);
  return [`### Many clients at once over protocol 4, ${size} MB each`, crowdTable(crowds)];
}

function signInTable({ registrations, logins }: Results): string[] {
  if (registrations === undefined || logins === undefined) return [];
  const row = (what: string, { clients, seconds: all, p99, serverCpu }: Crowd) => [
    ...[what, `${Math.round(clients / all)}`, `${Math.round(p99 * 1000)}`, seconds(serverCpu)],
  ];
  return [
    `### ${registrations.clients} clients sign in, 32 at a time, each over a new connection`,
    table(["", "per second", "99 % within, ms", "CPU s, server"], [
      row("registrations over protocol 3, with their key exchange", registrations),
      row("sign-ins over protocol 4", logins),
    ]),
  ];
}

function operatingTable({ operating }: Results): string[] {
  if (operating === undefined) return [];
  const { clients, files, costs } = operating;
  const alone = costs[0]?.seconds ?? 0;
  return [
    `### ${clients} clients, each with ${files} files of 4 KiB, one after another`,
    table(
      ["the server", "seconds", "its time / alone", "CPU s, server"],
      costs.map(({ what, seconds: taken, serverCpu }) => [
        ...[what, seconds(taken), ratio(taken / alone), seconds(serverCpu)],
      ]),
    ),
  ];
}

function crowdTable(crowds: readonly Crowd[]): string {
  return table(
    [
      ...["clients", "MB each", "seconds", "MB/s in total", "median s", "99 % s", "slowest s"],
      "MiB, server",
    ],
    crowds.map(({ clients, size, seconds: all, median, p99, slowest, serverPeak }) => [
      ...[`${clients}`, megabytes(size), seconds(all), megabytes(clients * size / all)],
      ...[seconds(median), seconds(p99), seconds(slowest), mebibytes(serverPeak)],
    ]),
  );
}

function stageTable({ alone }: Results): string[] {
  if (alone === undefined) return [];
  const { crc, cksum, cipher, sink, version, commander } = alone;
  return [
    "### Each stage alone",
    table(["", ""], [
      ["our checksum, data in memory, MB/s", megabytes(crc)],
      ["GNU cksum, a cached file, MB/s", megabytes(cksum)],
      ["one stream of WebCrypto's AES-256-CBC, MB/s", megabytes(cipher)],
      ["our client of protocol 3 to a sink, MB/s", megabytes(sink)],
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
      ["one file", "seconds", "MB/s", "MiB, client", "MiB, server"],
      sizes.flatMap(({ work, transfers }) =>
        transfers.map(({ contender, seconds: taken, clientPeak, serverPeak }) => [
          ...[`${work.name}, ${contender}`, seconds(taken), megabytes(work.size / taken)],
          ...[mebibytes(clientPeak), mebibytes(serverPeak)],
        ])
      ),
    ),
    "Many clients over protocol 3, the same number of bytes in total:",
    crowdTable(scaled),
  ];
}
