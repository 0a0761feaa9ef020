/**
 * Looking into a data folder, whether it is served or not.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { Cksum, IntegrityError, printable, StorageError, UsageError } from "../protocol/mod.ts";
import type { Client, StoredFile } from "./store/catalog.ts";
import { DataFolder } from "./store/data_folder.ts";
import { syncFolder, writeAll } from "./store/file_system.ts";

export interface ClientWithFiles extends Client {
  readonly files: readonly StoredFile[];
}

/** Every client with its files, by name. Throws `ConfigurationError` `no-data-folder`. */
export async function listStored(dataFolder: string): Promise<ClientWithFiles[]> {
  await using folder = await DataFolder.openToRead(dataFolder, Deno);
  const clients: ClientWithFiles[] = [];
  for (const client of await folder.catalog.listClients()) {
    clients.push({ ...client, files: await folder.catalog.listFiles(client.id) });
  }
  return clients;
}

export interface ExportRequest {
  readonly dataFolder: string;
  readonly userName: string;
  readonly fileName: string;
  /** Where to write; nothing may be there. */
  readonly target: string;
}

/**
 * Writes a stored file out, once its size and checksum are seen to be those of the catalog; the target appears whole
 * or not at all. Throws `UsageError` `no-such-user`, `no-such-file` or `target-exists`; `IntegrityError`
 * `stored-file-damaged`; `StorageError` `cannot-write`.
 */
export async function exportFile(request: ExportRequest): Promise<StoredFile> {
  await using folder = await DataFolder.openToRead(request.dataFolder, Deno);
  const file = await findFile(folder, request);
  const shownTarget = printable(request.target);
  const temporary = join(dirname(request.target), `.xfer-${crypto.randomUUID()}.tmp`);
  try {
    const checksum = await copyOut(folder, file, temporary);
    if (checksum.size !== file.size || checksum.digest() !== file.crc) {
      throw new IntegrityError(
        "stored-file-damaged",
        `${printable(file.name)} is not as it was stored: ${checksum.size} bytes, cksum ` +
          `${checksum.digest()}, where the catalog has ${file.size} and ${file.crc}`,
        { hint: `Look at ${printable(join(folder.path, file.path))}, and at the disk's health.` },
      );
    }
    // Unlike rename, link does not replace what has come to be there in the meantime.
    await Deno.link(temporary, request.target);
    await syncFolder(Deno, dirname(request.target));
    return file;
  } catch (cause) {
    if (cause instanceof IntegrityError) throw cause;
    if (cause instanceof Deno.errors.AlreadyExists) {
      throw new UsageError("target-exists", `Cannot write ${shownTarget}: it exists already`, {
        hint: "Name another file.",
        cause,
      });
    }
    throw new StorageError(
      "cannot-write",
      `Cannot write ${shownTarget}: ${printable(`${cause}`)}`,
      {
        cause,
      },
    );
  } finally {
    await Deno.remove(temporary).catch(() => undefined);
  }
}

async function findFile(folder: DataFolder, request: ExportRequest): Promise<StoredFile> {
  const { userName, fileName } = request;
  const client = await folder.catalog.findClientByName(userName);
  if (client === undefined) {
    throw new UsageError("no-such-user", `There is no user ${printable(userName)}`, {
      hint: "See who there is: xfer server list.",
    });
  }
  const file = await folder.catalog.findFile(client.id, fileName);
  if (file === undefined) {
    throw new UsageError(
      "no-such-file",
      `${printable(userName)} has no file ${printable(fileName)}`,
      { hint: "See what there is: xfer server list." },
    );
  }
  return file;
}

async function copyOut(folder: DataFolder, file: StoredFile, target: string): Promise<Cksum> {
  const checksum = new Cksum();
  using output = await Deno.open(target, { write: true, createNew: true, mode: 0o600 });
  for await (const piece of folder.blobs.read(file.path)) {
    checksum.update(piece);
    await writeAll(output, piece);
  }
  await output.sync();
  return checksum;
}
