/**
 * Accounts: their registration, their keys, and changes by an operator.
 *
 * @module
 */
import type { BlobId, UploadId } from "../blobs/blob_store.ts";
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";

/** The registration modes: anyone, invited users, or no one can register. */
export const REGISTRATION_MODES = ["open", "invite", "closed"] as const;
/** A registration mode. */
export type RegistrationMode = (typeof REGISTRATION_MODES)[number];

/** The usage or quota of an account. */
export interface Usage {
  /** Bytes of current files. */
  readonly bytes: number;
  /** Current files. */
  readonly files: number;
}

/** An account's own quota. The server's limits apply to omitted fields. */
export type Quota = Partial<Usage>;

/**
 * What an account may do with files: everything; store new files and read all, but change and remove none; only read; or
 * only store new files, without seeing any.
 */
export const ACCESS_MODES = ["full", "append-only", "read-only", "drop-box"] as const;
/** The access of an account. */
export type AccessMode = (typeof ACCESS_MODES)[number];

/** Whether an account may replace stored files. */
export function mayReplace(access: AccessMode): boolean {
  return access === "full";
}

/** The edition of an account of protocol 4: it has keys of its own, and protocol 3 cannot use it. */
export const PROTOCOL_4 = "4";

/** An account. Times are in milliseconds since the epoch. */
export interface Account {
  /** 16 bytes. */
  readonly id: Bytes;
  /** 1 to 254 ASCII letters and digits. */
  readonly name: string;
  /** The RSA key of protocol 3, SubjectPublicKeyInfo; `undefined` until the key exchange. */
  readonly publicKey: Bytes | undefined;
  /** The time of registration. */
  readonly firstSeen: number;
  /** The time of the last sign-in. */
  readonly lastSeen: number;
  /** The profile of its client. */
  readonly storedProfile: StoredProfile;
  /** Whether the operator has disabled it. */
  readonly disabled: boolean;
  /** Its own quota. */
  readonly quota: Quota;
  /** Its access to files. */
  readonly access: AccessMode;
}

/** Whether a registration can be replaced by a new one: it has no key, and has expired or has one of these ids. */
export function mayYield(
  holder: Account,
  expiredBefore: number,
  claimedIds: readonly Bytes[],
): boolean {
  const { publicKey, storedProfile: { edition }, disabled } = holder;
  if (publicKey !== undefined || edition === PROTOCOL_4 || disabled) return false;
  return holder.firstSeen < expiredBefore || claimedIds.some((id) => equalBytes(id, holder.id));
}

/** The profile of a client, by names. Names that this version does not know are kept. */
export interface StoredProfile {
  /** The edition of protocol 3, or {@link PROTOCOL_4}. */
  readonly edition: string;
  /** Quirks of protocol 3. */
  readonly quirks: readonly string[];
}

/** A key of an account of protocol 4. */
export interface KnownKey {
  /** Ed25519, 32 bytes. */
  readonly key: Bytes;
  /** Milliseconds since the epoch. */
  readonly addedAt: number;
}

/** An account with its keys. */
export interface AccountWithKeys extends Account {
  /** Oldest first; none for an account of protocol 3. */
  readonly keys: readonly KnownKey[];
}

/** An account with its usage. */
export interface AccountSummary extends Account {
  /** The protocol of its clients. */
  readonly protocol: 3 | 4;
  /** The number of its keys. */
  readonly keys: number;
  /** The bytes and files that it has stored. */
  readonly usage: Usage;
  /** The number and the bytes of its replaced and removed versions. */
  readonly history: Usage;
}

/** A registration over protocol 3. */
export interface RegisterV3 {
  /** Of the new account, 16 bytes. */
  readonly id: Bytes;
  /** The name to register. */
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The profile of the client. */
  readonly storedProfile: StoredProfile;
  /** A registration without a key can be replaced if it was made before this time. */
  readonly expiredBefore: number;
  /** Ids of the client's own earlier registrations. A registration with one of them can also be replaced. */
  readonly claimedIds: readonly Bytes[];
}

/** The key exchange of protocol 3. */
export interface SetPublicKey {
  /** Of the account, 16 bytes. */
  readonly id: Bytes;
  /** The user name from the client. */
  readonly name: string;
  /** SubjectPublicKeyInfo, 160 bytes. */
  readonly publicKey: Bytes;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The profile of the client. */
  readonly storedProfile: StoredProfile;
  /** A registration made before this time no longer accepts a key. */
  readonly expiredBefore: number;
  /**
   * The client's previous id, if `id` was reserved for `name`. `id` becomes the account's if the name is free, or if
   * its registration without a key has expired or has this previous id.
   */
  readonly reservedFor?: Bytes | undefined;
}

