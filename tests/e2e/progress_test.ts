/** Progress as people see it: real processes in real terminals, over a network that the test can pause. */
import assert from "node:assert/strict";
import { cellsOf } from "../../cli/text/width.ts";
import type { Address } from "../../protocol/address.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { type Faults, FaultyProxy } from "../support/net/faulty_proxy.ts";
import { GateHold } from "../support/net/gate.ts";
import { startXfer, writeTransferInfo, xfer } from "../support/processes.ts";
import { SecureProxy } from "../support/net/tls_proxy.ts";
import { HAS_TERMINAL, Terminal, type TerminalOptions } from "../support/terminal.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { Fixture } from "../support/v4/fixture.ts";

const MIB = 2 ** 20;
/** More than the buffers between both ends hold. */
const SIZE = 24 * MIB;
/** The part that passes before the network holds the rest: at least a tenth, which the display shows in two digits. */
const BEGUN = 4 * MIB;
const CONTENT = pseudoRandomBytes(SIZE);
const NAME = "photos.bin";

const CLIENT_3 = ["client", "--protocol", "3"];
const CLIENT_4 = ["client", "--protocol", "4", "--accept-new"];

/** A server, and the folder of a client that reaches it over a network controlled by the test. */
class Stage implements AsyncDisposable {
  readonly hold = new GateHold();
  readonly folder: string;
  readonly #fixture: Fixture;
  #proxy: AsyncDisposable | undefined;

  private constructor(fixture: Fixture, folder: string) {
    this.#fixture = fixture;
    this.folder = folder;
  }

  static async create(files: Readonly<Record<string, Bytes>> = { [NAME]: CONTENT }) {
    const fixture = await Fixture.create({}, {}, await TemporaryFolder.createOnDisk());
    const folder = fixture.folder.join("Alice");
    await Deno.mkdir(folder, { mode: 0o700 });
    for (const [name, content] of Object.entries(files)) {
      await Deno.writeFile(`${folder}/${name}`, content);
    }
    const stage = new Stage(fixture, folder);
    await stage.#leadTo(fixture.server.address);
    return stage;
  }

  /** Leads the client through such a network from now on. */
  async through(protocol: 3 | 4, faults: Faults): Promise<void> {
    const { server } = this.#fixture;
    const proxy = protocol === 3
      ? await FaultyProxy.start(server.address, faults)
      : await SecureProxy.start(server, { secure: faults });
    this.#proxy = proxy;
    await this.#leadTo(proxy.address);
  }

  async run(...args: string[]): Promise<void> {
    const { code, stderr } = await xfer(args, this.folder);
    assert.equal(code, 0, stderr);
  }

  show(args: readonly string[], options: TerminalOptions = {}): Promise<Terminal> {
    return Terminal.xfer(args, { cwd: this.folder, ...options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hold.release();
    await this.#proxy?.[Symbol.asyncDispose]();
    await this.#fixture[Symbol.asyncDispose]();
  }

  #leadTo({ port }: Address): Promise<void> {
    return writeTransferInfo(this.folder, { port, file: NAME });
  }
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `progress: ${name}`, ignore: !HAS_TERMINAL, fn });
}

/** Every line that was drawn, without colors. */
function drawn(written: string): string[] {
  return [...written.matchAll(new RegExp("\r([^\r\n]+)\x1b\\[K", "g"))]
    .map(([, line = ""]) => line.replaceAll(SGR, ""));
}

const CLEAR = "\x1b[K";
const SGR = new RegExp("\x1b\\[\\d*m", "g");

interface Way {
  readonly way: string;
  readonly protocol: 3 | 4;
  readonly args: readonly string[];
  /** The text of the last line. */
  readonly done: RegExp;
}

const WAYS: readonly Way[] = [
  {
    way: "put over protocol 3",
    protocol: 3,
    args: [...CLIENT_3, "put", NAME],
    done: /^Uploaded photos/,
  },
  {
    way: "put over protocol 4",
    protocol: 4,
    args: [...CLIENT_4, "put", NAME],
    done: /^Uploaded photos/,
  },
  {
    way: "get",
    protocol: 4,
    args: [...CLIENT_4, "get", NAME, "-o", "back"],
    done: /^Downloaded photos/,
  },
];

