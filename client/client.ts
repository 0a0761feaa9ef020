/**
 * A client: drives the conversation of `protocol/session/client.ts` over a real connection, real files and a real
 * identity.
 *
 * @module
 */
import {
  type Address,
  aesKeySize,
  type Answer,
  type Bytes,
  ByteWriter,
  CbcEncryptor,
  Cksum,
  ConfigurationError,
  type Conversation,
  DEFAULT_EDITION,
  type Edition,
  encodeTextField,
  FIELDS,
  generatePrivateKey,
  type Habits,
  importAesKey,
  inPieces,
  NetworkError,
  NO_HABITS,
  type Part,
  PiecesEncryptor,
  type Profile,
  ProtocolError,
  publicKeyOf,
  reconnect,
  register,
  type Step,
  trailerSize,
  unwrapKey,
  upload,
} from "../protocol/mod.ts";
import { DEFAULT_TIMEOUTS, ServerConnection, type Timeouts } from "./connection.ts";
import { detectEdition } from "./detect.ts";
import type { ClientEvent } from "./events.ts";
import { type Identity, IDENTITY_FILE, IdentityFolder } from "./identity.ts";
import { PartWriter } from "./part_writer.ts";
import { SourceFile } from "./source_file.ts";

export interface ClientOptions {
  readonly server: Address;
  readonly userName: string;
  /** The folder with `me.info` and `priv.key`. */
  readonly identityFolder: string;
  /** What the server speaks; `auto` finds out. Without, what was used last under this identity, or 2023c. */
  readonly edition?: Edition | "auto";
  /** What the server does besides. Without, what was used last. */
  readonly habits?: Habits;
  readonly timeouts?: Partial<Timeouts>;
  readonly onEvent?: (event: ClientEvent) => void;
}

/** The file is read, encrypted and sent in pieces of this many bytes; a multiple of the cipher's block. */
const PIECE_SIZE = 1024 * 1024;

export class Client implements Disposable {
  readonly profile: Profile;
  readonly #options: ClientOptions;
  readonly #identities: IdentityFolder;
  readonly #buffer: Bytes = new Uint8Array(PIECE_SIZE);
  #privateKey: Bytes = new Uint8Array(0);
  #identity: Identity | undefined;
  #connection: ServerConnection | undefined;
  #aesKey: CryptoKey | undefined;
  #introduced = false;
  /** What the server has said to a file before it had all of it. */
  #early: Answer | undefined;

  private constructor(
    options: ClientOptions,
    profile: Profile,
    identities: IdentityFolder,
    identity: Identity | undefined,
  ) {
    this.#options = options;
    this.profile = profile;
    this.#identities = identities;
    this.#identity = identity;
  }

  /** Reads the identity and finds out what to speak. Writes nothing. */
  static async create(options: ClientOptions): Promise<Client> {
    const identities = new IdentityFolder(options.identityFolder);
    const identity = await identities.load();
    if (identity !== undefined && identity.name !== options.userName) {
      throw new ConfigurationError(
        "other-identity",
        `${IDENTITY_FILE} is the identity of ${identity.name}, transfer.info names ${options.userName}`,
        { hint: `Correct line 2, or run in another folder to be ${options.userName}.` },
      );
    }
    const profile = await chooseProfile(options, identities, identity);
    return new Client(options, profile, identities, identity);
  }

  /** Makes the private key durable before anything is sent. */
  async prepare(): Promise<void> {
    const kept = this.#identity?.privateKey ?? await this.#identities.loadKey();
    this.#privateKey = kept ?? await generatePrivateKey();
    if (kept === undefined) await this.#identities.saveKey(this.#privateKey);
  }

