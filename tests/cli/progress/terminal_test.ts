/** The pseudo-terminal in which other tests run xfer. */
import assert from "node:assert/strict";
import { Screen, shownOf } from "../../support/screen.ts";
import { HAS_TERMINAL, Terminal } from "../../support/terminal.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `terminal: ${name}`, ignore: !HAS_TERMINAL, fn });
}

const sh = (line: string, options = {}) => Terminal.start(["sh", "-c", line], options);

test("a command has a terminal of the given size, and returns its exit code", async () => {
  await using terminal = await sh("test -t 0 && test -t 2 && stty size; exit 3", {
    columns: 33,
    rows: 10,
  });
  const { code, lines } = await terminal.end();
  assert.deepEqual(lines, ["10 33"]);
  assert.equal(code, 3);
});

test("a command is notified of another size", async () => {
  await using terminal = await sh(
    `trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done`,
  );
  await terminal.shows(/ready/);
  await terminal.resize(20, 5);
  assert.deepEqual((await terminal.end()).lines, ["ready", "5 20"]);
});

test("a command receives typed text, and Ctrl-C as a signal", async () => {
  await using terminal = await sh(`read name; echo "hello $name"; sleep 60`);
  await terminal.type("Alice\n");
  await terminal.shows(/hello Alice/);
  await terminal.type("\x03");
  assert.equal((await terminal.end()).code, 130);
});

test("waiting for text ends with the command", async () => {
  await using terminal = await sh("echo one");
  await assert.rejects(terminal.shows(/two/), /The command ended and shows:\none/);
});

test("a running command is killed at the end of its scope", async () => {
  let pid = "";
  {
    await using terminal = await sh(`echo "pid $$."; exec sleep 600`);
    await terminal.shows(/pid \d+\./);
    pid = /pid (\d+)/.exec(terminal.written)?.[1] ?? "";
  }
  // The parent is gone. Wait until the process that adopts the child has removed it, too.
  while (await Deno.stat(`/proc/${pid}/cwd`).catch(() => undefined) !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

Deno.test("screen: overwritten text is gone, colors take no cells, long lines wrap", async () => {
  assert.deepEqual(await shownOf("12345\r\x1b[31mab\x1b[0m\x1b[K\r\nnext"), ["ab", "next"]);
  assert.deepEqual(await shownOf("123456", 4), ["1234", "56"]);
});

Deno.test("screen: rows mark styles, and know whether they continue a line", async () => {
  using screen = new Screen(8, 5);
  await screen.write("\x1b[31mab\x1b[39m c\r\n\x1b[2;32mlong line\x1b[0m\r\n\x1b[1mb\x1b[22m");
  assert.deepEqual(screen.rows, [
    { text: "⟨red⟩ab⟨/⟩ c", isWrapped: false },
    { text: "⟨dim green⟩long lin⟨/⟩", isWrapped: false },
    { text: "⟨dim green⟩e⟨/⟩", isWrapped: true },
    { text: "⟨bold⟩b⟨/⟩", isWrapped: false },
  ]);
});
