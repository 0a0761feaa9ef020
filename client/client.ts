/**
 * A client: drives the conversation of `protocol/session/client.ts` over a real connection, real files and a real
 * identity.
 *
 * @module
 */
import {
  type Address,
  type Answer,
  type Bytes,
  CbcEncryptor,
  Cksum,
  concatBytes,
  ConfigurationError,
  type Conversation,
  type Edition,
  edition2023c,
  encodeTextField,
  FIELDS,
  generatePrivateKey,
  importAesKey,
  IntegrityError,
  NetworkError,
  ProtocolError,
  publicKeyOf,
  reconnect,
  register,
  type RequestKind,
  type Step,
  unwrapKey,
  upload,
  UsageError,
  type XferError,
} from "../protocol/mod.ts";
import { DEFAULT_TIMEOUTS, ServerConnection, type Timeouts } from "./connection.ts";
import { type Identity, IDENTITY_FILE, IdentityFolder } from "./identity.ts";
import { SourceFile } from "./source_file.ts";

/** What a client tells of its progress. */
export type ClientEvent =
  | { readonly type: "connected"; readonly server: Address }
  | { readonly type: "request"; readonly kind: RequestKind }
  | { readonly type: "registered"; readonly clientId: Bytes }
  | { readonly type: "keyReceived"; readonly clientId: Bytes }
  /** The server does not know this identity; `copy` is where it is kept. */
  | { readonly type: "denied"; readonly clientId: Bytes; readonly copy: string }
  | { readonly type: "sending"; readonly file: SourceFile; readonly attempt: number }
  /** Bytes of the plaintext sent so far in this attempt. */
  | { readonly type: "progress"; readonly file: SourceFile; readonly sent: number }
  | {
    readonly type: "compared";
    readonly file: SourceFile;
    readonly attempt: number;
    readonly ours: number;
    readonly theirs: number;
  }
  | { readonly type: "stored"; readonly file: SourceFile; readonly crc: number }
  | { readonly type: "failed"; readonly file: SourceFile; readonly error: XferError };

export interface SendOptions {
  readonly server: Address;
  readonly userName: string;
  /** Paths of the files, in the order in which they are sent. */
  readonly files: readonly string[];
  /** The folder with `me.info` and `priv.key`. */
  readonly identityFolder: string;
  readonly edition?: Edition;
  readonly timeouts?: Partial<Timeouts>;
  readonly onEvent?: (event: ClientEvent) => void;
}

export type Outcome =
  | { readonly file: SourceFile; readonly crc: number }
  | { readonly file: SourceFile; readonly error: XferError };

/** The file is read, encrypted and sent in pieces of this many bytes; a multiple of the cipher's block. */
const PIECE_SIZE = 1024 * 1024;

/**
 * Sends files one after another over one connection, each under a fresh AES key, and returns what came of each. A
 * file that can't be agreed on does not hold up the next; anything else that goes wrong throws, and what was reported
 * as stored until then is stored. Nothing is sent before all files were looked at.
 */
export async function sendFiles(options: SendOptions): Promise<Outcome[]> {
  const edition = options.edition ?? edition2023c;
  const files: SourceFile[] = [];
  for (const path of options.files) files.push(await SourceFile.inspect(path, edition));
  refuseSameNames(files);
  using client = await Client.create(options, edition);
  const outcomes: Outcome[] = [];
  for (const file of files) {
    try {
      const crc = await client.send(file);
      outcomes.push({ file, crc });
      options.onEvent?.({ type: "stored", file, crc });
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      outcomes.push({ file, error });
      options.onEvent?.({ type: "failed", file, error });
    }
  }
  return outcomes;
}

class Client implements Disposable {
  readonly #options: SendOptions;
  readonly #edition: Edition;
  readonly #identities: IdentityFolder;
  readonly #privateKey: Bytes;
  readonly #buffer: Bytes = new Uint8Array(PIECE_SIZE);
  #identity: Identity | undefined;
  #connection: ServerConnection | undefined;
  #aesKey: CryptoKey | undefined;

  private constructor(
    options: SendOptions,
    edition: Edition,
    identities: IdentityFolder,
    identity: Identity | undefined,
    privateKey: Bytes,
  ) {
    this.#options = options;
    this.#edition = edition;
    this.#identities = identities;
    this.#identity = identity;
    this.#privateKey = privateKey;
  }

