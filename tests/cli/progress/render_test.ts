/** Progress as text: it always fits, and is never ahead of the facts. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { cellsOf, fit } from "../../../cli/text/width.ts";
import {
  ASCII,
  describeProgress,
  percentOf,
  PHASES,
  type ProgressPhase,
  type ProgressState,
  type ProgressStyle,
  renderProgress,
  UNICODE,
} from "../../../cli/progress/render.ts";
import { Screen } from "../../support/screen.ts";
import { anyCharacter } from "../../support/any_character.ts";

const MIB = 2 ** 20;
const PLAIN: ProgressStyle = { glyphs: UNICODE, paint: (_, text) => text };
const PLAIN_ASCII: ProgressStyle = { ...PLAIN, glyphs: ASCII };
const COLORED: ProgressStyle = { ...PLAIN, paint: (_, text) => `\x1b[32m${text}\x1b[39m` };

const STATE: ProgressState = {
  ...{ phase: "sending", name: "photos.zip", done: 31 * MIB / 2, total: 25 * MIB },
  ...{ rate: 4.25 * MIB, left: 64.2, attempt: 1 },
};
const FOLDER: ProgressState = {
  ...STATE,
  name: "photos/2026/summer/a long walk by our sea.jpg",
  files: { done: 3, total: 120 },
  attempt: 2,
};

Deno.test("progress: 80 columns show all parts", () => {
  assert.equal(
    renderProgress(STATE, 80, PLAIN),
    "photos.zip  ━━━━━━━━━━━━━━─────────   62%  15.5/25.0 MiB   4.2 MiB/s  1:05 left",
  );
  assert.equal(
    renderProgress(STATE, 80, PLAIN_ASCII),
    "photos.zip  ##############---------   62%  15.5/25.0 MiB   4.2 MiB/s  1:05 left",
  );
});

Deno.test("progress: with less room, the less important parts are omitted", () => {
  const lines = [120, 100, 80, 60, 40, 25, 18, 8, 5, 4, 3, 2, 1, 0]
    .map((columns) => renderProgress(FOLDER, columns, PLAIN));
  assert.deepEqual(lines, [
    "photos/2026/s…a long walk by our sea.jpg  ━━━━━────   62%  15.5/25.0 MiB   4.2 MiB/s  1:05 left  3/120 files  attempt 2",
    "photos…by our sea.jpg  ━━━━────   62%  15.5/25.0 MiB   4.2 MiB/s  1:05 left  3/120 files  attempt 2",
    "photo…ur sea.jpg  ━━━━────   62%   4.2 MiB/s  1:05 left  3/120 files  attempt 2",
    "pho… sea.jpg   62%   4.2 MiB/s  1:05 left  3/120  attempt 2",
    "photos/202…   62%  1:05 left  attempt 2",
    "photos/202…   62%  3/120",
    "photos/202…   62%",
    ...[" 62%", " 62%", "62%", "", "", "", ""],
  ]);
});

Deno.test("progress: 100 % only after the file is stored, or written", () => {
  const isDone = (phase: ProgressPhase) => phase === "stored" || phase === "written";
  for (const phase of Object.keys(PHASES) as ProgressPhase[]) {
    const state: ProgressState = { ...STATE, phase, done: STATE.total ?? 0 };
    assert.equal(percentOf(state), isDone(phase) ? 100 : 99, phase);
    assert.equal(renderProgress(state, 80, PLAIN).includes("100%"), isDone(phase));
    assert.equal(describeProgress(state).includes("100%"), isDone(phase));
  }
  assert.equal(percentOf({ ...STATE, done: 999, total: 1000 }), 99);
  assert.equal(percentOf({ ...STATE, done: 0, total: 0 }), 0, "an empty file is not stored yet");
  assert.equal(percentOf({ ...STATE, phase: "stored", done: 0, total: 0 }), 100);
});

Deno.test("progress: without a known total, bytes and rate, but no percentage and no time left", () => {
  const state: ProgressState = { ...STATE, name: "standard input", total: undefined };
  assert.equal(renderProgress(state, 80, PLAIN), "standard input  15.5 MiB   4.2 MiB/s  1:05 left");
  const flowing = { ...state, left: undefined };
  assert.equal(renderProgress(flowing, 80, PLAIN), "standard input  15.5 MiB   4.2 MiB/s");
  assert.equal(describeProgress(flowing), "standard input: 15.5 MiB, 4.2 MiB/s");
  assert.equal(percentOf(flowing), undefined);
  assert.equal(percentOf({ ...flowing, phase: "stored" }), 100);
});

Deno.test("progress: a phase of waiting replaces rate and time", () => {
  const state: ProgressState = { ...STATE, phase: "approval", done: STATE.total ?? 0 };
  assert.equal(
    renderProgress(state, 80, PLAIN),
    "photos.zip  ━━━━━━━━━━━━━━━━━━━─   99%  25.0/25.0 MiB  waiting for confirmation",
  );
  assert.equal(renderProgress(state, 30, PLAIN), "photos.zip   99%  waiting");
});

Deno.test("progress: a line for a log has all parts", () => {
  assert.equal(
    describeProgress(FOLDER),
    "photos/2026/summer/a long walk by our sea.jpg: 62%, 15.5/25.0 MiB, 4.2 MiB/s, 1:05 left, " +
      "3/120 files, attempt 2",
  );
  assert.equal(
    describeProgress({ phase: "comparing", name: "", done: 1, total: 3, attempt: 1 }),
    "33%, 1/3 B, comparing files",
  );
});

Deno.test("progress: bytes and times in units that fit, bytes rounded down, times up", () => {
  const parts = (state: Partial<ProgressState>) => describeProgress({ ...STATE, ...state });
  for (
    const [done, total, shown] of [
      [0, 1, "0/1 B"],
      [7, 1023, "   7/1023 B"],
      [1023, 1024, "0.9/1.0 KiB"],
      [MIB - 1, 150 * MIB, "  0/150 MiB"],
      [25 * MIB - 1, 25 * MIB, "24.9/25.0 MiB"],
      [2 ** 40, 3.5 * 2 ** 40, "1.0/3.5 TiB"],
    ] as const
  ) assert.ok(parts({ done, total }).includes(`, ${shown.trim()}, `), parts({ done, total }));
  for (
    const [left, shown] of [
      [0, "0:00"],
      [0.1, "0:01"],
      [59.2, "1:00"],
      [3600, "1:00:00"],
      [7265, "2:01:05"],
      [100_000, "1 d 3 h"],
    ] as const
  ) assert.ok(parts({ left }).endsWith(`, ${shown} left`), parts({ left }));
  assert.ok(
    !parts({ left: 1e9 }).includes("left"),
    "a remaining time of thirty years is not shown",
  );
  assert.ok(!parts({ left: undefined, rate: undefined }).includes("/s"));
});

Deno.test("progress: control characters in a name are escaped", () => {
  const line = renderProgress({ ...STATE, name: "a\x1b[2Jb\r\n\u202ec" }, 100, PLAIN);
  assert.match(line, /^a\\u\{1b\}\[2Jb\\u\{d\}\\u\{a\}\\u\{202e\}c/);
});

Deno.test("cells: a character counts with its maximum width", () => {
  for (
    const [text, cells] of [
      ["", 0],
      ["abc", 3],
      ["日本", 4],
      ["ｱ", 1],
      ["é", 1],
      ["e\u0301", 1],
      ["\u0301", 1], // No base character.
      ["👍", 2],
      ["👍🏽", 4], // 2 where skin tones are known
      ["❤️", 2], // 1 where it is not drawn in colors
      ["🇩🇪", 2],
      ["\u3164", 2], // A filler, which some terminals omit.
      ["한", 2],
    ] as const
  ) assert.equal(cellsOf(text), cells, text);
});

Deno.test("cells: a text is cut in the middle, or at its end if there is little room", () => {
  assert.equal(fit("holiday.jpg", 11, "…"), "holiday.jpg");
  assert.equal(fit("holiday in Spain.jpg", 13, "…"), "holi…pain.jpg");
  assert.equal(fit("holiday in Spain.jpg", 13, "..."), "hol...ain.jpg");
  assert.equal(fit("holiday in Spain.jpg", 6, "…"), "holid…");
  assert.equal(fit("日本の写真.jpg", 6, "…"), "日本…", "half a character is dropped");
  assert.equal(fit("한국어 사진.jpg".normalize("NFD"), 20, "…"), "한국어 사진.jpg");
  assert.equal(fit("e\u0323\u0302bc", 2, "…"), "ệ…", "marks stay with their letter");
  assert.equal(fit("👍🏽👍🏽", 6, "…"), "👍🏽…");
  assert.equal(fit("abc", 1, "…"), "…");
  assert.equal(fit("abc", 0, "…"), "");
  assert.equal(fit("abcd", 3, "..."), "...");
  assert.equal(fit("abc", 2, "..."), "");
});

/** Characters that are often measured wrongly, and that old terminals know, too. */
const NOTORIOUS = fc.constantFrom(
  ...[
    "a",
    " ",
    "/",
    "日",
    "本",
    "한",
    "\u1112\u1161\u11ab",
    "👍",
    "👍🏽",
    "👩‍🚀",
    "🇩🇪",
    "❤️",
    "1️⃣",
    "é",
  ],
  ...[
    "e\u0301",
    "e\u0323\u0302",
    "क्षि",
    "ไก่",
    "ﷺ",
    "\u3164",
    "\u115f",
    "\uffa0",
    "\u2800",
    "\u00ad",
  ],
  ...[
    "\x1b[2J",
    "\r",
    "\n",
    "\t",
    "\u200b",
    "\u202e",
    "\ud800",
    "\u0300".repeat(20),
    "𝒳",
    "ｱﾞ",
    "…",
  ],
);

