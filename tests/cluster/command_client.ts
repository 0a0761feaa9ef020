/**
 * A person who uploads a folder again and again with `xfer client put`, sometimes downloads it, and what the server may
 * have of it.
 */
import assert from "node:assert/strict";
import type { Address } from "../../protocol/address.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { areEqual, pseudoRandomBytes } from "../support/bytes.ts";
import { startXfer, writeTransferInfo } from "../support/processes.ts";
import type { Dice } from "../support/v3/fuzz.ts";

const MIB = 1024 * 1024;
const FOLDER = "folder";
/** The number of small files, and the size of the large one, which has several parts. */
const SMALL = 25;
const LARGE_SIZE = 24 * MIB;
/** The exit codes of a command that gave up: the server could not be reached, or was lost during some files. */
const GAVE_UP = [4, 9];
/** The only reasons for that. */
const REASONS = [
  ...["cannot-connect", "connection-lost", "no-answer", "no-hello", "no-secure-channel"],
  "unavailable",
];
/** A server on a busy machine can answer a hello too late for a client that would choose protocol 3 then. */
const CLIENT = ["client", "--protocol", "4", "--accept-new"];

export class CommandClient {
  readonly name: string;
  readonly #folder: string;
  /** The contents that each file may have; `undefined`: none. */
  #candidates = new Map<string, (Bytes | undefined)[]>();

  private constructor(name: string, folder: string) {
    this.name = name;
    this.#folder = folder;
  }

  /** `folder` does not exist. */
  static async create(name: string, folder: string, { port }: Address): Promise<CommandClient> {
    await Deno.mkdir(`${folder}/${FOLDER}`, { recursive: true, mode: 0o700 });
    await writeTransferInfo(folder, { port, userName: name });
    return new CommandClient(name, folder);
  }

  /** Changes some files and uploads the folder. Returns what happened. */
  async act(dice: Dice): Promise<string> {
    const names = Array.from({ length: SMALL }, (_, i) => `small-${i}`)
      .filter(() => dice.roll(2) === 0);
    if (dice.roll(3) === 0) names.push("large");
    const changed = new Map<string, Bytes>();
    for (const name of names) {
      const size = name === "large" ? LARGE_SIZE : dice.pick([0, 100, 20_000, 100_000]);
      const content = pseudoRandomBytes(size, dice.roll(2 ** 31));
      await Deno.writeFile(`${this.#folder}/${FOLDER}/${name}`, content);
      changed.set(`${FOLDER}/${name}`, content);
    }
    for (const [name, content] of changed) {
      this.#candidates.set(name, [...this.#candidates.get(name) ?? [undefined], content]);
    }
    const put = await this.#run("put", FOLDER, "--parallel", `${1 + dice.roll(3)}`);
    if (put === "gave up") return "commands that gave up";
    // Files that an earlier command has not uploaded are uploaded now.
    for (const [name, all] of this.#candidates) this.#candidates.set(name, all.slice(-1));
    if (dice.roll(3) === 0 && !(await this.#download())) return "commands that gave up";
    return `commands that ${put}`;
  }

  /** Downloads everything and compares it. Returns whether the command was successful. */
  async #download(): Promise<boolean> {
    const target = `${this.#folder}/down`;
    const got = await this.#run("get", FOLDER, "--recursive", "-o", target, "--parallel", "2");
    for (const [name, [content]] of this.#candidates) {
      if (got === "gave up" || content === undefined) continue;
      const copy = await Deno.readFile(`${target}${name.slice(FOLDER.length)}`);
      assert.ok(areEqual(copy, content), `${this.name}/${name} downloaded`);
    }
    await Deno.remove(target, { recursive: true }).catch(() => undefined);
    return got !== "gave up";
  }

  /** Runs a command, which may give up. */
  async #run(...args: string[]): Promise<"finished" | "retried and finished" | "gave up"> {
    await using command = startXfer([...CLIENT, ...args], this.#folder);
    const { code, stderr } = await command.end();
    if (GAVE_UP.includes(code)) {
      const codes = Array.from(stderr.matchAll(/ \[([a-z-]+)\]$/gm), ([, code = ""]) => code);
      assert.ok(codes.every((code) => REASONS.includes(code)), `${this.name}: ${stderr}`);
      return "gave up";
    }
    assert.equal(code, 0, `${this.name}: ${stderr}`);
    return /Retrying/.test(stderr) ? "retried and finished" : "finished";
  }

  /** Compares with the found files, which are the expected state from now on. */
  settle(found: ReadonlyMap<string, Bytes> = new Map()): void {
    const unexpected = [...found.keys()].filter((name) => !this.#candidates.has(name));
    assert.deepEqual(unexpected, [], `${this.name}: files that nobody has sent`);
    for (const [name, candidates] of this.#candidates) {
      const content = found.get(name);
      const holds = candidates.some((one) =>
        one === undefined || content === undefined ? one === content : areEqual(one, content)
      );
      assert.ok(holds, `${this.name}/${name}: ${content?.length} bytes that nobody has sent`);
      // The client's disk still has the last content, which the next command uploads.
      this.#candidates.set(name, [content, candidates.at(-1)]);
    }
  }
}
