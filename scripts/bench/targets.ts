/** The targets, as ratios within one run. */
import type { ContenderName } from "./contenders.ts";
import type { Crowd } from "./crowds.ts";
import type { Results } from "./results.ts";
import { GET_GIB, PUT_FOLDER, PUT_GIB, type Work } from "./works.ts";

interface Target {
  readonly what: string;
  readonly bound: number;
  /** Whether the bound is a maximum; otherwise it is a minimum. */
  readonly atMost?: true;
  /** The part of the bench that measures the target. */
  readonly part: keyof Results;
  /** The measured value; `undefined` if a contender is missing. */
  readonly value: (results: Results) => number | undefined;
}

export interface Reached extends Pick<Target, "what" | "bound" | "atMost"> {
  readonly value: number | undefined;
}

export function reached(results: Results): Reached[] {
  return TARGETS.filter(({ part }) => results[part] !== undefined)
    .map((target) => ({ ...target, value: target.value(results) }));
}

export function isMet({ bound, atMost, value }: Reached): boolean {
  return value !== undefined && (atMost ? value <= bound : value >= bound);
}

const MIB = 2 ** 20;
const SECURE = "xfer, protocol 4";
const PUBLISHED = "xfer, protocol 3";

const TARGETS: readonly Target[] = [
  asFast("protocol 4, 1 GiB uploaded", 2, PUT_GIB, SECURE, "scp"),
  asFast("protocol 4, 1 GiB uploaded", 1.2, PUT_GIB, SECURE, "scp, aes128-gcm"),
  asFast("protocol 4, 1 GiB downloaded", 2, GET_GIB, SECURE, "scp"),
  asFast("protocol 4, 1 GiB downloaded", 1.2, GET_GIB, SECURE, "scp, aes128-gcm"),
  asFast("protocol 4, 10,000 files", 1.3, PUT_FOLDER, SECURE, "rsync -a --fsync over ssh"),
  asFast("protocol 4, 10,000 files", 0.5, PUT_FOLDER, SECURE, "rsync -a over ssh"),
  {
    what: "protocol 4, interrupted at 90 %: finished by a new process, share of a whole upload",
    ...{ bound: 0.5, atMost: true, part: "resume" },
    value: ({ resume }) => resume && over(resume.newProcess.seconds, resume.whole.seconds),
  },
  {
    what: "protocol 4, interrupted at 90 %: finished by the same process, share of a whole upload",
    ...{ bound: 0.25, atMost: true, part: "resume" },
    value: ({ resume }) => resume && over(resume.sameProcess.seconds, resume.whole.seconds),
  },
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
    ...{ bound: 1.5, atMost: true, part: "alone" },
    value: ({ alone }) => over(alone?.version, alone?.commander),
  },
  {
    what: "64 clients: as fast in total as one",
    ...{ bound: 0.9, part: "crowds" },
    value: ({ crowds }) => over(rateOf(crowds?.at(-1)), rateOf(crowds?.[0])),
  },
  {
    what: "64 clients: the slowest as fast as the median",
    ...{ bound: 0.5, part: "crowds" },
    value: ({ crowds }) => over(crowds?.at(-1)?.median, crowds?.at(-1)?.slowest),
  },
  {
    what: "registrations per second",
    ...{ bound: 300, part: "registrations" },
    value: ({ registrations }) => over(registrations?.clients, registrations?.seconds),
  },
  {
    what: "memory of one end, MiB",
    ...{ bound: 160, atMost: true, part: "works" },
    value: ({ works = [], sizes = [], resume }) => {
      const ours = [...works, ...sizes].flatMap(({ transfers }) => transfers)
        .filter(({ contender }) => contender === SECURE || contender === PUBLISHED);
      const uploads = resume ? [resume.whole, resume.newProcess, resume.sameProcess] : [];
      const peaks = [...ours, ...uploads].flatMap((cost) => [cost.clientPeak, cost.serverPeak]);
      return Math.max(...peaks) / MIB;
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
    ...{ what: `${what}: as fast as ${theirs}`, bound, part: "works" },
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
