/** Messages of records, for tests. */
import type { Bytes } from "../../../protocol/bytes.ts";
import { ContentsWriter } from "../../../protocol/v4/contents.ts";
import { EntriesWriter } from "../../../protocol/v4/entries.ts";
import { FetchWriter } from "../../../protocol/v4/fetch.ts";
import type { FileFields } from "../../../protocol/v4/file_record.ts";
import type { Message, MessageOf } from "../../../protocol/v4/messages.ts";
import { type PackedAttributes, PackWriter } from "../../../protocol/v4/pack.ts";
import { PackedReader } from "../../../protocol/v4/packed.ts";
import { UpdateWriter } from "../../../protocol/v4/update.ts";

/** A record of a pack; by default a file with unknown permissions. */
export interface PackRecord extends Partial<PackedAttributes> {
  readonly name: string;
  readonly content: Bytes;
}

export function packOf(tag: number, records: readonly PackRecord[]): MessageOf<"pack"> {
  const pack = new PackWriter();
  for (const { name, content, entry = "file", mode, mtime = 1_000_000n } of records) {
    const room = pack.begin(name, content.length);
    if (room === undefined) throw new RangeError("too many records");
    room.set(content);
    pack.add({ entry, mode, mtime }, content.length);
  }
  return { kind: "pack", tag, bytes: pack.payload };
}

export function updateOf(
  tag: number,
  name: string,
  version: number,
  mode: number | undefined,
  mtime: bigint,
): MessageOf<"update"> {
  const update = new UpdateWriter();
  update.add(name, version, { mode, mtime });
  return { kind: "update", tag, bytes: update.payload };
}

export function fetchOf(
  tag: number,
  wanted: readonly (readonly [name: string, version: number])[],
): MessageOf<"fetch"> {
  const fetch = new FetchWriter();
  for (const [name, version] of wanted) fetch.add(name, version);
  return { kind: "fetch", tag, bytes: fetch.payload };
}

export function contentsOf(
  tag: number,
  files: readonly (FileFields & { readonly content: Bytes })[],
): MessageOf<"contents"> {
  const contents = new ContentsWriter();
  for (const file of files) contents.add(file, file.content);
  return { kind: "contents", tag, bytes: contents.payload };
}

/** Entries of a list. A damaged one has only name and version. */
export function entriesOf(
  tag: number,
  listed: readonly (FileFields | { readonly damaged: string; readonly version: number })[],
): MessageOf<"entries"> {
  const entries = new EntriesWriter();
  for (const entry of listed) {
    if ("damaged" in entry) entries.addDamaged(entry.damaged, entry.version);
    else entries.add(entry);
  }
  return { kind: "entries", tag, bytes: entries.payload };
}

/** A whole list. */
export function listing(tag: number, listed: Parameters<typeof entriesOf>[1]): Message[] {
  const messages: Message[] = listed.length === 0 ? [] : [entriesOf(tag, listed)];
  return [...messages, { kind: "done", tag }];
}

/** The results of a pack: the version that was stored, or why it was not. */
export function resultsOf({ bytes }: Pick<MessageOf<"packed">, "bytes">): (number | string)[] {
  const results: (number | string)[] = [];
  for (const reader = new PackedReader(bytes); reader.next();) {
    const { status } = reader;
    results.push(
      status === "stored" ? reader.version : status === "refused" ? reader.code : status,
    );
  }
  return results;
}
