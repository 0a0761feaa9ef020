/**
 * The content of local entries: the bytes of a file, the target of a link, nothing of a folder.
 *
 * @module
 */
import { throwIfAborted } from "../../../protocol/abort.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { linkTarget, MAX_LINK_TARGET } from "../../../protocol/entry.ts";
import { fileChanged, RefusedError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { isSameFile, readFull } from "../../fs/file_system.ts";
import type { LocalEntry } from "./local_entries.ts";

/** The content of an entry. */
export interface LocalContent {
  /** In bytes. */
  readonly size: number;
  /**
   * Reads it in chunks. A chunk may change as soon as the next is requested. Throws `IntegrityError` `file-changed`,
   * and the errors of the system.
   */
  chunks(): AsyncGenerator<Bytes, void, void>;
}

/** Opens nothing yet. Throws `RefusedError` `bad-entry` for a target that cannot be stored. */
export async function contentOf(
  { path, kind, info }: LocalEntry,
  signal: AbortSignal | undefined,
): Promise<LocalContent> {
  switch (kind) {
    case "file":
      return { size: info.size, chunks: () => readFile(path, info, signal) };
    case "folder":
      return inMemory(new Uint8Array());
    case "link": {
      const target = new TextEncoder().encode(await Deno.readLink(path));
      if (linkTarget(target) !== undefined) return inMemory(target);
      throw new RefusedError(
        "bad-entry",
        `cannot store the link ${
          printable(path)
        }: its target has more than ${MAX_LINK_TARGET} bytes`,
      );
    }
  }
}

function inMemory(bytes: Bytes): LocalContent {
  return {
    size: bytes.length,
    async *chunks() {
      if (bytes.length > 0) yield bytes;
    },
  };
}

async function* readFile(
  path: string,
  found: Deno.FileInfo,
  signal: AbortSignal | undefined,
): AsyncGenerator<Bytes, void, void> {
  using file = await Deno.open(path, { read: true });
  const isAsFound = async () => {
    const now = await file.stat();
    return isSameFile(found, now) && now.size === found.size &&
      now.mtime?.getTime() === found.mtime?.getTime();
  };
  if (!(await isAsFound())) throw fileChanged(printable(path));
  const buffer = new Uint8Array(Math.min(CHUNK_SIZE, found.size));
  for (let at = 0; at < found.size;) {
    throwIfAborted(signal);
    const chunk = await readFull(file, buffer.subarray(0, Math.min(CHUNK_SIZE, found.size - at)));
    if (chunk.length === 0) break;
    at += chunk.length;
    if (at === found.size && !(await isAsFound())) break;
    yield chunk;
    if (at === found.size) return;
  }
  if (found.size > 0 || !(await isAsFound())) throw fileChanged(printable(path));
}
