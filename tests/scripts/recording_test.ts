/** The picture in README.md, and the script that records it. */
import assert from "node:assert/strict";
import { DOMParser, type Element } from "@xmldom/xmldom";
import { develop, type Output } from "../../scripts/recording/film.ts";
import { scrub } from "../../scripts/recording/scrub.ts";
import { firstFile, record } from "../../scripts/recording/session.ts";
import { toSvg } from "../../scripts/recording/svg.ts";
import { shownOf } from "../support/screen.ts";
import { HAS_TERMINAL } from "../support/terminal.ts";

/** A visible part of the picture, in pixels. */
interface Seen {
  readonly at: number;
  readonly width: number;
  readonly words: string;
}

/** Throws if the SVG is not well-formed. */
function parse(svg: string): Element {
  const root = new DOMParser({
    onError: (level, message) => {
      throw new Error(`${level}: ${message}`);
    },
  }).parseFromString(svg, "image/svg+xml").documentElement;
  assert.equal(root?.tagName, "svg");
  return root as Element;
}

/** The final picture, line by line. Later elements cover earlier ones. */
function lastPicture(svg: string): string[] {
  const rows = new Map<number, Seen[]>();
  for (const group of parse(svg).getElementsByTagName("g")) {
    for (const child of group.childNodes) {
      const element = child as Element;
      const number = (name: string) => Number(element.getAttribute(name));
      const isText = element.tagName === "text";
      if (!isText && element.getAttribute("class") !== "ground") continue;
      // The baseline, which identifies the line of letters and of boxes.
      const row = isText ? number("y") : number("y") + BASELINE;
      const words = element.textContent ?? "";
      const [at, width] = [number("x"), isText ? number("textLength") || PLACE : number("width")];
      const kept = (rows.get(row) ?? []).flatMap((seen) => without(seen, at, width));
      rows.set(row, isText ? [...kept, { at, width, words }] : kept);
    }
  }
  return [...rows].sort(([a], [b]) => a - b).map(([, seen]) => lineOf(seen)).filter((line) => line);
}

const PLACE = 8.43;
const BASELINE = 14;
const places = (pixels: number) => Math.round(pixels / PLACE);

/** The visible rest of an element when a part of its line is covered. */
function without(seen: Seen, at: number, width: number): Seen[] {
  const [from, to] = [places(at - seen.at), places(at + width - seen.at)];
  const letters = [...seen.words];
  if (to <= 0 || from >= letters.length) return [seen];
  const words = letters.map((letter, i) => i >= from && i < to ? " " : letter).join("");
  return [{ ...seen, words }];
}

function lineOf(seen: readonly Seen[]): string {
  const line: string[] = [];
  for (const { at, words } of seen) {
    [...words].forEach((letter, i) => {
      if (letter !== " ") line[places(at - 14) + i] = letter;
    });
  }
  return Array.from(line, (letter) => letter ?? " ").join("").trimEnd();
}

const PANE = { title: "A & B", columns: 30, rows: 5 };

async function svgOf(outputs: readonly Output[], length = 10_000): Promise<string> {
  const changes = await develop([PANE], outputs);
  return toSvg({ title: "<T>", panes: [PANE], changes, length });
}

Deno.test("recording: the last picture equals the final screen of the terminal", async () => {
  const texts = [
    ...["$ ", "e", "c", "ho <a> & b\r\n", "\x1b[32mdone\x1b[39m  10 %", "\r\x1b[K"],
    ...["\x1b[31merror\x1b[0m: no\r\n", "\x1b[2mdim \x1b[1mbold\x1b[0m\r\n"],
    ...["a line that is longer than the terminal is wide\r\n", "more\r\nlast \x07line"],
  ];
  const outputs = texts.map((text, i) => ({ pane: 0, at: i * 100, text }));
  const { columns, rows } = PANE;
  const shown = await shownOf(texts.join(""), columns, rows);
  const svg = await svgOf(outputs);
  assert.deepEqual(lastPicture(svg), shown.slice(-rows));
  assert.throws(() => parse(svg.replace("</g>", "")), "what is not well-formed is found");
});

