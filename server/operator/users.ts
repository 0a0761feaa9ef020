/**
 * An operator's functions for accounts, whether the server runs or not. A running server notices changes within a
 * second.
 *
 * @module
 */
import { isUserName, printable, shellWord } from "../../protocol/printable.ts";
import { UsageError } from "../../protocol/errors.ts";
import { fingerprintOfKey } from "../../protocol/v4/fingerprint.ts";
import {
  isBackup,
  type ServerLocation,
  type StoreLocation,
  withReadOnly,
  withWritable,
} from "../stores/with_store.ts";
import {
  type AccessMode,
  type Account,
  type AccountChanges,
  type AccountSummary,
  type AccountWithKeys,
  type KnownKey,
  PROTOCOL_4,
  type Quota,
} from "../catalog/accounts.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { isShared } from "../catalog/shared_catalog.ts";
import { GarbageCollector } from "../uploads/garbage_collector.ts";
import { LINK_LIFE_MS, makeToken, type NewToken } from "../accounts/tokens.ts";

/** All accounts with their usage, by name. Throws `ConfigurationError` `no-data-folder`, as all functions here do. */
export function listUsers(dataFolder: ServerLocation): Promise<AccountSummary[]> {
  return withReadOnly(dataFolder, ({ catalog }) => catalog.accounts.list());
}

/**
 * Removes an account with its files. Uploads in progress fail. Returns the number of its files. Throws `UsageError`
 * `no-such-user`.
 */
export function removeUser(dataFolder: ServerLocation, name: string): Promise<number> {
  return withWritable(dataFolder, async ({ catalog, blobs }) => {
    const { id } = found(await catalog.accounts.find({ name }), name);
    const { files } = await catalog.files.usage(id);
    const garbage = new GarbageCollector({
      ...{ catalog, blobs, openUploads: isShared(catalog) ? catalog.openUploads : undefined },
      onFailure: (_, error) => {
        throw error;
      },
    });
    await garbage.collect(await catalog.accounts.remove(id));
    return files;
  });
}

/** Disables an account and closes its open connections, or enables it. Throws `UsageError` `no-such-user`. */
export async function setUserDisabled(
  dataFolder: ServerLocation,
  name: string,
  disabled: boolean,
): Promise<void> {
  await updateUser(dataFolder, name, { disabled });
}

/**
 * Renames an account. Returns whether its clients learn the new name from the server. Those of protocol 3 do not.
 * Throws `UsageError` `no-such-user`, `bad-user-name`, `name-taken`.
 */
export async function renameUser(
  dataFolder: ServerLocation,
  name: string,
  newName: string,
): Promise<boolean> {
  if (!isUserName(newName)) {
    throw new UsageError("bad-user-name", `invalid user name: ${printable(newName)}`, {
      hint: "Use 1 to 254 ASCII letters and digits.",
    });
  }
  return await changeUser(dataFolder, name, async ({ id, storedProfile }, catalog) => {
    const outcome = await catalog.accounts.update(id, { name: newName });
    if (outcome !== "name-taken") return storedProfile.edition === PROTOCOL_4;
    throw new UsageError("name-taken", `the user name ${newName} is taken`, {
      hint: "To see all accounts, run 'xfer server users list'.",
    });
  });
}

/**
 * Sets the quota of an account. Omitted fields keep their value; `default` removes the quota. `Infinity` is no limit.
 * Returns the new quota. Throws `UsageError` `no-such-user`; `RangeError` for a number that is not whole or is below 0.
 */
export async function setUserQuota(
  dataFolder: ServerLocation,
  name: string,
  change: Quota | "default",
): Promise<Quota> {
  // The catalog would keep NaN as no quota of its own, and a negative number as no limit.
  for (const [what, value] of Object.entries(change === "default" ? {} : change)) {
    if (value === Infinity || (Number.isSafeInteger(value) && value >= 0)) continue;
    throw new RangeError(
      `the quota of ${what} is ${value}, but a whole number or Infinity is needed`,
    );
  }
  return await changeUser(dataFolder, name, async ({ id }, { accounts }) => {
    const quota = change === "default" ? { bytes: change, files: change } : change;
    await accounts.update(id, { quota });
    return (await accounts.find({ id }))?.quota ?? {};
  });
}