/** Any other characters except marks, and two emoji for which the emulator's tables are older. */
const ANYTHING = fc.oneof(fc.string({ unit: anyCharacter }), fc.string({ unit: "grapheme" }))
  .map((text) => text.replaceAll(/[\p{M}\u{1f93b}\u{1f946}]/gu, ""));

const anyName = (part: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(part, { maxLength: 40 }).map((parts) => parts.join(""));

const anyState = (part: fc.Arbitrary<string>): fc.Arbitrary<ProgressState> =>
  fc.record({
    phase: fc.constantFrom(...Object.keys(PHASES) as ProgressPhase[]),
    name: anyName(part),
    done: fc.double({ min: 0, max: 1, noNaN: true }),
    total: fc.maxSafeNat(),
    rate: fc.option(fc.double({ min: 0, max: 1e15, noNaN: true }), { nil: undefined }),
    left: fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), { nil: undefined }),
    attempt: fc.integer({ min: 1, max: 101 }),
    files: fc.option(
      fc.record({ done: fc.nat(100_000), total: fc.nat(100_000) }),
      { nil: undefined },
    ),
  }).map((state) => ({ ...state, done: Math.floor(state.done * state.total) }));

Deno.test("progress: the line never reaches the last column, for any name and width", async () => {
  for (
    const [widths, part] of [["6", NOTORIOUS], ["11", fc.oneof(NOTORIOUS, ANYTHING)]] as const
  ) {
    for (const columns of [1, 2, 3, 4, 5, 6, 9, 13, 20, 33, 47, 60, 80, 100, 132, 200]) {
      using screen = new Screen(Math.max(2, columns), 3, widths);
      await fc.assert(
        fc.asyncProperty(
          anyState(part),
          fc.constantFrom(PLAIN, PLAIN_ASCII, COLORED),
          async (state, style) => {
            const line = renderProgress(state, columns, style);
            // deno-lint-ignore no-control-regex
            const text = line.replaceAll(/\x1b\[\d+m/g, "");
            assert.ok(cellsOf(text) <= Math.max(0, columns - 1), text);
            assert.doesNotMatch(text, /\p{Cc}/u);
            await screen.write(`\x1bc${line}`);
            const { row, column } = screen.cursor;
            assert.equal(row, 0, JSON.stringify(text));
            assert.ok(column <= Math.max(0, columns - 1), JSON.stringify(text));
          },
        ),
        { numRuns: 40 },
      );
    }
  }
});

Deno.test("progress: in ASCII, only the name may have other characters", () => {
  fc.assert(
    fc.property(anyState(NOTORIOUS), fc.integer({ min: 0, max: 200 }), (state, columns) => {
      const line = renderProgress({ ...state, name: "a/name.txt" }, columns, PLAIN_ASCII);
      assert.match(line, /^[ -~]*$/);
    }),
  );
});