for (const { way, protocol, args, done } of WAYS) {
  test(`${way}: a line is drawn during the transfer, and cleared at the end`, async () => {
    await using stage = await Stage.create();
    if (way === "get") await stage.run(...CLIENT_4, "put", NAME);
    const flow = stage.hold.after(BEGUN);
    await stage.through(protocol, way === "get" ? { down: flow } : { up: flow });
    await using terminal = await stage.show(args);
    await terminal.shows(/^photos\.bin {2}━+─+ {3}[1-9]\d% {2,}[\d.]+\/24\.0 MiB/m);
    assert.match(terminal.lines.at(-1) ?? "", /%/, "it is the last line");
    stage.hold.release();
    const { code, written, lines } = await terminal.end();
    assert.equal(code, 0, written);
    assert.match(lines.at(-1) ?? "", done);
    assert.ok(!lines.some((line) => line.includes("%")), lines.join("\n"));
    assert.ok(
      !lines.some((line) => line.startsWith("Uploading photos")),
      "the progress line shows it",
    );
    const before = drawn(written).findIndex((line) => line.includes("100%"));
    assert.ok(before === -1 || before === drawn(written).length - 1, "100 % comes at the end");
  });
}

for (const { way, protocol, args } of WAYS.filter(({ way }) => way !== "get")) {
  test(`${way}: after all bytes are sent, it stays below 100 % until the server has approved`, async () => {
    await using stage = await Stage.create();
    await stage.through(protocol, stage.hold.answersTo(SIZE - MIB));
    await using terminal = await stage.show(args);
    await terminal.shows(/ 99% {2}24\.0\/24\.0 MiB {2}waiting for confirmation/);
    assert.ok(!terminal.written.includes("100%"));
    assert.ok(!terminal.written.includes("Uploaded"));
    stage.hold.release();
    const { code, lines } = await terminal.end();
    assert.equal(code, 0);
    assert.match(lines.at(-1) ?? "", /^Uploaded photos\.bin/);
  });
}

for (const columns of [5, 33]) {
  test(`with ${columns} columns it stays in one line`, async () => {
    const name = "日本の写真と👍🏽とても長い名前.bin";
    await using stage = await Stage.create({ [name]: CONTENT });
    await stage.through(4, { up: stage.hold.after(BEGUN) });
    await using terminal = await stage.show([...CLIENT_4, "put", name], { columns, rows: 10 });
    await terminal.shows(/[1-9]\d%/);
    stage.hold.release();
    const { code, written, lines } = await terminal.end();
    assert.equal(code, 0);
    const bars = drawn(written);
    assert.ok(bars.length > 0);
    for (const bar of bars) assert.ok(cellsOf(bar) < columns, bar);
    assert.ok(!lines.some((line) => line.includes("%")), lines.join("\n"));
  });
}

test("after the terminal was resized, the line fits", async () => {
  await using stage = await Stage.create();
  await stage.through(4, { up: stage.hold.after(BEGUN) });
  await using terminal = await stage.show([...CLIENT_4, "put", NAME], { columns: 40 });
  await terminal.shows(/^photos\.bin {3}[1-9]\d%/m);
  await terminal.resize(100, 24);
  await terminal.shows(/^photos\.bin {2}━+─+ {3}[1-9]\d%/m);
  const wide = terminal.written.length;
  await terminal.resize(20, 24);
  await terminal.shows(/^photos\.bin {3}[1-9]\d%$/m);
  const narrow = drawn(terminal.written.slice(wide));
  assert.ok((narrow.at(-1)?.length ?? 20) < 20);
  stage.hold.release();
  assert.equal((await terminal.end()).code, 0);
});

test("for a folder it shows the number of stored files", async () => {
  await using stage = await Stage.create({ "z-last.bin": CONTENT });
  await Deno.mkdir(`${stage.folder}/photos`);
  for (const name of ["a", "b", "c"]) {
    await Deno.writeTextFile(`${stage.folder}/photos/${name}`, name);
  }
  await Deno.rename(`${stage.folder}/z-last.bin`, `${stage.folder}/photos/z-last.bin`);
  await stage.through(4, { up: stage.hold.after(BEGUN) });
  await using terminal = await stage.show([...CLIENT_4, "put", "photos"], { columns: 120 });
  await terminal.shows(/^photos\/z-last\.bin +━+─+ {3}\d+% {2}.* 3\/4 files/m);
  stage.hold.release();
  const { lines } = await terminal.end();
  assert.deepEqual(
    lines.filter((line) => line.startsWith("Uploaded")).map((line) => line.slice(0, 22)),
    [
      ..."abc".split("").map((name) => `Uploaded photos/${name} (1 B`),
      "Uploaded photos/z-last",
      "Uploaded 4 files (24.0",
    ],
  );
});

