/**
 * Exports a stored file from a data folder or a backup, whether a server uses it or not.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { type Abortable, throwIfAborted } from "../../protocol/abort.ts";
import { linkTarget } from "../../protocol/entry.ts";
import { splitNanoseconds } from "../../protocol/nanoseconds.ts";
import { printable } from "../../protocol/printable.ts";
import { reasonOf, StorageError, UsageError, XferError } from "../../protocol/errors.ts";
import {
  type NamedStore,
  recordFound,
  type StoreLocation,
  withReadOnly,
} from "../stores/with_store.ts";
import { damageIn, readChecked } from "../data_folder/stored_content.ts";
import type { StoredFile } from "../catalog/files.ts";
import { syncFolder, writeAll } from "../fs/file_system.ts";
import { found, listOf } from "./users.ts";

/** The permission bit by which the owner of a file can execute it. */
const OWNER_EXECUTES = 0o100;

/** The file to export. */
export interface ExportRequest extends Abortable {
  /** Path of the data folder or where the data is instead, or a state of a backup. */
  readonly dataFolder: StoreLocation;
  /** The user name of its owner. */
  readonly userName: string;
  /** Its name on the server. */
  readonly fileName: string;
  /** From 1; the current one by default. */
  readonly version?: number | undefined;
  /** The path to write to; it must not exist. */
  readonly target: string;
}

/**
 * Writes a stored file or link to a path, after comparing its size and checksum with the catalog. The target appears
 * complete or not at all. A file gets its time to the millisecond, and its owner can execute it if they could before.
 * Throws `ConfigurationError` `no-data-folder` or `no-backup`; `UsageError` `no-such-user`, `no-such-file`,
 * `no-such-state` or `target-exists`; `IntegrityError` `stored-file-damaged`; `StorageError` `cannot-read` or
 * `cannot-write`.
 */
export function exportFile(request: ExportRequest): Promise<StoredFile> {
  return withReadOnly(request.dataFolder, async (store) => {
    await refuseExisting(request.target);
    const temporary = join(dirname(request.target), `.xfer-${crypto.randomUUID()}.tmp`);
    try {
      const file = await copyCurrent(store, request, temporary);
      await writing(request.target, () => publishEntry(file, temporary, request.target));
      return file;
    } finally {
      await Deno.remove(temporary).catch(() => undefined);
    }
  });
}

/** Copies the file. Looks up a current file again if it is replaced in the meantime. */
async function copyCurrent(
  store: NamedStore,
  request: ExportRequest,
  temporary: string,
): Promise<StoredFile> {
  for (let file = await findFile(store, request);;) {
    try {
      await copyChecked(store, file, request, temporary);
      return file;
    } catch (error) {
      if (await store.catalog.blobs.owner(file.content.id) === "file") {
        const [{ content }, damage] = [file, damageIn(error)];
        // A read-only folder can be exported from too.
        if (damage !== undefined) {
          await recordFound(request.dataFolder, [{ content, damage }]).catch(() => {});
        }
        throw error;
      }
      file = await findFile(store, request);
    }
  }
}

async function copyChecked(
  store: NamedStore,
  file: StoredFile,
  { target, signal }: ExportRequest,
  temporary: string,
): Promise<void> {
  const blob = readChecked(store, file);
  const options = { write: true, create: true, truncate: true, mode: 0o600 };
  using output = await writing(target, () => Deno.open(temporary, options));
  for (;;) {
    const next = await reading(store, file, () => blob.next());
    if (next.done) break;
    throwIfAborted(signal);
    await writing(target, () => writeAll(output, next.value));
  }
  await writing(target, () => output.sync());
}

/** Publishes a file with its time, for its owner alone, or a link. */
async function publishEntry(
  { kind = "file", mode = 0, tree }: StoredFile,
  temporary: string,
  target: string,
): Promise<void> {
  if (kind === "link") {
    const leadsTo = linkTarget(await Deno.readFile(temporary));
    if (leadsTo !== undefined) await Deno.symlink(leadsTo, target);
    return;
  }
  if (Deno.build.os !== "windows") await Deno.chmod(temporary, 0o600 | mode & OWNER_EXECUTES);
  if (tree !== undefined) {
    const changed = new Date(splitNanoseconds(tree.mtime).ms);
    // Deno 2.4 cannot set a part of a second before 1970.
    await Deno.utime(temporary, changed, changed).catch(() => undefined);
  }
  await publish(temporary, target);
}

/** Gives a finished copy its name, without overwriting anything. */
async function publish(temporary: string, target: string): Promise<void> {
  try {
    // Unlike rename, link does not overwrite a file created in the meantime.
    await Deno.link(temporary, target);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw error;
    // Some file systems have no links.
    await refuseExisting(target);
    await Deno.rename(temporary, target);
  }
  await syncFolder(Deno, dirname(target));
}

async function refuseExisting(target: string): Promise<void> {
  try {
    await Deno.lstat(target);
  } catch {
    return; // missing, or unreachable: then writing reports why
  }
  throw targetExists(target);
}

function targetExists(target: string): UsageError {
  return new UsageError("target-exists", `${printable(target)} already exists`, {
    hint: "Choose another path, or delete the file first.",
  });
}

async function writing<T>(target: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (cause) {
    if (cause instanceof XferError) throw cause;
    if (cause instanceof Deno.errors.AlreadyExists) throw targetExists(target);
    throw new StorageError(
      "cannot-write",
      `cannot write ${printable(target)}: ${reasonOf(cause)}`,
      { hint: "Check that its folder exists and is writable, and that the disk has space.", cause },
    );
  }
}

async function reading<T>(
  store: NamedStore,
  { content: { id: path } }: StoredFile,
  operation: () => Promise<T>,
): Promise<T> {
  try {
    return await operation();
  } catch (cause) {
    if (cause instanceof XferError) throw cause;
    const where = printable(join(store.name, path));
    throw new StorageError("cannot-read", `cannot read ${where}: ${reasonOf(cause)}`, { cause });
  }
}

async function findFile(store: NamedStore, request: ExportRequest): Promise<StoredFile> {
  const { userName, fileName, version, dataFolder } = request;
  const client = found(
    await store.catalog.accounts.find({ name: userName }),
    userName,
    dataFolder,
  );
  const file = await store.catalog.files.find(client.id, fileName, { version });
  if (file === undefined || file.kind === "folder") {
    throw new UsageError(
      "no-such-file",
      `${printable(userName)} has no file ${printable(fileName)}` +
        (version === undefined ? "" : `, version ${version}`),
      { hint: `To see all files, run 'xfer server ${listOf(dataFolder)}'.` },
    );
  }
  return file;
}
