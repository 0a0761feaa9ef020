/**
 * Accounts: how they are registered, their keys, and what an operator decides about them.
 *
 * @module
 */
import type { BlobId, UploadId } from "../blobs/blob_store.ts";
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";

/** Who may register: anyone, invited users, no one. */
export const REGISTRATION_MODES = ["open", "invite", "closed"] as const;
/** Who may register. */
export type RegistrationMode = (typeof REGISTRATION_MODES)[number];

/** How much an account has stored, or may store. */
export interface Usage {
  /** Bytes of files and old versions. */
  readonly bytes: number;
  /** Current files. */
  readonly files: number;
}

/** The quota that an operator has set for one account; the server's limits hold for what is left out. */
export type Quota = Partial<Usage>;

/** The edition of an account of protocol 4: it has keys of its own, and protocol 3 cannot use it. */
export const PROTOCOL_4 = "4";

/** A user of a server. Times are in milliseconds since the epoch. */
export interface Account {
  /** 16 bytes. */
  readonly id: Bytes;
  /** 1 to 254 ASCII letters and digits. */
  readonly name: string;
  /** The RSA key of protocol 3, SubjectPublicKeyInfo; `undefined` until the key exchange. */
  readonly publicKey: Bytes | undefined;
  /** When it was registered. */
  readonly firstSeen: number;
  /** When it last logged in. */
  readonly lastSeen: number;
  /** How its client speaks. */
  readonly storedProfile: StoredProfile;
  /** Whether its operator has disabled it. */
  readonly disabled: boolean;
  /** Its own quota. */
  readonly quota: Quota;
}

/** Whether a registration gives way to a new one: one without a key, which has expired or has one of these ids. */
export function mayYield(
  holder: Account,
  expiredBefore: number,
  claimedIds: readonly Bytes[],
): boolean {
  const { publicKey, storedProfile: { edition }, disabled } = holder;
  if (publicKey !== undefined || edition === PROTOCOL_4 || disabled) return false;
  return holder.firstSeen < expiredBefore || claimedIds.some((id) => equalBytes(id, holder.id));
}

/** How a client speaks, by names. Names that this version does not know are kept. */
export interface StoredProfile {
  /** The edition of protocol 3, or {@link PROTOCOL_4}. */
  readonly edition: string;
  /** Quirks of protocol 3. */
  readonly quirks: readonly string[];
}

/** A key that logs in to an account of protocol 4. */
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

/** An account with what it has stored. */
export interface AccountSummary extends Account {
  /** The protocol of its clients. */
  readonly protocol: 3 | 4;
  /** How many keys it has. */
  readonly keys: number;
  /** What it has stored. */
  readonly usage: Usage;
  /** How many old versions are kept. */
  readonly oldVersions: number;
}

/** A registration over protocol 3. */
export interface RegisterV3 {
  /** Of the new account, 16 bytes. */
  readonly id: Bytes;
  /** The name to register. */
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** How the client speaks. */
  readonly storedProfile: StoredProfile;
  /** A registration without a key gives way if it was made before this time … */
  readonly expiredBefore: number;
  /** … or has one of these ids, by which the client has shown that it is its own. */
  readonly claimedIds: readonly Bytes[];
}

/** The key exchange of protocol 3. */
export interface SetPublicKey {
  /** Of the account, 16 bytes. */
  readonly id: Bytes;
  /** The name that the client says it has. */
  readonly name: string;
  /** SubjectPublicKeyInfo, 160 bytes. */
  readonly publicKey: Bytes;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** How the client speaks. */
  readonly storedProfile: StoredProfile;
  /** A registration made before this time no longer takes a key. */
  readonly expiredBefore: number;
  /**
   * The id that the client had before `id` was reserved for `name`, where it was. `id` may become the name's if that is
   * free, or its registration without a key has expired or is under this id.
   */
  readonly reservedFor?: Bytes | undefined;
}

/** What came of setting a key. */
export type KeyChange = "unknown" | "disabled" | "set" | "replaced";