/** The result of setting a key. */
export type KeyChange = "unknown" | "disabled" | "set" | "replaced";

/** A registration over protocol 4. */
export interface RegisterV4 {
  /** The id of the account, if a new one is created; 16 bytes. */
  readonly id: Bytes;
  /** The user name. */
  readonly name: string;
  /** Ed25519, 32 bytes. */
  readonly key: Bytes;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** A protocol 3 registration without a key can be replaced if it was made before this time. */
  readonly expiredBefore: number;
  /** The registration mode. */
  readonly registration: RegistrationMode;
  /** SHA-256 of the client's token, if it has one. */
  readonly token?: Bytes | undefined;
}

/** A takeover of an account of protocol 3. */
export interface ClaimAccount {
  /** Of the account, 16 bytes. */
  readonly id: Bytes;
  /** The user name. */
  readonly name: string;
  /** The RSA key that the client has proven to own. */
  readonly publicKey: Bytes;
  /** Ed25519, 32 bytes. */
  readonly key: Bytes;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A successful sign-in. */
export interface LoginResult {
  /** The account that signed in. */
  readonly account: Account;
  /** Whether the key was known, or was added to a new account, by a link, or by a takeover. */
  readonly how: "known" | "registered" | "linked" | "claimed";
}

/** The reason why a sign-in failed. */
export type LoginFault =
  | "name-taken"
  | "closed"
  | "invitation-needed"
  | "token-unknown"
  | "token-expired"
  | "token-used-up"
  | "token-of-another"
  | "no-such-account"
  | "claimed-already"
  | "disabled"
  | "too-many-keys";

/** A signed-in account and its key. */
export interface Principal {
  /** Of the account, 16 bytes. */
  readonly accountId: Bytes;
  /** Ed25519, 32 bytes. */
  readonly key: Bytes;
}

/** The reason why a session must end. `gone`: the account was removed, or no longer has the key. */
export type RevocationReason = "gone" | "disabled";

/** An account by its id or its name. */
export type AccountReference = { readonly id: Bytes } | { readonly name: string };

/** Changes of an account's own quota: a limit, or that of the server. Omitted limits keep their value. */
export type QuotaChanges = { readonly [limit in keyof Quota]?: number | "default" };

/** Changes by an operator. Omitted fields keep their value. */
export interface AccountChanges {
  /** A new name. */
  readonly name?: string;
  /** Disabling an account removes its links. */
  readonly disabled?: boolean;
  /** New limits of its own. */
  readonly quota?: QuotaChanges;
  /** Its new access to files. */
  readonly access?: AccessMode;
}

/** The result of the changes. */
export type UpdateResult = "updated" | "missing" | "name-taken";

/** The accounts of a catalog. Each method is one transaction. */
export interface Accounts {
  /** Registers a name with an id. Returns `false` if the name is taken. */
  registerV3(registration: RegisterV3): Promise<boolean>;
  /** Sets the RSA key of an account of protocol 3. Returns `unknown` if the id is not the name's. */
  setPublicKey(change: SetPublicKey): Promise<KeyChange>;
  /**
   * Adds a key to the account of a name: to a new account, or with a link token to an existing one. The token is used
   * only on success.
   */
  registerV4(registration: RegisterV4): Promise<LoginResult | LoginFault>;
  /** Converts an account of protocol 3 to protocol 4, with this key. */
  takeOver(claim: ClaimAccount): Promise<LoginResult | LoginFault>;
  /** The account, with its keys. */
  find(reference: AccountReference): Promise<AccountWithKeys | undefined>;
  /** All accounts with their usage, by name. */
  list(): Promise<AccountSummary[]>;
  /** Records when the account was last seen. */
  touch(id: Bytes, now: number): Promise<void>;
  /** Records the client profile of an account of protocol 3. Changes nothing for protocol 4. */
  setProfile(id: Bytes, profile: StoredProfile): Promise<void>;
  /** Makes all of the changes, or none. */
  update(id: Bytes, changes: AccountChanges): Promise<UpdateResult>;
  /** Removes a key, and the account's links. Returns `false` if the account does not have the key. */
  removeKey(id: Bytes, key: Bytes): Promise<boolean>;
  /** The reason why each session must end; `undefined` for sessions that can continue. */
  revocations(principals: readonly Principal[]): Promise<(RevocationReason | undefined)[]>;
  /** Removes an account with its files and partial uploads. Returns the ids of the blobs that became garbage. */
  remove(id: Bytes): Promise<(BlobId | UploadId)[]>;
  /** Removes registrations without a key that were made before `before`. */
  expireRegistrations(before: number): Promise<void>;
}
