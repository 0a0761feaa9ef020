/** The server's log goes through the reporter: its colours and `--quiet` hold for it too. */
import assert from "node:assert/strict";
import { getLogger, reset } from "@logtape/logtape";
import { configureLogs, type LogFormat } from "../../../cli/output/server_log.ts";
import { DEFAULT_OUTPUT, type OutputOptions, Reporter } from "../../../cli/output/reporter.ts";

/** What is logged of something that is usual, and of something that is not. */
async function logged(
  format: LogFormat,
  options: Partial<OutputOptions>,
  event = "a.b",
): Promise<string[]> {
  let text = "";
  const stream = {
    isTerminal: () => false,
    writeSync(bytes: Uint8Array) {
      text += new TextDecoder().decode(bytes);
      return bytes.length;
    },
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

Deno.test("log: a line for each, for people or for programs", async () => {
  const [usual = "", unusual = "", ...rest] = await logged("human", {});
  assert.match(usual, / \[INF\] xfer·test: usual a\.b$/);
  assert.match(unusual, / \[WRN\] xfer·test: unusual a\.c$/);
  assert.deepEqual(rest, []);
  const events = (await logged("json", {})).map((line) => JSON.parse(line).event);
  assert.deepEqual(events, ["a.b", "a.c"]);
});

Deno.test("log: with --quiet only what an operator should look at", async () => {
  assert.equal((await logged("human", { quiet: true })).length, 1);
  const [only] = await logged("json", { quiet: true });
  assert.equal(JSON.parse(only ?? "").event, "a.c");
});

Deno.test("log: coloured as --color says", async () => {
  assert.ok(!(await logged("human", {})).join().includes("\x1b["));
  assert.ok((await logged("human", { color: "always" })).join().includes("\x1b["));
});

Deno.test("log: nothing of a peer's is taken for a command or another line", async () => {
  const [line = "", ...rest] = await logged("human", {}, "a\u001b[2J\nb\u202e");
  assert.ok(line.endsWith("usual a\\u{1b}[2J\\u{a}b\\u{202e}"), line);
  assert.equal(rest.length, 1);
});
