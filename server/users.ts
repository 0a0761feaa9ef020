/**
 * What an operator does about accounts, whether the server runs or not.
 *
 * @module
 */
import { printable, UsageError } from "../protocol/mod.ts";
import type { Client } from "./store/catalog.ts";
import { DataFolder } from "./store/data_folder.ts";

/**
 * Takes an account and its files away. A client that is uploading under it is refused at the end. Returns how many
 * files there were. Throws `UsageError` `no-such-user`, `ConfigurationError` `no-data-folder`.
 */
export async function removeUser(dataFolder: string, name: string): Promise<number> {
  await using folder = await DataFolder.openToChange(dataFolder, Deno);
  const { id } = found(await folder.catalog.findClientByName(name), name);
  const { files } = await folder.catalog.usage(id);
  const paths = await folder.catalog.removeClient(id);
  for (const path of paths) {
    await folder.blobs.remove(path);
    await folder.catalog.removeOrphan(path);
  }
  return files;
}

/** The client, if there is one. Throws `UsageError` `no-such-user`. */
export function found(client: Client | undefined, name: string): Client {
  if (client !== undefined) return client;
  throw new UsageError("no-such-user", `There is no user ${printable(name)}`, {
    hint: "See who there is: xfer server list.",
  });
}
