/**
 * What the catalog knows of accounts: how they come about, their keys, tokens, and what an operator says of them.
 *
 * @module
 */
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";

/** Who may register: everybody, who has an invitation, nobody. */
export const REGISTRATION_MODES = ["open", "invite", "closed"] as const;
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

/** What is kept of a token. */
export interface Token {
  /** SHA-256. */
  readonly hash: Bytes;
  /** The account that it links a key to; an invitation has none. */
  readonly clientId?: Bytes | undefined;
  /** What an operator calls it. */
  readonly label?: string | undefined;
  readonly usesLeft: number;
  readonly used: number;
  readonly expiresAt: number;
  readonly madeAt: number;
}

export interface AccountCatalog {
  /**
   * The key now belongs to the account of this name: to a new one, or by a token to one that was there. A token's use
   * counts only if so.
   */
  registerKey(registration: RegisterKey): Promise<LoginResult | LoginFault>;
  /** The account of protocol 3 is now one of protocol 4, with this key. */
  claimAccount(claim: ClaimAccount): Promise<LoginResult | LoginFault>;
  /** The client with its keys. */
  findAccount(id: Bytes): Promise<AccountWithKeys | undefined>;
  /** What is wrong with each of those who have been let in; of all of them in one look. */
  revocationReasons(principals: readonly Principal[]): Promise<(RevocationReason | undefined)[]>;
  /** Forgets a key, and the account's links; `false` where the account does not have the key. */
  removeKey(id: Bytes, key: Bytes): Promise<boolean>;

  /**
   * Keeps a token. Of links of one account the oldest makes room. `false` where too many invitations are open, or where
   * the account has not, or no longer, the key by which its client asks for a link, or is disabled.
   */
  addToken(token: Token, by?: Bytes): Promise<boolean>;
  /** Invitations that are still good, the oldest first. */
  listInvitations(now: number): Promise<Token[]>;
  removeToken(hash: Bytes): Promise<void>;

  /** All accounts with what they have, by name. */
  listAccounts(): Promise<AccountSummary[]>;
  /** Disables an account, which takes its links away, or enables it. */
  setDisabled(id: Bytes, disabled: boolean): Promise<void>;
  /** Whether the client has the name now; `false` if another has it. */
  renameClient(id: Bytes, name: string): Promise<boolean>;
  setQuota(id: Bytes, quota: Quota): Promise<void>;
}
