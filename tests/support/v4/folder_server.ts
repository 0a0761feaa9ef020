/** A folder downloaded from a scripted server. */
import assert from "node:assert/strict";
import { getFolder } from "../../../client/v4/get_files.ts";
import type { GetOptions, GetOutcome } from "../../../client/v4/get_plan.ts";
import { compareNames } from "../../../client/v4/listing.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import type { Message } from "../../../protocol/v4/messages.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { utf8 } from "../bytes.ts";
import { acceptingEveryone, ScriptedV4Server } from "./scripted_server.ts";
import { TemporaryFolder } from "../temporary_folder.ts";
import { FILE, ms } from "./message_fields.ts";

type Content = Uint8Array<ArrayBuffer>;
/** The server's files, by name. A list may contain a name twice. */
export type Files = readonly (readonly [name: string, content: Content | string, mtime?: number])[];

function sumsOf(content: Content): ChunkDigests {
  const sums = new ChunkDigests(content.length);
  for (let at = 0; at < content.length; at += CHUNK_SIZE) {
    sums.add(at, content.slice(at, at + CHUNK_SIZE));
  }
  return sums;
}

export function serving(files: Files) {
  const known = files.map(([name, content, mtime = 1000]) => {
    const bytes = typeof content === "string" ? utf8(content) : content;
    return { name, bytes, mtime, sums: sumsOf(bytes) };
  });
  // A client refuses a list that is not sorted.
  known.sort((a, b) => compareNames(a.name, b.name));
  const describe = (tag: number, { name, mtime, sums }: typeof known[number]): Message => ({
    ...{ ...FILE, kind: "file", tag, name, mtime: ms(mtime) },
    ...sums.sums(),
  });
  return acceptingEveryone((message) => {
    const { kind, tag } = message;
    if (kind === "list") {
      return [...known.map((file) => describe(tag, file)), { kind: "done", tag }];
    }
    if (kind !== "get" && kind !== "stat") return undefined;
    const file = known.find(({ name }) => name === message.name) ?? assert.fail();
    if (kind === "stat") return [describe(tag, file)];
    const answer = [describe(tag, file)];
    if (file.bytes.length > 0) answer.push({ kind: "digests", tag, bytes: file.sums.digests });
    const end = Math.min(message.to, file.bytes.length);
    for (let offset = message.from; offset < end; offset += CHUNK_SIZE) {
      const bytes = file.bytes.slice(offset, offset + CHUNK_SIZE);
      answer.push({ kind: "data", tag, offset, bytes });
    }
    return [...answer, { kind: "done", tag }];
  });
}

export interface FolderFixture {
  readonly server: ScriptedV4Server;
  readonly folder: TemporaryFolder;
  readonly options: GetOptions;
  /** The target folder. */
  readonly root: string;
  /** The outcome of each file: `got`, `there`, or the reason of its failure. */
  get(changes?: Partial<GetOptions>): Promise<Record<string, string>>;
}

export function test(what: string, files: Files, body: (fixture: FolderFixture) => Promise<void>) {
  Deno.test(`v4 get --recursive: ${what}`, async () => {
    await using server = await ScriptedV4Server.start();
    await using folder = await TemporaryFolder.create();
    server.answers = serving(files);
    await Deno.mkdir(folder.join("identity"));
    const root = folder.join("root");
    const identityFolder = folder.join("identity");
    const options: GetOptions = {
      connect: {
        ...{ server: server.address, userName: "Alice", identityFolder },
        onNewServer: () => true,
      },
      transfer: { retries: 0 },
      ...{ name: "d", target: root },
    };
    const get: FolderFixture["get"] = async (changes = {}) => {
      const outcomes = await getFolder({ ...options, ...changes });
      return Object.fromEntries(outcomes.map((outcome) => [outcome.name, wordOf(outcome)]));
    };
    await body({ server, folder, options, root, get });
  });
}

export function wordOf(outcome: GetOutcome): string {
  return outcome.state === "not-got" ? outcome.error.code : outcome.state;
}

export const namesIn = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();
