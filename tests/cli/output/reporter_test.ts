/** The output of a command, by its output options. */
import assert from "node:assert/strict";
import type { Event } from "../../../cli/events/mod.ts";
import type { OutputOptions } from "../../../cli/output/reporter.ts";
import { NetworkError } from "../../../protocol/errors.ts";
import { checkEvent, eventsIn } from "../../support/events.ts";
import { reporterWith } from "../../support/reporter.ts";

const STORED: Event = {
  ...{ event: "stored", name: "a", path: "a", size: 1, cksum: 2, user: "Alice" },
  ...{ kind: "file", server: "example.org:1256" } as const,
};
const EVENTS: readonly Event[] = [
  { event: "registered", user: "Alice", id: "01" },
  { event: "tightened", path: "me.key" },
  { event: "unchanged", name: "b", path: "b", updated: false },
  STORED,
  { event: "not-stored", path: "c", state: "not-stored", code: "x" },
  {
    ...{ event: "token", token: "abc", purpose: "link", uses: 1 },
    expires: "2026-01-02T03:04:05.678Z",
  },
];
const WORDS = {
  registered: "Registered Alice with id 01\n",
  warning: "Warning: other users could read me.key; changed its mode to 0600\n",
  detail: "Unchanged: b\n",
  stored: "Uploaded a (1 B, cksum 2)\n",
  failed: "Failed to upload c\n",
  token: "abc\n",
  note: "Valid once, until 2026-01-02T03:04:05Z. On the other machine, with the same " +
    "transfer.info, run 'xfer client link abc'.\n",
};

function printed(options: Partial<OutputOptions>) {
  const { reporter, stdout, stderr } = reporterWith(options);
  for (const event of EVENTS) reporter.report(event);
  return [stdout.text, stderr.text];
}

Deno.test("output: results go to standard output, all else to standard error; details only with --verbose", () => {
  const { registered, warning, detail, stored, failed, token, note } = WORDS;
  assert.deepEqual(printed({}), [stored + token, registered + warning + failed + note]);
  assert.deepEqual(printed({ verbose: true }), [
    stored + token,
    registered + warning + detail + failed + note,
  ]);
});

Deno.test("output: an event that nobody sees is not prepared for people", () => {
  const { reporter, stdout, stderr } = reporterWith({});
  let asked = 0;
  stdout.isTerminal = stderr.isTerminal = () => ++asked === 0;
  reporter.report({ event: "unchanged", name: "b", path: "b", updated: false });
  assert.equal(asked, 0);
  reporter.report(STORED);
  assert.notEqual(asked, 0);
});

Deno.test("output: --quiet keeps results, errors and security warnings", () => {
  const { stored, token, warning, failed } = WORDS;
  assert.deepEqual(printed({ quiet: true }), [stored + token, warning + failed]);
  assert.deepEqual(printed({ quiet: true, verbose: true }), printed({ quiet: true }));
});

Deno.test("output: --json prints every event on standard output, and only errors and warnings on standard error", () => {
  const { warning, failed } = WORDS;
  const [lines = "", words] = printed({ json: true });
  assert.deepEqual(eventsIn(lines), EVENTS);
  assert.equal(words, warning + failed);
  assert.deepEqual(printed({ json: true, verbose: true }), [lines, warning + failed]);
  assert.deepEqual(printed({ json: true, quiet: true }), [lines, warning]);
});

Deno.test("colors: chosen by --color; by default on a terminal, unless NO_COLOR is set", () => {
  const isColored = (...[options, world]: Parameters<typeof reporterWith>) => {
    const { reporter, stdout, stderr } = reporterWith(options, world);
    reporter.report(STORED);
    reporter.reportError(new NetworkError("x", "It failed"));
    const colors = [stdout, stderr].map(({ text }) => text.includes("\x1b["));
    assert.equal(colors[0], colors[1]);
    return colors[0];
  };
  assert.equal(isColored({}), false);
  assert.equal(isColored({}, { terminal: true }), true);
  assert.equal(isColored({}, { terminal: true, noColor: true }), false);
  assert.equal(isColored({ color: "always" }, { noColor: true }), true);
  assert.equal(isColored({ color: "never" }, { terminal: true }), false);
});

