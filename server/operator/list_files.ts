/**
 * Lists the accounts of a data folder or a backup and their files, whether a server uses it or not.
 *
 * @module
 */
import type { Account } from "../catalog/accounts.ts";
import type { StoredFile } from "../catalog/files.ts";
import { type StoreLocation, withReadOnly } from "../stores/with_store.ts";
import { found } from "./users.ts";

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

/** Options of a visit. */
export interface VisitOptions {
  /** The user name of the only account to visit. */
  readonly user?: string | undefined;
}

/**
 * Visits every account of a data folder or a backup with its files, by name, without holding all of them in memory.
 * Throws `ConfigurationError` `no-data-folder` or `no-backup`, `UsageError` `no-such-user` or `no-such-state`.
 */
export function visitStored(
  location: StoreLocation,
  visitor: StoredVisitor,
  { user }: VisitOptions = {},
): Promise<void> {
  return withReadOnly(location, async ({ catalog }) => {
    if (user !== undefined) found(await catalog.accounts.find({ name: user }), user, location);
    for (
      const { keys, usage: { files }, history, ...client } of await catalog.accounts.list()
    ) {
      if (user !== undefined && client.name !== user) continue;
      const hasKey = client.publicKey !== undefined || keys > 0;
      visitor.client({ ...client, hasKey }, { files, oldVersions: history.files });
      let page = await catalog.files.listAll(client.id);
      for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
        for (const file of page) visitor.file(file);
        page = await catalog.files.listAll(client.id, { after: last });
      }
    }
  });
}

/** All accounts with their files, by name. Throws as {@link visitStored} does. */
export async function listStored(location: StoreLocation): Promise<AccountWithFiles[]> {
  const clients: (StoredAccount & { readonly files: StoredFile[] })[] = [];
  await visitStored(location, {
    client: (client) => void clients.push({ ...client, files: [] }),
    file: (file) => void clients.at(-1)?.files.push(file),
  });
  return clients;
}
