/**
 * Accounts: how they are registered, their keys, and what an operator decides about them.
 *
 * @module
 */
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";

/** Who may register: anyone, invited users, no one. */
export const REGISTRATION_MODES = ["open", "invite", "closed"] as const;
/** Who may register. */
export type RegistrationMode = (typeof REGISTRATION_MODES)[number];

/** What a client has stored, or may have. */
export interface Usage {
  readonly bytes: number;
  readonly files: number;
}

/** What its operator lets a client store; what is left out is as for all. */
export type Quota = Partial<Usage>;

/** The edition that stands for protocol 4 with an account: it has keys of its own, and protocol 3 has no way to it. */
export const PROTOCOL_4 = "4";

export interface Account {
  /** 16 bytes. */
  readonly id: Bytes;
  readonly name: string;
  /** SubjectPublicKeyInfo; `undefined` until the key exchange. */
  readonly publicKey: Bytes | undefined;
  /** Milliseconds since the epoch, as all times here. */
  readonly firstSeen: number;
  readonly lastSeen: number;
  readonly storedProfile: StoredProfile;
  /** Whether its operator does not let it do anything. */
  readonly disabled: boolean;
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

/** How a client speaks, in names: those of editions and habits that this version does not know are kept. */
export interface StoredProfile {
  readonly edition: string;
  readonly quirks: readonly string[];
}

/** A key by which a client of protocol 4 logs in. */
export interface KnownKey {
  /** Ed25519, 32 bytes. */
  readonly key: Bytes;
  readonly addedAt: number;
}

export interface AccountWithKeys extends Account {
  /** The oldest first; none of an account of protocol 3. */
  readonly keys: readonly KnownKey[];
}

export interface AccountSummary extends Account {
  readonly protocol: 3 | 4;
  /** How many it has. */
  readonly keys: number;
  /** Its bytes are those of old versions too. */
  readonly usage: Usage;
  /** Files that were replaced and are kept. */
  readonly oldVersions: number;
}

export interface RegisterAccount {
  readonly id: Bytes;
  readonly name: string;
  readonly now: number;
  readonly storedProfile: StoredProfile;
  /** A registration without a key gives way if it was made before this time … */
  readonly expiredBefore: number;
  /** … or has one of these ids, by which the client has shown that it is its own. */
  readonly claimedIds: readonly Bytes[];
}

export interface SetPublicKey {
  readonly id: Bytes;
  readonly name: string;
  readonly publicKey: Bytes;
  readonly now: number;
  readonly storedProfile: StoredProfile;
  /** A registration made before this time no longer takes a key. */
  readonly expiredBefore: number;
  /**
   * The id that the client had before `id` was reserved for `name`, where it was. `id` may become the name's if that is
   * free, or its registration without a key has expired or is under this id.
   */
  readonly reservedFor?: Bytes | undefined;
}

export type KeyChange = "unknown" | "disabled" | "set" | "replaced";

export interface RegisterKey {
  /** Of the new account, if it becomes one. */
  readonly id: Bytes;
  readonly name: string;
  /** Ed25519, 32 bytes. */
  readonly key: Bytes;
  readonly now: number;
  /** A registration by protocol 3 without a key gives way if it was made before this time. */
  readonly expiredBefore: number;
  readonly registration: RegistrationMode;
  /** SHA-256 of the token that the client has, if it has one. */
  readonly token?: Bytes | undefined;
}

export interface ClaimAccount {
  readonly id: Bytes;
  readonly name: string;
  /** The RSA key whose owner has asked. */
  readonly publicKey: Bytes;
  /** Ed25519, 32 bytes. */
  readonly key: Bytes;
  readonly now: number;
}

/** Who was let in, and whether the key was known, or now belongs to an account that is new or was there. */
export interface LoginResult {
  readonly client: Account;
  readonly how: "known" | "registered" | "linked" | "claimed";
}

/** Why nobody was let in. */
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

/** Who has been let in, by which key. */
export interface Principal {
  readonly clientId: Bytes;
  readonly key: Bytes;
}

/** Why he may not stay: the account is gone or has not this key any more, or is disabled. */
export type RevocationReason = "gone" | "disabled";

/** An account by its id, or by its name. */
export type AccountReference = { readonly id: Bytes } | { readonly name: string };

/** Changes that an operator makes; what is left out stays. */
export interface AccountChanges {
  readonly name?: string;
  /** Disabling an account removes its links. */
  readonly disabled?: boolean;
  readonly quota?: Quota;
}

export type UpdateResult = "updated" | "missing" | "name-taken";

export interface Accounts {
  /** Registers a name under an id. Returns `false` if another account has the name. */
  registerV3(registration: RegisterAccount): Promise<boolean>;
  /** Sets the RSA key of an account of protocol 3. Returns `unknown` if the id is not the name's. */
  setPublicKey(change: SetPublicKey): Promise<KeyChange>;
  /** Adds a key to the account of a name: to a new one, or by a token to an existing one. Uses the token up only then. */
  registerV4(registration: RegisterKey): Promise<LoginResult | LoginFault>;
  /** Turns an account of protocol 3 into one of protocol 4, with this key. */
  takeOver(claim: ClaimAccount): Promise<LoginResult | LoginFault>;
  find(reference: AccountReference): Promise<AccountWithKeys | undefined>;
  /** All accounts with what they have stored, by name. */
  list(): Promise<AccountSummary[]>;
  /** Records when the account was last seen. */
  touch(id: Bytes, now: number): Promise<void>;
  /** Changes nothing for an account of protocol 4. */
  setProfile(id: Bytes, profile: StoredProfile): Promise<void>;
  /** Makes all of the changes, or none. */
  update(id: Bytes, changes: AccountChanges): Promise<UpdateResult>;
  /** Removes a key, and the account's links. Returns `false` if the account does not have the key. */
  removeKey(id: Bytes, key: Bytes): Promise<boolean>;
  /** Why each of the principals must end its session; `undefined` for those that may stay. */
  revocations(principals: readonly Principal[]): Promise<(RevocationReason | undefined)[]>;
  /** Removes an account with its files and partial uploads. Returns the ids of the blobs that became garbage. */
  remove(id: Bytes): Promise<string[]>;
  /** Removes registrations without a key that were made before a time. */
  expireRegistrations(before: number): Promise<void>;
}