  /** Sends one file and returns its checksum, on which both ends agree. */
  async send(inspected: SourceFile): Promise<number> {
    const clientId = await this.#introduce();
    this.#introduced = true;
    // It may have waited for others: what counts is what it is when it is sent.
    const file = await SourceFile.inspect(inspected.path, this.profile);
    const conversation = upload(this.profile, {
      clientId,
      fileName: file.nameField,
      size: file.size,
    });
    try {
      return await this.#drive(conversation, file);
    } catch (error) {
      // Whatever is half said on this connection, the next file must not be taken for its rest.
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Whether the server has let this client in. */
  get isIntroduced(): boolean {
    return this.#introduced;
  }

  [Symbol.dispose](): void {
    this.#connection?.[Symbol.dispose]();
    this.#connection = undefined;
  }

  /** Gets a fresh AES key, registering first where there is no identity. */
  async #introduce(): Promise<Bytes> {
    const reused = this.#connection !== undefined;
    try {
      return await this.#drive(this.#introduction());
    } catch (error) {
      if (!reused || !(error instanceof NetworkError)) throw error;
      // Some servers close after each file.
      this[Symbol.dispose]();
      return await this.#drive(this.#introduction());
    }
  }

  #introduction(): Conversation<Bytes> {
    const name = encodeTextField(this.#options.userName, FIELDS.name.size);
    if (name === undefined) throw new RangeError("Cannot register: the user name does not fit");
    const registration = { name, publicKey: publicKeyOf(this.#privateKey) };
    const placeholderId = new Uint8Array(FIELDS.clientId.size);
    return this.#identity === undefined
      ? register(this.profile, { ...registration, placeholderId })
      : reconnect(this.profile, this.#identity.clientId, registration);
  }

  async #drive<T>(conversation: Conversation<T>, file?: SourceFile): Promise<T> {
    let turn = conversation.next();
    while (!turn.done) {
      const step = turn.value;
      let answer: Answer;
      try {
        answer = await this.#perform(step, file);
      } catch (error) {
        turn = conversation.throw(error);
        continue;
      }
      turn = conversation.next(answer);
    }
    return turn.value;
  }

  async #perform(step: Step, file: SourceFile | undefined): Promise<Answer> {
    switch (step.do) {
      case "send": {
        this.#leaveIfFramed();
        const connection = await this.#connect();
        this.#emit({ type: "request", kind: step.kind });
        await connection.send(step.bytes);
        return { type: "sent" };
      }
      case "receive":
        return await this.#receive(step.withinMs);
      case "keepIdentity":
        await this.#keepIdentity(step.clientId);
        return { type: "kept" };
      case "dropIdentity":
        await this.#dropIdentity(step.clientId);
        return { type: "kept" };
      case "useKey":
        await this.#useKey(step.wrappedKey);
        return { type: "kept" };
      case "sendFile":
        if (file === undefined) throw new RangeError("Cannot send a file: none is at hand");
        this.#emit({ type: "sending", file, attempt: step.attempt });
        return await this.#sendFile(step.parts, file);
      case "compare":
        if (file !== undefined) this.#emit({ ...step, type: "compared", file });
        return { type: "kept" };
    }
  }

  /** Servers that fill up frames take one request a connection. */
  #leaveIfFramed(): void {
    if (this.profile.habits.has("frames")) this[Symbol.dispose]();
  }

  /** Between two packets: some servers answer each, and take the next on a connection of its own. */
  async #nextPart(): Promise<boolean> {
    if (this.profile.habits.has("acknowledged-parts")) {
      const answer = await this.#receive();
      const goesOn = answer.type === "response" && answer.response.kind === "messageReceived";
      if (!goesOn) {
        this.#early = answer;
        return false;
      }
    }
    this.#leaveIfFramed();
    return true;
  }

