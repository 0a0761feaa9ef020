/**
 * The part of the file system that the server uses, so that tests can make each call fail.
 *
 * @module
 */
import { dirname } from "node:path";
import { WRITE_SIZE } from "../../protocol/memory.ts";

/** The calls of the file system that the server uses, as in `Deno`. */
export type FileSystem = Pick<
  typeof Deno,
  "open" | "mkdir" | "rename" | "remove" | "readDir" | "lstat"
>;

/** Creates a folder and its parents for their owner alone. Durable when the promise resolves. */
export async function createOwnFolder(fs: FileSystem, path: string): Promise<void> {
  try {
    await fs.mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      await createOwnFolder(fs, dirname(path));
      return await createOwnFolder(fs, path);
    }
    // An existing folder may have been created a moment ago and not be durable yet.
    const there = error instanceof Deno.errors.AlreadyExists && (await fs.lstat(path)).isDirectory;
    if (!there) throw error;
  }
  await syncFolder(fs, dirname(path));
}

/** Makes the names in a folder durable. Windows has no such call and needs none: its file systems log renames. */
export async function syncFolder(fs: FileSystem, path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using folder = await fs.open(path, { read: true });
  await folder.sync();
}

/** Writes all bytes to a file or a socket. */
export async function writeAll(
  file: Pick<Deno.FsFile, "write">,
  bytes: Uint8Array,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await file.write(bytes.subarray(done, done + WRITE_SIZE));
  }
}

/** Fills a buffer from a file or a socket. Returns the filled part, which is shorter at the end of it. */
export async function readFull(
  file: Pick<Deno.FsFile, "read">,
  buffer: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  let filled = 0;
  while (filled < buffer.length) {
    const size = await file.read(buffer.subarray(filled));
    if (size === null) break;
    filled += size;
  }
  return buffer.subarray(0, filled);
}

/**
 * All bytes of a regular file of at most `max` bytes. Nothing else is opened: a pipe or a device may have no end.
 * `look`: `Deno.stat` follows symbolic links, `Deno.lstat` does not.
 */
export async function readRegularFile(
  path: string,
  max: number,
  look: (path: string) => Promise<Deno.FileInfo>,
): Promise<Uint8Array<ArrayBuffer>> {
  const found = await look(path);
  if (!found.isFile) throw new Error("it is not a regular file");
  using file = await Deno.open(path, { read: true });
  if (!isSameFile(found, await file.stat())) {
    throw new Error("it was replaced while it was being opened");
  }
  const bytes = await readFull(file, new Uint8Array(max + 1));
  if (bytes.length > max) throw new Error(`it has more than ${max} bytes`);
  return bytes;
}

/** Whether both are the same file, so that nothing has replaced it in between. */
export function isSameFile(a: Deno.FileInfo, b: Deno.FileInfo): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/** Whether anything exists at a path. */
export async function isThere(fs: Pick<FileSystem, "lstat">, path: string): Promise<boolean> {
  return await fs.lstat(path).then(() => true, () => false);
}

export async function removeIfThere(fs: FileSystem, path: string): Promise<void> {
  try {
    await fs.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The names in a folder; `undefined` if it does not exist. */
export async function namesIn(path: string): Promise<string[] | undefined> {
  return (await entriesIn(path))?.map(({ name }) => name);
}

/** The entries of a folder; `undefined` if it does not exist. */
export async function entriesIn(path: string): Promise<Deno.DirEntry[] | undefined> {
  try {
    return await Array.fromAsync(Deno.readDir(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
