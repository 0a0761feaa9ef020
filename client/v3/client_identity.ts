/**
 * Who a client of protocol 3 is during a run: its private key and its account, and when each is saved or given up.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { generatePrivateKey } from "../../protocol/cipher/rsa.ts";
import { ConfigurationError } from "../../protocol/errors.ts";
import type { Profile } from "../../protocol/v3/server_session.ts";
import { type Identity, IDENTITY_FILE, IdentityFolder } from "../identity/v3_identity.ts";
import type { V3ConnectOptions } from "./connect_options.ts";

export class ClientIdentity {
  readonly #userName: string;
  readonly #folder: IdentityFolder;
  #identity: Identity | undefined;
  #privateKey: Bytes = new Uint8Array(0);
  /** Whether the private key is that of an earlier run, or was made in this one and is saved or not. */
  #key: "loaded" | "made" | "saved" = "loaded";
  #isUnanswered = false;
  /** Whether the identity was registered in this run and not used yet: nothing is lost with it. */
  #isUnused = false;

  private constructor(userName: string, folder: IdentityFolder, identity: Identity | undefined) {
    this.#userName = userName;
    this.#folder = folder;
    this.#identity = identity;
  }

  /**
   * Reads the identity of a folder. Writes nothing, but takes others' permission to read the key. Throws
   * `ConfigurationError` `bad-identity`, and `other-identity` for another user's.
   */
  static async load(
    { identityFolder, userName, onEvent }: V3ConnectOptions,
  ): Promise<ClientIdentity> {
    const folder = new IdentityFolder(identityFolder, onEvent);
    const identity = await folder.load();
    if (identity !== undefined && identity.name !== userName) {
      throw new ConfigurationError(
        "other-identity",
        `${IDENTITY_FILE} is the identity of ${identity.name}, transfer.info names ${userName}`,
        { hint: `Correct line 2, or run in another folder to be ${userName}.` },
      );
    }
    return new ClientIdentity(userName, folder, identity);
  }

  /** The id of the account, 16 bytes; `undefined` where none is registered. */
  get clientId(): Bytes | undefined {
    return this.#identity?.clientId;
  }

  /** PKCS#8 DER; empty before {@link prepareKey}. */
  get privateKey(): Bytes {
    return this.#privateKey;
  }

  /** Whether a registration was sent and never answered, in this run or an earlier one. */
  get isUnanswered(): boolean {
    return this.#isUnanswered;
  }

  /** The profile of the last run with this identity. */
  loadProfile(): Promise<Profile | undefined> {
    return this.#folder.loadProfile();
  }

  async saveProfile(profile: Profile): Promise<void> {
    await this.#folder.saveProfile(profile);
  }

  /** Reads the private key, or makes one. */
  async prepareKey(): Promise<void> {
    const kept = this.#identity?.privateKey ?? await this.#folder.loadKey();
    this.#privateKey = kept ?? await generatePrivateKey();
    if (kept === undefined) this.#key = "made";
    else this.#isUnanswered = this.#identity === undefined;
  }

  /** Before a registration is sent: makes the private key durable, since one without an answer may have succeeded. */
  async startRegistration(): Promise<void> {
    if (this.#key === "made") {
      await this.#folder.saveKey(this.#privateKey);
      this.#key = "saved";
    }
    this.#isUnanswered = true;
  }

  /** After a refused registration: leaves no key behind that nobody has registered. */
  async dropKey(): Promise<void> {
    if (this.#key !== "saved" || this.#identity !== undefined) return;
    await this.#folder.removeKey();
    this.#key = "made";
    this.#isUnanswered = false;
  }

  /** Saves the account that the server has registered. */
  async register(clientId: Bytes): Promise<void> {
    const identity = { name: this.#userName, clientId, privateKey: this.#privateKey };
    await this.#folder.save(identity);
    this.#identity = identity;
    this.#isUnanswered = false;
    this.#isUnused = true;
  }

  /** The server has accepted the account. */
  markUsed(): void {
    this.#isUnused = false;
  }

  /**
   * Backs up an account that the server has denied, unless it was never used. Returns the path of the copy. The identity
   * itself stays until there is another: what comes before that may fail.
   */
  async backUp(): Promise<string | undefined> {
    return this.#isUnused ? undefined : await this.#folder.backUp();
  }
}