  async #receive(withinMs?: number): Promise<Answer> {
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) return early;
    const received = await this.#connection?.receive(withinMs) ?? { type: "closed" };
    if (received.type === "closed") this[Symbol.dispose]();
    return received;
  }

  async #connect(): Promise<ServerConnection> {
    if (this.#connection === undefined) {
      const timeouts = { ...DEFAULT_TIMEOUTS, ...this.#options.timeouts };
      const { server } = this.#options;
      this.#connection = await ServerConnection.open(server, this.profile, timeouts);
      this.#emit({ type: "connected", server });
    }
    return this.#connection;
  }

  async #keepIdentity(clientId: Bytes): Promise<void> {
    const identity = { name: this.#options.userName, clientId, privateKey: this.#privateKey };
    await this.#identities.save(identity);
    this.#identity = identity;
    this.#emit({ type: "registered", clientId });
  }

  async #dropIdentity(clientId: Bytes): Promise<void> {
    const copy = await this.#identities.keepAside();
    this.#identity = undefined;
    this.#emit({ type: "denied", clientId, copy });
  }

  async #useKey(wrappedKey: Bytes): Promise<void> {
    const key = await unwrapKey(this.#privateKey, wrappedKey);
    const expected = aesKeySize(this.profile);
    if (key.length !== expected) {
      throw new ProtocolError(
        "bad-key-size",
        `The server sent an AES key of ${key.length} bytes; edition ${this.profile.edition.name} ` +
          `has ${expected}`,
      );
    }
    this.#aesKey = await importAesKey(key);
    await this.#identities.saveProfile(this.profile);
    if (this.#identity !== undefined) {
      this.#emit({ type: "keyReceived", clientId: this.#identity.clientId });
    }
  }

  /** Reads, encrypts and sends. The next piece is read and encrypted while the one before is on its way. */
  async #sendFile(parts: Iterable<Part>, file: SourceFile): Promise<Answer> {
    if (this.#aesKey === undefined) throw new RangeError("Cannot send a file: there is no key");
    const { habits } = this.profile;
    const Encryptor = inPieces(habits, file.size) ? PiecesEncryptor : CbcEncryptor;
    const encryptor = new Encryptor(this.#aesKey);
    this.#leaveIfFramed();
    const writer = new PartWriter(parts, {
      send: async (bytes) => await (await this.#connect()).send(bytes),
      nextPart: () => this.#nextPart(),
    });
    const checksum = new Cksum();
    let sending = Promise.resolve(true);
    const send = async (ciphertext: Bytes): Promise<boolean> => {
      const taken = await sending;
      sending = writer.write(ciphertext);
      // It is awaited at the next piece; until then its failure is not to count as unhandled.
      sending.catch(() => undefined);
      return taken;
    };
    for await (const piece of file.read(this.#buffer)) {
      checksum.update(piece);
      if (!(await send(await encryptor.update(piece)))) break;
      this.#emit({ type: "progress", file, sent: checksum.size });
    }
    await send(await encryptor.final());
    await sending;
    if (trailerSize(habits) > 0) await writer.write(new ByteWriter(4).u32(checksum.digest()).bytes);
    return { type: "fileSent", crc: checksum.digest(), changed: await file.hasChanged() };
  }

  #emit(event: ClientEvent): void {
    this.#options.onEvent?.(event);
  }
}

async function chooseProfile(
  options: ClientOptions,
  identities: IdentityFolder,
  identity: Identity | undefined,
): Promise<Profile> {
  const remembered = await identities.loadProfile();
  const habits = options.habits ?? remembered?.habits ?? NO_HABITS;
  if (options.edition !== "auto") {
    return complete(options.edition ?? remembered?.edition ?? DEFAULT_EDITION, habits);
  }
  const { server, userName } = options;
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const detected = await detectEdition(server, userName, identity?.clientId, timeouts);
  options.onEvent?.({ type: "detected", ...detected });
  return complete(detected.edition, habits);
}

/** With frames come the other habits of the edition's framed peers. */
function complete(edition: Edition, habits: Habits): Profile {
  const implied = habits.has("frames") ? edition.framedHabits : [];
  return { edition, habits: new Set([...habits, ...implied]) };
}
