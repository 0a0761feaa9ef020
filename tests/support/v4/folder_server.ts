/** Entries downloaded from a scripted server. */
import { getOutcomes } from "./get_outcomes.ts";
import type { GetManyOptions, GetOutcome } from "../../../client/v4/get_options.ts";
import { compareNames } from "../../../client/v4/listing.ts";
import type { EntryKind } from "../../../protocol/entry.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import { ContentsWriter } from "../../../protocol/v4/contents.ts";
import { FetchReader } from "../../../protocol/v4/fetch.ts";
import type { Message, MessageOf } from "../../../protocol/v4/messages.ts";
import { MAX_PACKED_SIZE } from "../../../protocol/v4/pack.ts";
import type { RemoteFile } from "../../../client/v4/remote_file.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { utf8 } from "../bytes.ts";
import { acceptingEveryone, ScriptedV4Server } from "./scripted_server.ts";
import { TemporaryFolder } from "../temporary_folder.ts";
import { FILE, ms } from "./message_fields.ts";
import { listing } from "./records.ts";

type Content = Uint8Array<ArrayBuffer>;
/** Fields of a listed entry that differ from those of a file with unknown permissions. */
export interface Described {
  readonly entry?: EntryKind;
  readonly mode?: number | undefined;
  readonly mtime?: bigint;
}
/** The server's entries. A list may contain a name twice. A number: milliseconds since 1970. */
export type Files = readonly (readonly [
  name: string,
  content: Content | string,
  described?: number | Described,
])[];

function sumsOf(content: Content): ChunkDigests {
  const sums = new ChunkDigests(content.length);
  for (let at = 0; at < content.length; at += CHUNK_SIZE) {
    sums.add(at, content.slice(at, at + CHUNK_SIZE));
  }
  return sums;
}

/** The names of the entries whose content a message requests. */
export function requestedBy(message: Message | undefined): string[] {
  if (message?.kind === "get") return [message.name];
  if (message?.kind !== "fetch") return [];
  const names: string[] = [];
  for (const reader = new FetchReader(message.bytes); reader.next();) names.push(reader.name);
  return names;
}

/** `refuse`: the code with which the content of an entry is refused. */
export function serving(
  files: Files,
  refuse: (name: string) => string | undefined = () => undefined,
) {
  const known = files.map(([name, content, described = {}]) => {
    const bytes = typeof content === "string" ? utf8(content) : content;
    const fields = typeof described === "number" ? { mtime: ms(described) } : described;
    return { name, bytes, fields, sums: sumsOf(bytes) };
  });
  // A client refuses a list that is not sorted.
  known.sort((a, b) => compareNames(a.name, b.name));
  const describe = (
    tag: number,
    { name, fields, sums }: typeof known[number],
  ): MessageOf<"file"> => ({
    ...{ ...FILE, ...fields, kind: "file", tag, name },
    ...sums.sums(),
  });
  return acceptingEveryone((message) => {
    const { kind, tag } = message;
    if (kind === "list") {
      // The prefix is that of what is in the folder. All else is listed, also what no honest server would.
      const listed = known.filter(({ name }) => `${name}/` !== message.prefix);
      return listing(tag, listed.map((file) => describe(tag, file)));
    }
    if (kind === "recheck") return [{ kind: "done", tag }];
    if (kind === "fetch") {
      const find = (name: string) => refuse(name) ?? known.find((file) => file.name === name);
      return [...contentsOf(message, find), { kind: "done", tag }];
    }
    if (kind !== "get" && kind !== "stat") return undefined;
    const file = known.find(({ name }) => name === message.name);
    const code = file === undefined
      ? "no-such-file"
      : kind === "get"
      ? refuse(file.name)
      : undefined;
    if (file === undefined || code !== undefined) {
      return [{ kind: "error", tag, code: code ?? "no-such-file", message: "gone" }];
    }
    if (kind === "stat") return [describe(tag, file)];
    const answer: Message[] = [describe(tag, file)];
    if (file.bytes.length > 0) answer.push({ kind: "digests", tag, bytes: file.sums.digests });
    const end = Math.min(message.to, file.bytes.length);
    const from = Math.floor(message.from / CHUNK_SIZE) * CHUNK_SIZE;
    for (let offset = from; offset < end; offset += CHUNK_SIZE) {
      const bytes = file.bytes.slice(offset, offset + CHUNK_SIZE);
      answer.push({ kind: "data", tag, offset, bytes });
    }
    return [...answer, { kind: "done", tag }];
  });
}

interface KnownFile {
  readonly name: string;
  readonly bytes: Content;
  readonly fields: Partial<RemoteFile>;
  readonly sums: ChunkDigests;
}

/** The answers to a fetch, without the last one. `find`: a file, or the code of the refusal. */
export function contentsOf(
  { tag, bytes }: MessageOf<"fetch">,
  find: (name: string) => KnownFile | string | undefined,
): Message[] {
  const [reader, writer] = [new FetchReader(bytes), new ContentsWriter()];
  const answers: Message[] = [];
  const write = (add: () => boolean) => {
    if (add()) return;
    answers.push({ kind: "contents", tag, bytes: writer.payload.slice() });
    writer.reset();
    add();
  };
  while (reader.next()) {
    const { name } = reader;
    const file = find(name) ?? "no-such-file";
    if (typeof file === "string") write(() => writer.addRefused(file, "gone"));
    else if (file.bytes.length > MAX_PACKED_SIZE) {
      write(() => writer.addRefused("over-limit", "too large"));
    } else {
      const { fields, sums } = file;
      write(() => writer.add({ ...FILE, ...fields, name, ...sums.sums() }, file.bytes));
    }
  }
  return [...answers, { kind: "contents", tag, bytes: writer.payload.slice() }];
}

export interface FolderFixture {
  readonly server: ScriptedV4Server;
  readonly folder: TemporaryFolder;
  /** For the folder `d` of the server, to the target folder. */
  readonly options: GetManyOptions;
  /** The target folder. */
  readonly root: string;
  /**
   * The outcome of each entry: `got`, `there`, or the reason of its failure. Throws the reason why the folder as a whole
   * could not be downloaded.
   */
  get(changes?: Partial<GetManyOptions>): Promise<Record<string, string>>;
}

export function test(what: string, files: Files, body: (fixture: FolderFixture) => Promise<void>) {
  Deno.test(`v4 get --recursive: ${what}`, async () => {
    await using server = await ScriptedV4Server.start();
    await using folder = await TemporaryFolder.create();
    server.answers = serving(files);
    await Deno.mkdir(folder.join("identity"));
    const root = folder.join("root");
    const identityFolder = folder.join("identity");
    const options: GetManyOptions = {
      connect: {
        ...{ server: server.address, userName: "Alice", identityFolder },
        onNewServer: () => true,
      },
      transfer: { retries: 0 },
      ...{ names: ["d"], recursive: true, target: root },
    };
    const get: FolderFixture["get"] = async (changes = {}) => {
      const outcomes = await getOutcomes({ ...options, ...changes });
      const whole = outcomes.find(({ name }) => options.names.includes(name));
      if (whole !== undefined && "error" in whole) throw whole.error;
      return Object.fromEntries(outcomes.map((outcome) => [outcome.name, wordOf(outcome)]));
    };
    await body({ server, folder, options, root, get });
  });
}

export function wordOf(outcome: GetOutcome): string {
  return "error" in outcome ? outcome.error.code : outcome.state;
}

export const namesIn = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();