Deno.test("recording: elements become visible at their share of the total time", async () => {
  const svg = await svgOf([
    { pane: 0, at: 1000, text: "one" },
    { pane: 0, at: 1010, text: "!" },
    { pane: 0, at: 2500, text: " two" },
  ]);
  const keyframes = [...svg.matchAll(/@keyframes (\w+)\{0%\{visibility:hidden\}([\d.]+)%/g)];
  assert.deepEqual(keyframes.map(([, name, percent]) => [name, percent]), [
    ["f0", "10"],
    ["f1", "25"],
  ]);
  const groups = [...parse(svg).getElementsByTagName("g")];
  assert.deepEqual(groups.map((group) => [group.getAttribute("style"), group.textContent]), [
    ["animation-name:f0", "one!"],
    ["animation-name:f1", "two"],
  ]);
  assert.match(svg, /animation:10s step-end infinite/);
  assert.match(svg, /@media\(prefers-reduced-motion:reduce\)\{g\[style\]\{animation:none/);
});

Deno.test("recording: a value written in pieces is replaced, at the time of its first letter", () => {
  const outputs = [
    { pane: 0, at: 1, text: "at 127.0" },
    { pane: 1, at: 2, text: "127.0.0.1" },
    { pane: 0, at: 3, text: ".0.1:12 and 127" },
    { pane: 0, at: 4, text: ".0.0.1:7 again" },
  ];
  assert.deepEqual(scrub(outputs, [["127.0.0.1", "HOST"], [/:\d+/g, ":1"]]), [
    { pane: 0, at: 1, text: "at HOST" },
    { pane: 1, at: 2, text: "HOST" },
    { pane: 0, at: 3, text: ":1 and HOST" },
    { pane: 0, at: 4, text: ":1 again" },
  ]);
});

/** Lines in the last picture of any session that begins with the first file. */
const FIRST_FILE = [
  "$ xfer client init",
  "Your user name on the server: Alice",
  "File that 'xfer client' uploads [none]: report.pdf",
  "$ xfer client",
  "Uploaded report.pdf (80.0 KiB, cksum 2166888836)",
];

function checkPicture(svg: string): string[] {
  const lines = lastPicture(svg);
  for (const line of FIRST_FILE) {
    assert.ok(lines.includes(line), `${line}\nin\n${lines.join("\n")}`);
  }
  // Nothing from the recording machine.
  assert.doesNotMatch(svg, /127\.0\.0\.1|xfer-test-|script/);
  for (const fingerprint of svg.match(/SHA256:[^\s<]{43}/g) ?? []) {
    assert.equal(fingerprint, "SHA256:zgjYg8ywgX/xhXKbmEq4i63Jvt+XgLfBO0w6nGYalBU");
  }
  return lines;
}

Deno.test({
  name: "recording: a real session becomes a picture",
  ignore: !HAS_TERMINAL,
  async fn() {
    checkPicture(await record(firstFile));
    await assert.rejects(record(({ client }) => client.run("xfer nothing")), /exit code 2/);
  },
});

Deno.test("recording: the picture in README.md is small and short, and shows a stored file", async () => {
  const svg = await Deno.readTextFile(new URL("../../docs/session.svg", import.meta.url));
  const lines = checkPicture(svg);
  assert.deepEqual(lines.slice(-2), ["same", "$"], "what came back is what was stored");
  assert.ok(svg.length < 150_000, `${svg.length}`);
  const seconds = Number(/animation:([\d.]+)s/.exec(svg)?.[1]);
  assert.ok(seconds > 10 && seconds < 60, `${seconds}`);
  assert.doesNotMatch(svg, /<script|<foreignObject|@import|url\(/);
});