test("after a network failure it shows the number of the attempt", async () => {
  await using stage = await Stage.create();
  let [passed, failed] = [0, false];
  const gate = stage.hold.after(2 * MIB)();
  await stage.through(4, {
    up: () => (bytes) => {
      passed += bytes.length;
      if (failed) return gate(bytes);
      failed = passed > 16 * MIB;
      return failed ? ["rst"] : [bytes];
    },
  });
  await using terminal = await stage.show([...CLIENT_4, "put", NAME], { columns: 120 });
  await terminal.shows(/^photos\.bin .* [1-9]\d% {2}.*attempt 2$/m);
  stage.hold.release();
  const { code, lines } = await terminal.end();
  assert.equal(code, 0);
  assert.ok(lines.some((line) => line.includes("Retrying in")), lines.join("\n"));
});

test("Ctrl-C clears the line", async () => {
  await using stage = await Stage.create();
  await stage.run(...CLIENT_4, "put", NAME);
  await stage.through(4, { down: stage.hold.after(BEGUN) });
  await using terminal = await stage.show([...CLIENT_4, "get", NAME, "-o", "back"]);
  await terminal.shows(/%/);
  await terminal.type("\x03");
  const { code, lines } = await terminal.end();
  assert.equal(code, 130);
  assert.ok(lines.includes("Stopping. Press Ctrl-C again to quit at once."), lines.join("\n"));
  assert.equal(lines.at(-1), `Interrupted: ${NAME}`);
  assert.ok(!lines.some((line) => line.includes("%")), lines.join("\n"));
});

/** Long enough for several redraws. */
const SLOWLY = [...CLIENT_4, "put", NAME, "--limit-rate", "2MB"];

async function written(args: readonly string[], options: TerminalOptions = {}): Promise<string> {
  await using stage = await Stage.create({ [NAME]: CONTENT.slice(0, 2 * MIB) });
  await using terminal = await stage.show([...SLOWLY, ...args], options);
  const { code, written } = await terminal.end();
  assert.equal(code, 0, written);
  return written;
}

test("colors and characters match the terminal's settings", async () => {
  const [usual, uncolored, never, ascii] = await Promise.all([
    written([]),
    written([], { env: { NO_COLOR: "1" } }),
    written(["--color", "never"]),
    written([], { env: { LANG: "C" } }),
  ]);
  assert.match(usual, SGR);
  assert.match(usual, /━/);
  for (const plain of [uncolored, never]) {
    assert.doesNotMatch(plain, SGR);
    assert.match(plain, /━/);
  }
  assert.match(ascii, /#/);
  assert.match(ascii, new RegExp("^[\\x20-\\x7e\r\n\x1b]*$"));
});

test("--no-progress and --quiet draw nothing", async () => {
  const [none, quiet] = await Promise.all([written(["--no-progress"]), written(["--quiet"])]);
  for (const text of [none, quiet]) assert.ok(!text.includes("%") && !text.includes(CLEAR));
  assert.match(none, /^Uploading photos\.bin \(2\.0 MiB\)\r$/m);
  assert.match(quiet.replaceAll(SGR, ""), /^Uploaded photos\.bin [^\n]*\r\n$/);
});

test("without a terminal it is a line now and then", async () => {
  await using stage = await Stage.create();
  await stage.through(4, { up: stage.hold.after(BEGUN) });
  await using process = startXfer([...CLIENT_4, "put", NAME], stage.folder);
  await process.printed(/^photos\.bin: [1-9]\d?%, [\d.]+\/24\.0 MiB/m);
  stage.hold.release();
  const { code, stdout, stderr } = await process.end();
  assert.equal(code, 0);
  assert.match(stdout, /^Uploaded photos\.bin/);
  assert.ok(!stderr.includes("\r") && !stderr.includes("\x1b"));
});

test("on a terminal that cannot move the cursor nothing is drawn", async () => {
  const dumb = await written([], { env: { TERM: "dumb" } });
  const text = dumb.replaceAll(SGR, "").replaceAll("\r\n", "\n");
  assert.ok(!text.includes("\r") && !text.includes("\x1b"), text);
});
