/** Clients that are killed while they make a folder a mirror, in both directions. */
import assert from "node:assert/strict";
import { getOutcomes } from "../support/v4/get_outcomes.ts";
import { toHex } from "../../protocol/bytes.ts";
import { readTime } from "../../client/local/file_metadata.ts";
import { isPartName } from "../../client/local/partial_file.ts";
import { putAll } from "../support/v4/put_all.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { type LocalEntry, makeTree } from "../support/local_tree.ts";
import { pathOfProgram } from "../support/programs.ts";
import { tiedCommand } from "../support/tied_processes.ts";
import { runTool } from "../support/tools.ts";
import { Fixture } from "../support/v4/fixture.ts";
import type { Loop } from "./loop.ts";

const PROGRAM = pathOfProgram("tests/faults/killed_client.ts");
const SIDE_BY_SIDE = 2;
const TIME = 1_600_000_000_123_456_789n;
const OPTIONS = ["--delete", "--yes", "--accept-new"];

const file = (size: number, seed: number): LocalEntry => ({
  ...{ kind: "file", content: pseudoRandomBytes(size, seed), mode: 0o644, mtime: TIME },
});
const folder: LocalEntry = { kind: "folder", mode: 0o755, mtime: TIME };

const OLD: Readonly<Record<string, LocalEntry>> = {
  "": folder,
  "same": file(100, 1),
  "changed": file(70_000, 2),
  "file to folder": file(10, 3),
  "folder to file": folder,
  "folder to file/inner": file(10, 4),
  "gone": folder,
  "gone/file": file(20_000, 5),
  "link": { kind: "link", content: "same", mtime: TIME },
  "touched": file(10, 6),
};
const NEW: Readonly<Record<string, LocalEntry>> = {
  "": folder,
  "same": file(100, 1),
  "changed": file(2_000_000, 12),
  "file to folder": folder,
  "file to folder/inner": file(20_000, 13),
  "folder to file": file(10, 14),
  "link": { kind: "link", content: "changed", mtime: TIME + 1n },
  "sealed": { ...folder, mode: 0o555 },
  "sealed/file": file(100, 15),
  "touched": { ...file(10, 6), mode: 0o600, mtime: TIME + 5n },
};

/** What is at each path or name: its content, and with mode and time. */
type State = ReadonlyMap<string, { readonly content: string; readonly all: string }>;

/**
 * Kills `get --delete` and `put --delete` before each call to files and network. Each entry is as before, as it should
 * be, or absent, and the next run completes the mirror.
 */
export async function killMirrorsAtEveryCall(
  loop: Loop,
  every: { readonly get: number; readonly put: number } = { get: 1, put: 1 },
): Promise<void> {
  await using mirrors = await Mirrors.create();
  const directions = [
    ["get", every.get, mirrors.get.bind(mirrors)],
    ["put", every.put, mirrors.put.bind(mirrors)],
  ] as const;
  for (const [direction, every, kill] of directions) {
    await loop.atCalls({ every, sideBySide: SIDE_BY_SIDE }, async (at) => {
      const killed = await kill(at).catch((cause) => {
        throw new Error(`${direction} --delete, killed before call ${at}: ${cause}`, { cause });
      });
      if (killed) loop.count(direction);
      return killed;
    });
  }
}

class Mirrors implements AsyncDisposable {
  readonly #fixture: Fixture;

  private constructor(fixture: Fixture) {
    this.#fixture = fixture;
  }

  static async create(): Promise<Mirrors> {
    const fixture = await Fixture.create();
    (await fixture.client("Alice"))[Symbol.dispose]();
    const mirrors = new Mirrors(fixture);
    await makeTree(mirrors.path("old"), OLD);
    await makeTree(mirrors.path("new"), NEW);
    await mirrors.#upload("new", "new");
    const { hostname, port } = fixture.server.address;
    await Deno.writeTextFile(mirrors.path("transfer.info"), `${hostname}:${port}\nAlice\na\n`);
    return mirrors;
  }

  path(name: string): string {
    return this.#fixture.folder.join("Alice", name);
  }

