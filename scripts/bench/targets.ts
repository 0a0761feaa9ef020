/** The targets, as ratios within one run. */
import type { ContenderName } from "./contenders.ts";
import type { Crowd } from "./crowds.ts";
import type { Results } from "./results.ts";
import {
  AGAIN_HUGE,
  AGAIN_MILLION,
  FAR_MS,
  farWorks,
  GET_FOLDER,
  GET_GIB,
  PUT_FOLDER,
  PUT_GIB,
  PUT_HUGE,
  PUT_MEDIUM,
  PUT_ONE,
  PUT_SMALL,
  type Work,
} from "./works.ts";

interface Target {
  readonly what: string;
  readonly bound: number;
  /** Whether the bound is a maximum; otherwise it is a minimum. */
  readonly atMost?: true;
  /** The part of the bench that measures the target. */
  readonly part: keyof Results;
  /** The transfer that it needs, if it needs one. */
  readonly work?: Work;
  /** The measured value; `undefined` if a contender is missing. */
  readonly value: (results: Results) => number | undefined;
}

export interface Reached extends Pick<Target, "what" | "bound" | "atMost"> {
  readonly value: number | undefined;
}

export function reached(results: Results): Reached[] {
  const isMeasured = ({ part, work }: Target) =>
    results[part] !== undefined &&
    (work === undefined || results.works?.some(({ work: { name } }) => name === work.name));
  return TARGETS.filter(isMeasured)
    .map((target) => ({ ...target, value: target.value(results) }));
}

export function isMet({ bound, atMost, value }: Reached): boolean {
  return value !== undefined && (atMost ? value <= bound : value >= bound);
}

const MIB = 2 ** 20;
const SECURE = "xfer, protocol 4";
const PUBLISHED = "xfer, protocol 3";
const RSYNC = "rsync -a over ssh";
const FAR = farWorks(FAR_MS);