Deno.test("errors: code, class, message and hint; the stack with --verbose, or for a bug in xfer", () => {
  const error = new NetworkError("no-answer", "Nothing came", { hint: "Try again." });
  const shown = (failure: unknown, verbose: boolean) => {
    const { reporter, stdout, stderr } = reporterWith({ json: true, verbose });
    reporter.reportError(failure);
    const [line] = eventsIn(stdout.text);
    return { line, words: stderr.text };
  };
  const { line, words } = shown(error, false);
  assert.deepEqual(line, {
    ...{ event: "error", code: "no-answer", class: "network" },
    ...{ message: "Nothing came", hint: "Try again." },
  });
  assert.equal(words, "xfer: Nothing came [no-answer]\n      Try again.\n");
  assert.match(shown(error, true).words, /^xfer: .*\n {6}Try again\.\nNetworkError: .*\n +at /);
  const cause: Error = new Error("below");
  cause.cause = cause;
  const caused = shown(new NetworkError("x", "above", { cause }), true).words;
  assert.equal(caused.match(/^Caused by: Error: below$/gm)?.length, 8);
  const fault = shown(new TypeError("oops"), false);
  assert.deepEqual([fault.line?.["code"], fault.line?.["class"]], ["internal", "internal"]);
  assert.match(fault.words, /^xfer: internal error, please report it:\nTypeError: oops\n +at /);
  assert.equal(shown("thrown", false).line?.["message"], "thrown");
});

Deno.test("progress: JSON at intervals, nothing with --no-progress, never words", () => {
  const lines = (options: Partial<OutputOptions>) => {
    let at = 0;
    const { reporter, stdout, stderr } = reporterWith(options, { now: () => at });
    for (let done = 0; done <= 100; done++, at += 10) {
      reporter.report({ event: "progress", file: "a", done, total: 100, attempt: 1 });
    }
    assert.equal(stderr.text, "");
    return eventsIn(stdout.text).map(({ done }) => done);
  };
  assert.deepEqual(lines({ json: true }), [0, 20, 40, 60, 80, 100]);
  assert.deepEqual(lines({ json: true, progress: false }), []);
  assert.deepEqual(lines({}), []);
});

Deno.test("display: receives every event, and is cleared before text", () => {
  const { reporter, stderr } = reporterWith({});
  const received: string[] = [];
  {
    using _display = reporter.attach({
      take: ({ event }) => void received.push(event),
      shows: ({ event }) => event === "sending",
      clear: () => stderr.text += "<",
      pause: () => assert.fail("nobody is asked anything"),
    });
    reporter.report({ event: "progress", file: "a", done: 1, total: 2, attempt: 1 });
    reporter.report({ event: "sending", file: "a", size: 2, attempt: 1 });
    reporter.report({ event: "tightened", path: "me.key" });
    reporter.note("a line of the log");
  }
  reporter.report({ event: "registered", user: "Alice", id: "01" });
  assert.deepEqual(received, ["progress", "sending", "tightened"]);
  assert.equal(stderr.text, `<${WORDS.warning}<a line of the log\n<${WORDS.registered}`);
});

Deno.test("output: a reader that closes the pipe is not a failure; a result that cannot be written is one, reported once", () => {
  const { reporter, stdout, stderr } = reporterWith({});
  stdout.writeSync = () => {
    throw new Deno.errors.BrokenPipe();
  };
  reporter.report(STORED);
  assert.deepEqual([reporter.failure, stderr.text], [undefined, ""]);

  const full = reporterWith({ json: true, quiet: true });
  let attempts = 0;
  full.stdout.writeSync = () => {
    attempts++;
    throw new Error("No space left on device");
  };
  for (let i = 0; i < 3; i++) full.reporter.report(STORED);
  assert.equal(attempts, 1);
  assert.equal(full.reporter.failure?.code, "cannot-write-output");
});

Deno.test("output: notes that cannot be written are lost, and the command continues", () => {
  const { reporter, stdout, stderr } = reporterWith({});
  stderr.writeSync = () => {
    throw new Deno.errors.BrokenPipe();
  };
  for (const event of EVENTS) reporter.report(event);
  assert.equal(stdout.text, WORDS.stored + WORDS.token);
  assert.equal(checkEvent(STORED).event, "stored");
});

Deno.test("questions: only on a terminal; the answer is a line", async () => {
  const asked = reporterWith({}, {
    terminal: true,
    answers: [" Alice \n", "\n", "Y\n", "maybe\n"],
  });
  assert.equal(await asked.reporter.ask("Who \x1b[1m?"), "Alice");
  assert.equal(await asked.reporter.ask("What?"), "");
  assert.equal(await asked.reporter.confirm("Sure?"), true);
  assert.equal(await asked.reporter.confirm("Sure?"), false);
  assert.equal(await asked.reporter.ask("More?"), undefined, "Ctrl-D");
  assert.equal(await asked.reporter.confirm("More?"), false);
  const begin = "Who \\u{1b}[1m? What? Sure? [y/N] Sure? [y/N] More? \n";
  assert.equal(asked.stderr.text, begin + "More? [y/N] \n");
  assert.equal(asked.stdout.text, "");
  const unasked = reporterWith({}, { answers: ["y\n"] });
  assert.equal(await unasked.reporter.confirm("Sure?"), false);
  assert.equal(unasked.stderr.text, "", "nobody would see it");
});

