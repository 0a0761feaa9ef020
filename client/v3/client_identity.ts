/**
 * The identity of a client of protocol 3 during a run: its private key and account id, and when each is saved or dropped.
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
  /**
   * Whether the private key comes from an earlier run, or was created in this one and is not yet (`made`) or already
   * (`saved`) saved.
   */
  #key: "loaded" | "made" | "saved" = "loaded";
  #isUnanswered = false;
  /** Whether the identity was registered in this run and not used yet, so that nothing is lost with it. */
  #isUnused = false;

  private constructor(userName: string, folder: IdentityFolder, identity: Identity | undefined) {
    this.#userName = userName;
    this.#folder = folder;
    this.#identity = identity;
  }

  /**
   * Reads the identity of a folder. Writes nothing, but removes others' permission to read the key. Throws
   * `ConfigurationError` `bad-identity`, and `other-identity` if it belongs to another user name.
   */
  static async load(
    { identityFolder, userName, onEvent }: V3ConnectOptions,
  ): Promise<ClientIdentity> {
    const folder = new IdentityFolder(identityFolder, onEvent);
    const identity = await folder.load();
    if (identity !== undefined && identity.name !== userName) {
      throw new ConfigurationError(
        "other-identity",
        `${IDENTITY_FILE} belongs to the account ${identity.name}, but transfer.info names ${userName}`,
        {
          hint:
            `Write ${identity.name} into line 2 of transfer.info, or use another folder for ${userName}.`,
        },
      );
    }
    return new ClientIdentity(userName, folder, identity);
  }

  /** The id of the account, 16 bytes; `undefined` before it is registered. */
  get clientId(): Bytes | undefined {
    return this.#identity?.clientId;
  }

  /** PKCS#8 DER; empty before {@link prepareKey}. */
  get privateKey(): Bytes {
    return this.#privateKey;
  }

  /** Whether a registration was sent, in this run or an earlier one, and not answered. */
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

  /** Reads the private key, or creates one. */
  async prepareKey(): Promise<void> {
    const savedKey = this.#identity?.privateKey ?? await this.#folder.loadKey();
    this.#privateKey = savedKey ?? await generatePrivateKey();
    if (savedKey === undefined) this.#key = "made";
    else this.#isUnanswered = this.#identity === undefined;
  }

  /**
   * Call before a registration is sent. Makes the private key durable, because an unanswered registration may have
   * succeeded.
   */
  async startRegistration(): Promise<void> {
    if (this.#key === "made") {
      await this.#folder.saveKey(this.#privateKey);
      this.#key = "saved";
    }
    this.#isUnanswered = true;
  }

  /** Call after a refused registration. Removes a new key that was not registered. */
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
   * Backs up an account that the server denied, unless it was never used. Returns the path of the copy. The identity
   * stays until a new one exists, because registering may fail.
   */
  async backUp(): Promise<string | undefined> {
    return this.#isUnused ? undefined : await this.#folder.backUp();
  }
}