  /** Reads the identity, or makes its key. */
  static async create(options: SendOptions, edition: Edition): Promise<Client> {
    const identities = new IdentityFolder(options.identityFolder);
    const identity = await identities.load();
    if (identity !== undefined && identity.name !== options.userName) {
      throw new ConfigurationError(
        "other-identity",
        `${IDENTITY_FILE} is the identity of ${identity.name}, transfer.info names ${options.userName}`,
        { hint: `Correct line 2, or run in another folder to be ${options.userName}.` },
      );
    }
    let privateKey = identity?.privateKey ?? await identities.loadKey();
    if (privateKey === undefined) {
      privateKey = await generatePrivateKey();
      await identities.saveKey(privateKey);
    }
    return new Client(options, edition, identities, identity, privateKey);
  }

  /** Sends one file and returns its checksum, on which both ends agree. */
  async send(file: SourceFile): Promise<number> {
    const clientId = await this.#introduce();
    const conversation = upload(this.#edition, {
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
      ? register(this.#edition, { ...registration, placeholderId })
      : reconnect(this.#edition, this.#identity.clientId, registration);
  }

  async #drive<T>(conversation: Conversation<T>, file?: SourceFile): Promise<T> {
    let turn = conversation.next();
    while (!turn.done) {
      turn = conversation.next(await this.#perform(turn.value, file));
    }
    return turn.value;
  }

  async #perform(step: Step, file: SourceFile | undefined): Promise<Answer> {
    switch (step.do) {
      case "send": {
        const connection = await this.#connect();
        this.#emit({ type: "request", kind: step.kind });
        await connection.send(step.bytes);
        return { type: "sent" };
      }
      case "receive":
        return await (await this.#connect()).receive(step.withinMs);
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
        return await this.#sendFile(step.head, file);
      case "compare":
        if (file !== undefined) this.#emit({ ...step, type: "compared", file });
        return { type: "kept" };
    }
  }

  async #connect(): Promise<ServerConnection> {
    if (this.#connection === undefined) {
      const timeouts = { ...DEFAULT_TIMEOUTS, ...this.#options.timeouts };
      const { server } = this.#options;
      this.#connection = await ServerConnection.open(server, this.#edition, timeouts);
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
    if (key.length !== this.#edition.aesKeySize) {
      throw new ProtocolError(
        "bad-key-size",
        `The server sent an AES key of ${key.length} bytes; edition ${this.#edition.name} has ` +
          `${this.#edition.aesKeySize}`,
      );
    }
    this.#aesKey = await importAesKey(key);
    if (this.#identity !== undefined) {
      this.#emit({ type: "keyReceived", clientId: this.#identity.clientId });
    }
  }

  /** Reads, encrypts and sends. The next piece is read and encrypted while the one before is on its way. */
  async #sendFile(head: Bytes, file: SourceFile): Promise<Answer> {
    if (this.#aesKey === undefined) throw new RangeError("Cannot send a file: there is no key");
    const connection = await this.#connect();
    const encryptor = new CbcEncryptor(this.#aesKey);
    const checksum = new Cksum();
    let sending: Promise<boolean> | undefined;
    let unsent = head;
    const send = async (ciphertext: Bytes) => {
      // Header and payload begin in one write: some servers take what one read gives for the whole message.
      const bytes = unsent.length > 0 ? concatBytes(unsent, ciphertext) : ciphertext;
      unsent = new Uint8Array(0);
      const taken = await sending;
      sending = connection.send(bytes);
      // It is awaited at the next piece; until then its failure is not to count as unhandled.
      sending.catch(() => undefined);
      return taken ?? true;
    };
    for await (const piece of file.read(this.#buffer)) {
      checksum.update(piece);
      if (!(await send(await encryptor.update(piece)))) break;
      this.#emit({ type: "progress", file, sent: checksum.size });
    }
    await send(await encryptor.final());
    await sending;
    return { type: "fileSent", crc: checksum.digest(), changed: await file.hasChanged() };
  }

  #emit(event: ClientEvent): void {
    this.#options.onEvent?.(event);
  }
}

function refuseSameNames(files: readonly SourceFile[]): void {
  for (const [index, file] of files.entries()) {
    const earlier = files.slice(0, index).find((other) => other.name === file.name);
    if (earlier === undefined) continue;
    throw new UsageError(
      "same-name",
      `Cannot send both ${earlier.path} and ${file.path}: the second would replace the first`,
      { hint: "The server keeps files by their last name. Send them under different names." },
    );
  }
}