Deno.test("questions: progress is paused", async () => {
  const { reporter, stderr } = reporterWith({}, { terminal: true, answers: ["y\n"] });
  using _display = reporter.attach({
    take: () => undefined,
    shows: () => false,
    clear: () => undefined,
    pause: () => {
      stderr.text += "<";
      return { [Symbol.dispose]: () => void (stderr.text += ">") };
    },
  });
  await reporter.confirm("Sure?");
  assert.equal(stderr.text, "<Sure? [y/N] >");
});

Deno.test("questions: a note during a question begins a new line", async () => {
  const { reporter, stderr } = reporterWith({}, { terminal: true, answers: ["y\n"] });
  const asking = reporter.confirm("Sure?");
  reporter.report({ event: "stopping", signal: "SIGINT" });
  await asking;
  assert.equal(stderr.text, "Sure? [y/N] \nStopping. Press Ctrl-C again to quit at once.\n");
});

Deno.test("many files: above 10, a line per file needs --verbose; failures and the summary stay", () => {
  const put = (files: number, options: Partial<OutputOptions> = {}) => {
    const { reporter, stdout, stderr } = reporterWith(options);
    reporter.report({ event: "planned", files, bytes: files });
    for (let i = 0; i < files; i++) reporter.report(STORED);
    reporter.report({ event: "not-stored", path: "c", state: "not-stored", code: "x" });
    reporter.report({ event: "summary", action: "put", done: files, bytes: files, failed: 1 });
    return [stdout.text.split("\n").length - 1, stderr.text];
  };
  assert.deepEqual(put(10), [10 + 1, WORDS.failed]);
  assert.deepEqual(put(11), [1, WORDS.failed]);
  assert.deepEqual(put(11, { quiet: true }), [1, WORDS.failed]);
  assert.equal(put(11, { verbose: true })[0], 11 + 1);
  assert.equal(put(11, { json: true })[0], 1 + 11 + 1 + 1, "JSON has every event");
});

Deno.test("remarks: notes for people, neither with --quiet nor with --json", () => {
  for (
    const [options, words] of [
      [{}, "2 files (2.0 KiB)\n"],
      [{ bytes: true }, "2 files (2048 bytes)\n"],
      [{ quiet: true }, ""],
      [{ json: true }, ""],
    ] as const
  ) {
    const { reporter, stdout, stderr } = reporterWith(options);
    reporter.remark(({ size }) => `2 files (${size(2048)})`);
    assert.deepEqual([stdout.text, stderr.text], ["", words]);
  }
});

Deno.test("hints: commands in quotes, or after a colon, work on the same folder", () => {
  const { reporter, stderr } = reporterWith({ places: { client: " --transfer-info a" } });
  for (const hint of ["Run 'xfer client list'.", "See: xfer client list", "In xfer client"]) {
    reporter.reportError(new NetworkError("x", "It failed", { hint }));
  }
  assert.deepEqual(
    stderr.text.match(/(?<= {6}).*/g),
    [
      "Run 'xfer client --transfer-info a list'.",
      "See: xfer client --transfer-info a list",
      "In xfer client",
    ],
  );
});

Deno.test("names for programs: each with a NUL, escaped only on a terminal", () => {
  for (
    const [terminal, expected] of [[false, "a\x1bb\0c\n\0"], [
      true,
      "a\\u{1b}b\0c\\u{a}\0",
    ]] as const
  ) {
    const { reporter, stdout } = reporterWith({}, { terminal });
    for (const name of ["a\x1bb", "c\n"]) reporter.printName(name);
    assert.equal(stdout.text, expected);
  }
});

Deno.test("remarks: their commands work on the same folder", () => {
  const { reporter, stderr } = reporterWith({ places: { client: " --transfer-info x/y" } });
  reporter.remark(() => "To restore it, run 'xfer client restore a'.");
  assert.equal(stderr.text, "To restore it, run 'xfer client --transfer-info x/y restore a'.\n");
});

Deno.test("lists: all columns only if they are asked for; links and folders without a size", () => {
  const file = {
    event: "file",
    name: "a",
    kind: "file",
    version: 12,
    mode: "0644",
    size: 3,
  } as const;
  const changed = "2026-01-02T03:04:05.678Z";
  const { reporter, stdout } = reporterWith({});
  reporter.report({ ...file, changed });
  reporter.useLongLines();
  reporter.report({ ...file, changed });
  reporter.report({ ...file, changed, confirmed: changed });
  reporter.report({ ...file, name: "b", kind: "link", mode: "0777", changed });
  reporter.report({ event: "file", name: "c", kind: "folder" });
  assert.equal(
    stdout.text,
    [
      "     3 B  2026-01-02T03:04:05Z  a",
      "-rw-r--r--   v12       3 B  2026-01-02T03:04:05Z  a, not confirmed yet",
      "-rw-r--r--   v12       3 B  2026-01-02T03:04:05Z  a",
      "lrwxrwxrwx   v12      link  2026-01-02T03:04:05Z  b",
      "d?????????          folder                        c/",
      "",
    ].join("\n"),
  );
});