/** A registration over protocol 4. */
export interface RegisterV4 {
  /** Of the account, if a new one is made; 16 bytes. */
  readonly id: Bytes;
  /** The name of the user. */
  readonly name: string;
  /** Ed25519, 32 bytes. */
  readonly key: Bytes;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** A registration by protocol 3 without a key gives way if it was made before this time. */
  readonly expiredBefore: number;
  /** Who may register. */
  readonly registration: RegistrationMode;
  /** SHA-256 of the client's token, if it has one. */
  readonly token?: Bytes | undefined;
}

/** A takeover of an account of protocol 3. */
export interface ClaimAccount {
  /** Of the account, 16 bytes. */
  readonly id: Bytes;
  /** The name of the user. */
  readonly name: string;
  /** The RSA key that the client has proven to own. */
  readonly publicKey: Bytes;
  /** Ed25519, 32 bytes. */
  readonly key: Bytes;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A successful login. */
export interface LoginResult {
  /** Who logged in. */
  readonly account: Account;
  /** Whether the key was known, or was added to a new account, by a link, or by a takeover. */
  readonly how: "known" | "registered" | "linked" | "claimed";
}

/** Why a login failed. */
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

/** A logged-in account and its key. */
export interface Principal {
  /** Of the account, 16 bytes. */
  readonly accountId: Bytes;
  /** Ed25519, 32 bytes. */
  readonly key: Bytes;
}

/** Why a session must end. `gone`: the account was removed, or no longer has the key. */
export type RevocationReason = "gone" | "disabled";

/** An account by its id, or by its name. */
export type AccountReference = { readonly id: Bytes } | { readonly name: string };

/** Changes of an operator; what is left out stays. */
export interface AccountChanges {
  /** A new name. */
  readonly name?: string;
  /** Disabling an account removes its links. */
  readonly disabled?: boolean;
  /** A new quota of its own. */
  readonly quota?: Quota;
}

/** What came of the changes. */
export type UpdateResult = "updated" | "missing" | "name-taken";

/** The accounts of a catalog. Each method is one transaction. */
export interface Accounts {
  /** Registers a name under an id. Returns `false` if another account has the name. */
  registerV3(registration: RegisterV3): Promise<boolean>;
  /** Sets the RSA key of an account of protocol 3. Returns `unknown` if the id is not the name's. */
  setPublicKey(change: SetPublicKey): Promise<KeyChange>;
  /** Adds a key to the account of a name: to a new one, or by a token to an existing one. Uses the token up only then. */
  registerV4(registration: RegisterV4): Promise<LoginResult | LoginFault>;
  /** Turns an account of protocol 3 into one of protocol 4, with this key. */
  takeOver(claim: ClaimAccount): Promise<LoginResult | LoginFault>;
  /** The account, with its keys. */
  find(reference: AccountReference): Promise<AccountWithKeys | undefined>;
  /** All accounts with what they have stored, by name. */
  list(): Promise<AccountSummary[]>;
  /** Records when the account was last seen. */
  touch(id: Bytes, now: number): Promise<void>;
  /** Records how the client of an account of protocol 3 speaks. Changes nothing for one of protocol 4. */
  setProfile(id: Bytes, profile: StoredProfile): Promise<void>;
  /** Makes all of the changes, or none. */
  update(id: Bytes, changes: AccountChanges): Promise<UpdateResult>;
  /** Removes a key, and the account's links. Returns `false` if the account does not have the key. */
  removeKey(id: Bytes, key: Bytes): Promise<boolean>;
  /** Why each of the principals must end its session; `undefined` for those that may stay. */
  revocations(principals: readonly Principal[]): Promise<(RevocationReason | undefined)[]>;
  /** Removes an account with its files and partial uploads. Returns the ids of the blobs that became garbage. */
  remove(id: Bytes): Promise<(BlobId | UploadId)[]>;
  /** Removes registrations without a key that were made before a time. */
  expireRegistrations(before: number): Promise<void>;
}
