/** The server's log is written by the reporter, with its colors and `--quiet`. */
import assert from "node:assert/strict";
import { getLogger, reset } from "@logtape/logtape";
import { configureLogs, type LogFormat } from "../../../cli/output/server_log.ts";
import { DEFAULT_OUTPUT, type OutputOptions, Reporter } from "../../../cli/output/reporter.ts";

/** Logs an info and a warning, and returns the lines. */
async function logged(
  format: LogFormat,
  options: Partial<OutputOptions>,
  event = "a.b",
  isTerminal = false,
): Promise<string[]> {
  let text = "";
  const stream = {
    isTerminal: () => isTerminal,
    writeSync(bytes: Uint8Array): number {
      text += new TextDecoder().decode(bytes);
      return bytes.length;
    },
    write: (bytes: Uint8Array) => Promise.resolve(stream.writeSync(bytes)),
  };
  const streams = { stdout: stream, stderr: stream, noColor: false };
  await configureLogs(format, new Reporter({ ...DEFAULT_OUTPUT, ...options }, streams));
  try {
    const logger = getLogger(["xfer", "test"]);
    logger.info("usual {event}", { event });
    logger.warn("unusual {event}", { event: "a.c" });
  } finally {
    await reset();
  }
  return text.split("\n").slice(0, -1);
}

Deno.test("log: one line per record, for people or for programs", async () => {
  const [usual = "", unusual = "", ...rest] = await logged("human", {});
  assert.match(usual, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INF usual a\.b$/);
  assert.match(unusual, /Z WRN unusual a\.c$/);
  assert.deepEqual(rest, []);
  const events = (await logged("json", {})).map((line) => JSON.parse(line).event);
  assert.deepEqual(events, ["a.b", "a.c"]);
});

Deno.test("log: the time is local on a terminal, without milliseconds", async () => {
  const [line = ""] = await logged("human", { color: "never" }, "a.b", true);
  assert.match(line, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d INF usual a\.b$/);
});

Deno.test("log: --quiet keeps warnings and errors", async () => {
  assert.equal((await logged("human", { quiet: true })).length, 1);
  const [only] = await logged("json", { quiet: true });
  assert.equal(JSON.parse(only ?? "").event, "a.c");
});

Deno.test("log: colors are chosen by --color", async () => {
  assert.ok(!(await logged("human", {})).join().includes("\x1b["));
  assert.ok((await logged("human", { color: "always" })).join().includes("\x1b["));
});

Deno.test("log: text from a peer cannot control the terminal or begin a line", async () => {
  const [line = "", ...rest] = await logged("human", {}, "a\u001b[2J\nb\u202e");
  assert.ok(line.endsWith("usual a\\u{1b}[2J\\u{a}b\\u{202e}"), line);
  assert.equal(rest.length, 1);
});
