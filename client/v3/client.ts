/**
 * The client of protocol 3. It runs the sessions of `protocol/v3/` over a connection, with local files and the local
 * identity.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { NetworkError, ProtocolError, RefusedError } from "../../protocol/errors.ts";
import { encodeTextField } from "../../protocol/v3/text_field.ts";
import { FIELDS } from "../../protocol/v3/editions/edition.ts";
import { publicKeyOf, unwrapKey } from "../../protocol/cipher/rsa.ts";
import { importAesKey } from "../../protocol/cipher/aes_cbc.ts";
import { keepFreedMemory } from "../../protocol/memory.ts";
import type { Part } from "../../protocol/v3/file_parts.ts";
import type { Profile } from "../../protocol/v3/server_session.ts";
import { reconnect, register } from "../../protocol/v3/registration.ts";
import type { SessionSteps, Step, StepResult } from "../../protocol/v3/session_steps.ts";
import { throwIfAborted } from "../../protocol/abort.ts";
import { upload } from "../../protocol/v3/client_session.ts";
import { ZlibCrc } from "../../protocol/crc/zlib.ts";
import { DEFAULT_TIMEOUTS } from "../net/dial.ts";
import type { Stored, V3Event } from "../events.ts";
import { ReconnectingConnection } from "./reconnecting_connection.ts";
import { chooseProfile, type ChosenProfile } from "./choose_profile.ts";
import { ClientIdentity } from "./client_identity.ts";
import type { V3ConnectOptions } from "./connect_options.ts";
import { PIECE_SIZE, sendContent } from "./send_content.ts";
import type { SourceFile } from "../local/source_file.ts";
import { inspectFile } from "./inspect_file.ts";
import { GracefulAbort } from "../net/graceful_abort.ts";

/** Servers of every edition use either size. */
const AES_KEY_SIZES: readonly number[] = [16, 32];

/** One client and its connection. It uploads files one after another. */
export class V3Client implements Disposable {
  #profile: Profile;
  readonly #options: V3ConnectOptions;
  readonly #identity: ClientIdentity;
  readonly #connection: ReconnectingConnection;
  readonly #gracefulAbort: GracefulAbort;
  readonly #deniedIds: readonly Bytes[];
  readonly #buffers: [Bytes, Bytes] = [new Uint8Array(PIECE_SIZE), new Uint8Array(PIECE_SIZE)];
  #aesKey: CryptoKey | undefined;
  #isAuthenticated = false;
  /** The checksum of the last file, for another attempt. */
  #lastChecksum: { readonly file: SourceFile; readonly crc: number } | undefined;

