/**
 * Lists the accounts of a data folder and their files, whether a server runs on it or not.
 *
 * @module
 */
import type { Account } from "../catalog/accounts.ts";
import type { StoredFile } from "../catalog/files.ts";
import { withReadOnly } from "../data_folder/with_data_folder.ts";

/** An account in a data folder. */
export interface StoredAccount extends Account {
  /** Whether the account has a key of either protocol. Without one, it cannot store files. */
  readonly hasKey: boolean;
}

/** An account with all its files. */
export interface AccountWithFiles extends StoredAccount {
  /** Current files and old versions, by name and version. */
  readonly files: readonly StoredFile[];
}

/** Receives accounts and their files in order. */
export interface StoredVisitor {
  /** An account begins. `count`: its files and old versions. */
  client(
    client: StoredAccount,
    count: { readonly files: number; readonly oldVersions: number },
  ): void;
  /** A file of the last account. */
  file(file: StoredFile): void;
}

/**
 * Visits every account with its files, by name, without holding all of them in memory. Throws `ConfigurationError`
 * `no-data-folder`.
 */
export function visitStored(dataFolder: string, visitor: StoredVisitor): Promise<void> {
  return withReadOnly(dataFolder, async ({ catalog }) => {
    for (
      const { keys, usage: { files }, oldVersions, ...client } of await catalog.accounts.list()
    ) {
      const hasKey = client.publicKey !== undefined || keys > 0;
      visitor.client({ ...client, hasKey }, { files, oldVersions });
      let page = await catalog.files.listAll(client.id);
      for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
        for (const file of page) visitor.file(file);
        page = await catalog.files.listAll(client.id, { after: last });
      }
    }
  });
}

/** All accounts with their files, by name. Throws `ConfigurationError` `no-data-folder`. */
export async function listStored(dataFolder: string): Promise<AccountWithFiles[]> {
  const clients: (StoredAccount & { readonly files: StoredFile[] })[] = [];
  await visitStored(dataFolder, {
    client: (client) => void clients.push({ ...client, files: [] }),
    file: (file) => void clients.at(-1)?.files.push(file),
  });
  return clients;
}