const TARGETS: readonly Target[] = [
  asFast("10,000 files of 4 KiB uploaded", 1.5, PUT_FOLDER, SECURE, RSYNC),
  asFast("10,000 files of 4 KiB uploaded", 4, PUT_FOLDER, SECURE, "rsync -a --fsync over ssh"),
  asFast("10,000 files of 4 KiB downloaded", 1, GET_FOLDER, SECURE, RSYNC),
  asFast("100,000 files of 1 KiB uploaded again, unchanged", 0.8, AGAIN_HUGE, SECURE, RSYNC),
  asFast("100,000 files of 1 KiB uploaded", 1.2, PUT_HUGE, SECURE, RSYNC),
  asFast("2,000 files of 256 KiB uploaded", 1.2, PUT_MEDIUM, SECURE, RSYNC),
  asFast("1 GiB uploaded", 2, PUT_GIB, SECURE, "scp, then sync"),
  asFast("1 GiB uploaded", 1.3, PUT_GIB, SECURE, "scp, aes128-gcm, then sync"),
  asFast("1 GiB uploaded", 0.9, PUT_GIB, SECURE, "curl to nginx, TLS, then sync"),
  asFast("1 GiB uploaded", 1.5, PUT_GIB, SECURE, "scp"),
  asFast("1 GiB uploaded", 1, PUT_GIB, SECURE, "scp, aes128-gcm"),
  asFast("1 GiB downloaded", 2, GET_GIB, SECURE, "scp"),
  asFast("1 GiB downloaded", 1.1, GET_GIB, SECURE, "scp, aes128-gcm"),
  {
    what: "interrupted at 90 %: finished by a new process, share of a whole upload",
    ...{ bound: 0.35, atMost: true, part: "resume" },
    value: ({ resume }) => resume && over(resume.newProcess.seconds, resume.whole.seconds),
  },
  {
    what: "interrupted at 90 %: finished by the same process, share of a whole upload",
    ...{ bound: 0.15, atMost: true, part: "resume" },
    value: ({ resume }) => resume && over(resume.sameProcess.seconds, resume.whole.seconds),
  },
  asFast("100 ms away, 10,000 files of 4 KiB uploaded", 1, FAR.folder, SECURE, RSYNC),
  asFast("100 ms away, 10,000 files of 4 KiB downloaded", 1, FAR["get-folder"], SECURE, RSYNC),
  asFast("100 ms away, 100 MB uploaded", 4, FAR.put, SECURE, "scp"),
  asFast("100 ms away, 100 MB downloaded", 4, FAR.get, SECURE, "scp"),
  asFast("100 ms away, one small file uploaded", 1.8, FAR.one, SECURE, "scp"),
  asFast("one small file uploaded to a known server", 1, PUT_ONE, SECURE, "scp"),
  asFast("2,000 small files over protocol 3", 2, PUT_SMALL, PUBLISHED, "xfer before, protocol 3"),
  asFast("protocol 3, 1 GiB uploaded", 1.3, PUT_GIB, PUBLISHED, "scp"),
  asFast("protocol 3, 1 GiB uploaded", 1, PUT_GIB, PUBLISHED, "scp, aes128-gcm"),
  {
    what: "protocol 3, 1 GiB uploaded, durable: as fast as the cipher alone",
    ...{ bound: 0.6, part: "alone" },
    value: (results) => {
      const seconds = secondsOf(results, PUT_GIB, PUBLISHED);
      return seconds && over(PUT_GIB.size / results.scale / seconds, results.alone?.cipher);
    },
  },
  {
    what: "protocol 3, to a sink: as fast as the cipher alone",
    ...{ bound: 0.85, part: "alone" },
    value: ({ alone }) => over(alone?.sink, alone?.cipher),
  },
  {
    what: "checksum: as fast as GNU cksum",
    ...{ bound: 1.5, part: "alone" },
    value: ({ alone }) => over(alone?.crc, alone?.cksum),
  },
  {
    what: "--version: as long as a program that loads commander",
    ...{ bound: 1.4, atMost: true, part: "alone" },
    value: ({ alone }) => over(alone?.version, alone?.commander),
  },
  {
    what: "64 clients: as fast in total as one",
    ...{ bound: 0.95, part: "crowds" },
    value: ({ crowds }) => over(rateOf(crowds?.at(-1)), rateOf(crowds?.[0])),
  },
  {
    what: "64 clients: the slowest as fast as the median",
    ...{ bound: 0.8, part: "crowds" },
    value: ({ crowds }) => over(crowds?.at(-1)?.median, crowds?.at(-1)?.slowest),
  },
  {
    what: "registrations over protocol 3 per second",
    ...{ bound: 300, part: "registrations" },
    value: ({ registrations }) => over(registrations?.clients, registrations?.seconds),
  },
  {
    what: "sign-ins over protocol 4 per second",
    ...{ bound: 300, part: "logins" },
    value: ({ logins }) => over(logins?.clients, logins?.seconds),
  },
  {
    what: "50 clients, the operator's page open and metrics read each second: time",
    ...{ bound: 1.03, atMost: true, part: "operating" },
    value: ({ operating }) => over(operating?.costs[1]?.seconds, operating?.costs[0]?.seconds),
  },
  {
    what: "memory of one end, MiB",
    ...{ bound: 160, atMost: true, part: "works" },
    value: ({ works = [], sizes = [], resume }) => {
      const ours = [...works, ...sizes].filter(({ work }) => work.name !== AGAIN_MILLION.name)
        .flatMap(({ transfers }) => transfers)
        .filter(({ contender }) => contender === SECURE || contender === PUBLISHED);
      const uploads = resume ? [resume.whole, resume.newProcess, resume.sameProcess] : [];
      const peaks = [...ours, ...uploads].flatMap((cost) => [cost.clientPeak, cost.serverPeak]);
      return Math.max(...peaks) / MIB;
    },
  },
  {
    what: "memory of one end, 1,000,000 unchanged files, MiB",
    ...{ bound: 200, atMost: true, part: "works", work: AGAIN_MILLION },
    value: ({ works = [] }) => {
      const transfers = works.find(({ work }) => work.name === AGAIN_MILLION.name)?.transfers;
      const ours = transfers?.find(({ contender }) => contender === SECURE);
      return ours && Math.max(ours.clientPeak, ours.serverPeak) / MIB;
    },
  },
  {
    what: "memory of the server with 64 uploads, MiB",
    ...{ bound: 300, atMost: true, part: "crowds" },
    value: ({ crowds = [], scaled = [] }) => {
      const upTo64 = [...crowds, ...scaled].filter(({ clients }) => clients <= 64);
      return Math.max(...upTo64.map(({ serverPeak }) => serverPeak)) / MIB;
    },
  },
];

function asFast(
  what: string,
  bound: number,
  work: Work,
  ours: ContenderName,
  theirs: ContenderName,
): Target {
  return {
    ...{ what: `${what}: as fast as ${theirs}`, bound, part: "works", work },
    value: (results) => over(secondsOf(results, work, theirs), secondsOf(results, work, ours)),
  };
}

function secondsOf({ works }: Results, { name }: Work, who: ContenderName): number | undefined {
  const transfers = works?.find(({ work }) => work.name === name)?.transfers;
  return transfers?.find(({ contender, absent }) => contender === who && !absent)?.seconds;
}

function over(a: number | undefined, b: number | undefined): number | undefined {
  return a && b ? a / b : undefined;
}

function rateOf(crowd: Crowd | undefined): number | undefined {
  return crowd && crowd.clients * crowd.size / crowd.seconds;
}