  /** Returns whether the client reached the call and was killed. */
  async get(at: number): Promise<boolean> {
    const name = `back${at}`;
    const target = this.path(name);
    await runTool("cp", ["-a", this.path("old"), target]);
    const [before, after] = [stateOf(target), stateOf(this.path("new"))];
    const killed = await this.#run(at, "get", "new", "--recursive", "--force", "-o", name);
    const left = stateOf(target);
    assertMixed(left, before, after);
    const connect = await this.#fixture.options("Alice");
    const confirmMirror = () => Promise.resolve();
    const run = { connect, names: ["new"], recursive: true, force: true, target, confirmMirror };
    const failed = (await getOutcomes(run)).filter((outcome) => "error" in outcome);
    assert.deepEqual(failed, []);
    assertSame(stateOf(target), after);
    await Deno.remove(target, { recursive: true });
    return killed;
  }

  /** Returns whether the client reached the call and was killed. */
  async put(at: number): Promise<boolean> {
    const name = `up${at}`;
    await this.#upload("old", name);
    const [before, after] = [await this.#list(name), await this.#list("new")];
    const killed = await this.#run(at, "put", "new", "--as", name);
    assertMixed(await this.#list(name), before, after);
    await this.#upload("new", name);
    assertSame(await this.#list(name), after);
    return killed;
  }

  async #run(at: number, ...args: readonly string[]): Promise<boolean> {
    const all = [
      "run",
      "--quiet",
      "--no-check",
      "--allow-all",
      PROGRAM,
      `${at}`,
      "thread",
      "client",
    ];
    const { code, signal, stderr } = await tiedCommand(Deno.execPath(), {
      args: [...all, ...args, ...OPTIONS],
      // Killed, it cannot remove its temporary files.
      env: { TMPDIR: this.path("") },
      ...{ cwd: this.path(""), stdin: "null", stdout: "null", stderr: "piped" },
    }).output();
    assert.ok(code === 0 || signal === "SIGKILL", new TextDecoder().decode(stderr));
    return signal === "SIGKILL";
  }

  async #upload(path: string, as: string): Promise<void> {
    const connect = await this.#fixture.options("Alice");
    const outcomes = await putAll({ connect, paths: [this.path(path)], as, mirror: {} });
    assert.deepEqual(outcomes.filter((outcome) => "error" in outcome), []);
  }

  async #list(folder: string): Promise<State> {
    using client = await this.#fixture.client("Alice");
    const state = new Map<string, { content: string; all: string }>();
    await client.list(`${folder}/`, ({ name, entry, digest, mode, mtime }) => {
      const content = `${entry} ${toHex(digest)}`;
      state.set(name.slice(folder.length + 1), { content, all: `${content} ${mode} ${mtime}` });
    });
    return state;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fixture[Symbol.asyncDispose]();
  }
}

/** The entries below a folder. Pipes and what a killed run has left are omitted. */
function stateOf(root: string): State {
  const state = new Map<string, { content: string; all: string }>();
  const visit = (below: string) => {
    for (const { name, isDirectory, isFile, isSymlink } of Deno.readDirSync(`${root}/${below}`)) {
      if (isPartName(name) || !(isDirectory || isFile || isSymlink)) continue;
      const path = `${root}/${below}${name}`;
      const content = isDirectory
        ? "folder"
        : isSymlink
        ? `link ${Deno.readLinkSync(path)}`
        : `file ${toHex(Deno.readFileSync(path))}`;
      const mode = isSymlink ? "" : Deno.lstatSync(path).mode;
      state.set(`${below}${name}`, { content, all: `${content} ${mode} ${readTime(path)}` });
      if (isDirectory) visit(`${below}${name}/`);
    }
  };
  visit("");
  return state;
}

/** Fails if an entry is neither as before nor as it should be. */
function assertMixed(found: State, before: State, after: State): void {
  for (const [name, { content }] of found) {
    const isOld = before.get(name)?.content === content;
    assert.ok(isOld || after.get(name)?.content === content, `${name} is whole`);
  }
}

function assertSame(found: State, expected: State): void {
  const shown = (state: State) =>
    [...state].map(([name, { all }]) => `${name}: ${all.slice(0, 80)} ${all.slice(-30)}`).sort();
  assert.deepEqual(shown(found), shown(expected));
}
