/** The display of progress: when it draws, where, and when it makes room for text. */
import assert from "node:assert/strict";
import {
  type DisplayEnvironment,
  type DisplayMode,
  DRAW_MS,
  LINE_MS,
  ProgressDisplay,
} from "../../../cli/progress/display.ts";
import { type ProgressState, UNICODE } from "../../../cli/progress/render.ts";
import { Screen } from "../../support/screen.ts";
import { tiedCommand } from "../../support/tied_processes.ts";

const PLAIN = { glyphs: UNICODE, paint: (_: string, text: string) => text };

/** An environment whose clock the test controls. */
class Stage implements DisplayEnvironment {
  written = "";
  width: number | Error = 40;
  broken = false;
  readonly #timers: { ms: number; work: () => void; due: number }[] = [];
  #now = 0;

  readonly write = (text: string) => {
    if (this.broken) throw new Error("Input/output error");
    this.written += text;
  };
  readonly columns = () => {
    if (this.width instanceof Error) throw this.width;
    return this.width;
  };
  every = (ms: number, work: () => void): Disposable => {
    const timer = { ms, work, due: this.#now + ms };
    this.#timers.push(timer);
    return { [Symbol.dispose]: () => void this.#timers.splice(this.#timers.indexOf(timer), 1) };
  };

  /** The output during a number of milliseconds. */
  pass(ms: number): string {
    const before = this.written.length;
    for (const end = this.#now + ms; this.#now < end;) {
      this.#now++;
      for (const timer of this.#timers) {
        if (this.#now < timer.due) continue;
        timer.due += timer.ms;
        timer.work();
      }
    }
    return this.written.slice(before);
  }
}

function stage(mode: DisplayMode) {
  const sources = new Stage();
  const progress: { now: ProgressState | undefined } = { now: undefined };
  const display = new ProgressDisplay(mode, () => progress.now, PLAIN, sources);
  const at = (done: number) =>
    progress.now = { phase: "sending", name: "a", done, total: 100, attempt: 1 };
  return { sources, progress, display, at };
}

const drawing = (percent: number) => new RegExp(`^\ra .* ${percent}% .*\x1b\\[K$`);

Deno.test("display: on a terminal, a line is redrawn in place, and erased at the end", () => {
  const { sources, display, at } = stage("drawn");
  assert.equal(sources.pass(1000), "", "no file has begun");
  at(5);
  assert.match(sources.pass(DRAW_MS), drawing(5));
  at(6);
  assert.match(sources.pass(DRAW_MS), drawing(6));
  display[Symbol.dispose]();
  assert.ok(sources.written.endsWith("\r\x1b[K"));
  assert.equal(sources.pass(1000), "", "it has ended");
});

for (const mode of ["drawn", "lines"] as const) {
  Deno.test(`display: ${mode}, a timer that fires after the end shows nothing`, () => {
    const sources = new Stage();
    let ring = () => {};
    sources.every = (_ms, work) => {
      ring = work;
      return { [Symbol.dispose]: () => undefined };
    };
    const state: ProgressState = { phase: "sending", name: "a", done: 5, total: 100, attempt: 1 };
    const display = new ProgressDisplay(mode, () => state, PLAIN, sources);
    display[Symbol.dispose]();
    ring();
    assert.equal(sources.written, "");
  });
}

Deno.test("display: it is drawn at most ten times a second, and only if it changed", () => {
  const { sources, display, at } = stage("drawn");
  let drawn = 0;
  for (let ms = 0; ms < 1000; ms++) {
    at(ms % 100);
    if (sources.pass(1) !== "") drawn++;
  }
  assert.ok(drawn <= 10, `${drawn}`);
  assert.equal(sources.pass(1000), "");
  display[Symbol.dispose]();
});

Deno.test("display: text replaces the line, which is drawn again below it", async () => {
  const { sources, display, at } = stage("drawn");
  at(5);
  sources.pass(DRAW_MS);
  for (const text of ["one", "two"]) {
    display.clear();
    sources.write(`${text}\r\n`);
  }
  sources.pass(DRAW_MS);
  using screen = new Screen(40, 5);
  await screen.write(sources.written);
  assert.deepEqual(screen.lines.slice(0, 2), ["one", "two"]);
  assert.match(screen.lines[2] ?? "", /^a .* 5%/);
  display[Symbol.dispose]();
  display.clear();
  await screen.write("\x1bc" + sources.written);
  assert.deepEqual(screen.lines, ["one", "two"]);
});

Deno.test("display: many lines of text cause no extra drawings", () => {
  const { sources, display, at } = stage("drawn");
  for (let index = 0; index < 10_000; index++) {
    at(index / 100);
    display.clear();
    sources.write("stored\n");
    if (index % 100 === 0) sources.pass(1);
  }
  assert.ok(sources.written.split("%").length <= 2, "100 ms have passed");
  display[Symbol.dispose]();
});

Deno.test("display: the size of the terminal is read for each drawing, and may be unknown", () => {
  const { sources, display, at } = stage("drawn");
  // deno-lint-ignore no-control-regex
  const width = (text: string) => text.replaceAll(/\r|\x1b\[K/g, "").length;
  at(50);
  assert.equal(width(sources.pass(DRAW_MS)), 39);
  sources.width = 20;
  assert.ok(width(sources.pass(DRAW_MS)) < 20);
  sources.width = 0;
  const usual = sources.pass(DRAW_MS);
  assert.ok(width(usual) > 39 && width(usual) < 80);
  sources.width = new Error("not a terminal");
  at(51);
  assert.equal(width(sources.pass(DRAW_MS)), width(usual));
  display[Symbol.dispose]();
});

Deno.test("display: without a terminal, full lines without controls are written at intervals", () => {
  const { sources, display, at } = stage("lines");
  at(5);
  assert.equal(sources.pass(LINE_MS - 1), "", "a short run needs none");
  assert.equal(sources.pass(1), "a: 5%, 5/100 B\n");
  assert.equal(sources.pass(LINE_MS), "", "nothing has changed");
  at(95);
  display.clear();
  assert.equal(sources.pass(LINE_MS), "a: 95%, 95/100 B\n");
  display[Symbol.dispose]();
  assert.equal(sources.pass(2 * LINE_MS), "");
});

Deno.test("display: a stream that cannot be written is ignored", () => {
  const { sources, display, at } = stage("drawn");
  sources.broken = true;
  at(5);
  sources.pass(DRAW_MS);
  display.clear();
  display[Symbol.dispose]();
  assert.equal(sources.written, "");
});

Deno.test("display: its timer alone does not keep a program running", async () => {
  const url = new URL("../../../cli/progress/display.ts", import.meta.url);
  const source = `import { ProgressDisplay } from "${url}";
    new ProgressDisplay("drawn", () => undefined, { glyphs: {}, paint: () => "" });`;
  const { code } = await tiedCommand(Deno.execPath(), {
    args: ["eval", "--no-check", source],
  }).output();
  assert.equal(code, 0);
});

for (const mode of ["drawn", "lines"] as const) {
  Deno.test(`display: nothing is shown while paused; ${mode} again afterwards`, () => {
    const { sources, display, at } = stage(mode);
    using _ended = display;
    at(10);
    assert.notEqual(sources.pass(LINE_MS), "");
    {
      using _paused = display.pause();
      sources.written = "";
      at(20);
      assert.equal(sources.pass(2 * LINE_MS), "");
    }
    assert.match(sources.pass(LINE_MS), /20/);
  });
}