  private constructor(
    options: V3ConnectOptions,
    { profile, deniedIds }: ChosenProfile,
    identity: ClientIdentity,
  ) {
    const { server, signal } = options;
    const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    const onConnected = () => this.#emit({ type: "connected", server });
    this.#options = options;
    this.#profile = profile;
    this.#deniedIds = deniedIds;
    this.#identity = identity;
    const { tracer } = options;
    this.#connection = new ReconnectingConnection({
      server,
      profile,
      timeouts,
      onConnected,
      tracer,
      signal,
    });
    this.#gracefulAbort = new GracefulAbort(signal, (reason) => this.#connection.end(reason));
  }

  /**
   * Reads the identity and chooses the profile. Writes nothing, but removes other users' permission to read the key.
   */
  static async create(options: V3ConnectOptions): Promise<V3Client> {
    keepFreedMemory();
    const identity = await ClientIdentity.load(options);
    const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    const remembered = await identity.loadProfile();
    const chosen = await chooseProfile(options, remembered, identity.clientId, timeouts);
    return new V3Client(options, chosen, identity);
  }

  /** Reads the private key or creates one. */
  async prepare(): Promise<void> {
    await this.#identity.prepareKey();
  }

  /**
   * Uploads one file. Returns the file as it was sent, and the cksum that both ends agree on. Can be called again after
   * a failure. After an abort it still finishes a registration, so that the id is not lost, and a file that the server
   * has received in full. Throws `StorageError`, `IntegrityError`, `RefusedError`, `UnconfirmedError`, `NetworkError`,
   * `ProtocolError`, `ConfigurationError`, `InterruptedError`.
   */
  send(inspected: SourceFile): Promise<Pick<Stored, "file" | "crc">> {
    return this.#gracefulAbort.critical(() => this.#send(inspected));
  }

  async #send(inspected: SourceFile): Promise<Pick<Stored, "file" | "crc">> {
    this.#isAuthenticated = false;
    try {
      const clientId = await this.#authenticate();
      this.#isAuthenticated = true;
      // The file may have changed while it waited for its turn.
      const { file, nameField } = await inspectFile(inspected.path, this.#profile);
      const { size } = file;
      const crc = await this.#drive(
        upload(this.#profile, { clientId, fileName: nameField, size }),
        file,
      );
      return { file, crc };
    } catch (error) {
      // After an incomplete exchange, the next message must not be taken for its rest.
      this.#connection.close();
      throw error;
    }
  }

  /** The server's profile, as far as it is known. */
  get profile(): Profile {
    return this.#profile;
  }

  /** Whether the server accepted the sign-in for the last file. */
  get isAuthenticated(): boolean {
    return this.#isAuthenticated;
  }

  [Symbol.dispose](): void {
    this.#gracefulAbort[Symbol.dispose]();
    this.#connection.close();
  }

  /** Gets a new AES key, and registers first if there is no identity. Returns the client id. */
  async #authenticate(): Promise<Bytes> {
    // Without reconnection, a server denies by closing. A close after the previous file must not look like a denial.
    if (this.#profile.edition.requests.reconnect === undefined) this.#connection.close();
    const reused = this.#connection.isOpen;
    const { isUnanswered } = this.#identity;
    try {
      return await this.#drive(this.#login());
    } catch (error) {
      if (error instanceof RefusedError && !isUnanswered) await this.#identity.dropKey();
      if (!reused || !(error instanceof NetworkError)) throw error;
      // Some servers close after each file.
      this.#connection.close();
      return await this.#drive(this.#login());
    }
  }

  #login(): SessionSteps<Bytes> {
    const name = encodeTextField(this.#options.userName, FIELDS.name.size);
    if (name === undefined) throw new RangeError("cannot register: the user name is too long");
    const { clientId, privateKey, isUnanswered: unanswered } = this.#identity;
    const publicKey = publicKeyOf(privateKey);
    const registration = { name, publicKey, unanswered, deniedIds: this.#deniedIds };
    const placeholderId = new Uint8Array(FIELDS.clientId.size);
    return clientId === undefined
      ? register(this.#profile, { ...registration, placeholderId })
      : reconnect(this.#profile, clientId, registration);
  }

  async #drive<T>(session: SessionSteps<T>, file?: SourceFile): Promise<T> {
    let turn = session.next();
    while (!turn.done) {
      const step = turn.value;
      let answer: StepResult;
      try {
        answer = await this.#perform(step, file);
      } catch (error) {
        turn = session.throw(error);
        continue;
      }
      turn = session.next(answer);
    }
    return turn.value;
  }

  async #perform(step: Step, file: SourceFile | undefined): Promise<StepResult> {
    switch (step.do) {
      case "send":
        await this.#connection.begin();
        if (step.kind === "register") await this.#identity.startRegistration();
        this.#emit({ type: "request", kind: step.kind });
        this.#connection.traceSent(step.kind, step.bytes.length);
        await this.#connection.write(step.bytes);
        return { type: "sent" };
      case "receive":
        return await this.#connection.receive(step.withinMs);
      case "keepIdentity":
        await this.#identity.register(step.clientId);
        this.#emit({ type: "registered", clientId: step.clientId });
        return { type: "kept" };
      case "dropIdentity": {
        const copy = await this.#identity.backUp();
        this.#emit({ type: "denied", clientId: step.clientId, copy });
        return { type: "kept" };
      }
      case "useKey":
        await this.#useKey(step.wrappedKey);
        return { type: "kept" };
      case "sendFile":
        if (file === undefined) throw new RangeError("cannot send a file: none was given");
        this.#emit({ type: "sending", file, attempt: step.attempt });
        return await this.#sendFile(step.parts, file, step.attempt);
      case "compare": {
        if (file === undefined) throw new RangeError("cannot compare: no file was sent");
        const { attempt, ours, theirs } = step;
        const zlib = ours !== theirs && await this.#isZlibCrc(theirs, file);
        this.#emit({ type: "compared", file, attempt, ours, theirs, zlib });
        return { type: zlib ? "zlibCrc" : "kept" };
      }
    }
  }

  /** Whether a checksum is zlib's CRC-32 of the file. If so, remembers this quirk of the server. */
  async #isZlibCrc(checksum: number, file: SourceFile): Promise<boolean> {
    const crc = new ZlibCrc();
    for await (const piece of file.read(this.#buffers)) {
      throwIfAborted(this.#options.signal);
      crc.update(piece);
    }
    if (crc.digest() !== checksum || await file.hasChanged()) return false;
    const { edition, quirks } = this.#profile;
    this.#profile = { edition, quirks: new Set([...quirks, "zlib-crc"]) };
    await this.#identity.saveProfile(this.#profile);
    return true;
  }

  async #useKey(wrappedKey: Bytes): Promise<void> {
    const key = await unwrapKey(this.#identity.privateKey, wrappedKey);
    if (!AES_KEY_SIZES.includes(key.length)) {
      throw new ProtocolError(
        "bad-key-size",
        `the server sent an AES key of ${key.length} bytes, expected ${AES_KEY_SIZES.join(" or ")}`,
      );
    }
    this.#aesKey = await importAesKey(key);
    await this.#identity.saveProfile(this.#profile);
    this.#identity.markUsed();
    const { clientId } = this.#identity;
    if (clientId !== undefined) this.#emit({ type: "keyReceived", clientId });
  }

  async #sendFile(parts: Iterable<Part>, file: SourceFile, attempt: number): Promise<StepResult> {
    const { signal } = this.#options;
    throwIfAborted(signal);
    if (this.#aesKey === undefined) {
      throw new RangeError("cannot send a file: no key was exchanged");
    }
    const known = this.#lastChecksum?.file.isSameAs(file) ? this.#lastChecksum : undefined;
    let sent = 0;
    const crc = await sendContent(this.#connection, parts, {
      ...{ file, aesKey: this.#aesKey, quirks: this.#profile.quirks, buffers: this.#buffers },
      ...{ crc: known?.crc, signal },
      onProgress: (size) => {
        sent = size;
        this.#emit({ type: "progress", file, sent, attempt });
      },
    });
    const changed = await file.hasChanged();
    this.#lastChecksum = changed || sent < file.size ? undefined : { file, crc };
    return { type: "fileSent", crc, changed };
  }

  #emit(event: V3Event): void {
    this.#options.onEvent?.(event);
  }
}
