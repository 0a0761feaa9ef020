/** The entries of a folder, here or on a server, to compare. */
import assert from "node:assert/strict";
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { ChunkDigests } from "../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE } from "../../protocol/v4/merkle_tree.ts";
import { isPartName } from "../../client/local/partial_file.ts";
import type { ConnectOptions } from "../../client/v4/connect_options.ts";
import { V4Client } from "../../client/v4/client.ts";
import { utf8 } from "../support/bytes.ts";

/** An entry's kind and content, and with its mode and time. */
interface Seen {
  readonly content: string;
  readonly all: string;
}
export type TreeState = ReadonlyMap<string, Seen>;

export async function listOf(connect: ConnectOptions, folder: string): Promise<TreeState> {
  using client = await V4Client.connect(connect);
  const state = new Map<string, Seen>();
  await client.list(`${folder}/`, ({ name, entry, digest, mode, mtime }) => {
    const content = `${entry} ${toHex(digest)}`;
    state.set(name, { content, all: `${content} ${mode} ${mtime}` });
  });
  return state;
}

/** The entries below a local folder, by their names on the server. */
export function stateOf(root: string, as: string): TreeState {
  const state = new Map<string, Seen>();
  const visit = (below: string) => {
    for (const { name, isDirectory, isSymlink } of entriesIn(`${root}/${below}`)) {
      if (isPartName(name)) continue;
      const path = `${root}/${below}${name}`;
      const content = isDirectory
        ? `folder ${digestOf(new Uint8Array())}`
        : isSymlink
        ? `link ${digestOf(utf8(Deno.readLinkSync(path)))}`
        : `file ${digestOf(Deno.readFileSync(path))}`;
      const { mode, mtime } = Deno.lstatSync(path);
      const all = `${content} ${isSymlink ? "" : mode} ${mtime?.getTime()}`;
      state.set(`${as}/${below}${name}`, { content, all });
      if (isDirectory) visit(`${below}${name}/`);
    }
  };
  visit("");
  return state;
}

function entriesIn(folder: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(folder)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function digestOf(content: Bytes): string {
  const sums = new ChunkDigests(content.length);
  for (let at = 0; at < content.length; at += CHUNK_SIZE) {
    sums.add(at, content.subarray(at, at + CHUNK_SIZE));
  }
  return toHex(sums.sums().digest);
}

export function contentsOf(state: TreeState): TreeState {
  return new Map([...state].map(([name, { content }]) => [name, { content, all: content }]));
}

/** Fails unless each entry is as before, or as it should be. */
export function assertMixed(found: TreeState, before: TreeState, after: TreeState): void {
  for (const name of new Set([...found.keys(), ...before.keys()])) {
    const content = found.get(name)?.content;
    const allowed = [before, after].map((state) => state.get(name)?.content);
    assert.ok(allowed.includes(content), `${name}: ${content}, not ${allowed.join(" or ")}`);
  }
}

export function assertSame(found: TreeState, expected: TreeState, what: string): void {
  const shown = (state: TreeState) => [...state].map(([name, { all }]) => `${name}: ${all}`).sort();
  assert.deepEqual(shown(found), shown(expected), what);
}