/** Sets what an account may do with files. Throws `UsageError` `no-such-user`. */
export async function setUserAccess(
  dataFolder: ServerLocation,
  name: string,
  access: AccessMode,
): Promise<void> {
  await updateUser(dataFolder, name, { access });
}

/** A key of an account. */
export interface UserKey {
  /** `SHA256:` and base64. */
  readonly fingerprint: string;
  /** Milliseconds since the epoch. */
  readonly addedAt: number;
}

/** The keys of an account, oldest first. Throws `UsageError` `no-such-user`. */
export function listUserKeys(dataFolder: ServerLocation, name: string): Promise<UserKey[]> {
  return withReadOnly(dataFolder, async ({ catalog }) => {
    const keys = await keysOf(found(await catalog.accounts.find({ name }), name));
    return keys.map(({ fingerprint, addedAt }) => ({ fingerprint, addedAt }));
  });
}

/**
 * Removes a key from an account. Throws `UsageError` `no-such-user`, `no-such-key`, and `last-key` for the only one
 * unless `evenLast`.
 */
export async function removeUserKey(
  dataFolder: ServerLocation,
  name: string,
  fingerprint: string,
  evenLast: boolean,
): Promise<void> {
  await changeUser(dataFolder, name, async (client, catalog) => {
    const keys = await keysOf(client);
    const key = keys.find((one) => one.fingerprint === fingerprint);
    if (key === undefined) {
      throw new UsageError("no-such-key", `${name} has no key ${printable(fingerprint)}`, {
        hint: `To see its keys, run 'xfer server users keys ${name}'.`,
      });
    }
    if (keys.length === 1 && !evenLast) {
      throw new UsageError("last-key", `this is the last key of ${name}`, {
        hint:
          `Add --yes to remove it, then run 'xfer server users link ${name}' for a token with ` +
          "which the user adds another.",
      });
    }
    await catalog.accounts.removeKey(client.id, key.key);
  });
}

/**
 * Creates a link token for an account. `lifeMs`: how long it is valid, in milliseconds. Throws `UsageError`
 * `no-such-user`.
 */
export async function linkUser(
  dataFolder: ServerLocation,
  name: string,
  lifeMs: number = LINK_LIFE_MS,
): Promise<NewToken> {
  return await changeUser(
    dataFolder,
    name,
    ({ id: accountId }, catalog) => makeToken(catalog, { accountId, uses: 1, lifeMs }, Date.now()),
  );
}

/** The account, if it exists. Throws `UsageError` `no-such-user`. */
export function found<A extends Account>(
  client: A | undefined,
  name: string,
  location: StoreLocation = "",
): A {
  if (client !== undefined) return client;
  const list = isBackup(location) ? listOf(location) : "users list";
  throw new UsageError("no-such-user", `no such user: ${printable(name)}`, {
    hint: `To see all accounts, run 'xfer server ${list}'.`,
  });
}

/** The command that lists the files of a data folder or a backup, below `xfer server`. */
export function listOf(location: StoreLocation): string {
  if (!isBackup(location)) return "list";
  const { backup, state } = location;
  return `list --backup ${shellWord(backup)}${state === undefined ? "" : ` --state ${state}`}`;
}

function changeUser<T>(
  dataFolder: ServerLocation,
  name: string,
  change: (client: AccountWithKeys, catalog: Catalog) => Promise<T>,
): Promise<T> {
  return withWritable(dataFolder, async ({ catalog }) => {
    const client = found(await catalog.accounts.find({ name }), name);
    return await change(client, catalog);
  });
}

async function updateUser(
  dataFolder: ServerLocation,
  name: string,
  change: AccountChanges,
): Promise<void> {
  await changeUser(dataFolder, name, async ({ id }, catalog) => {
    await catalog.accounts.update(id, change);
  });
}

/** The keys of an account with their fingerprints, oldest first. */
export async function keysOf({ keys }: AccountWithKeys): Promise<(KnownKey & UserKey)[]> {
  return await Promise.all(
    keys.map(async (known) => ({ ...known, fingerprint: await fingerprintOfKey(known.key) })),
  );
}
