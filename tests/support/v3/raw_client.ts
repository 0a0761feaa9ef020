import type { Address } from "../../../protocol/address.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import { CbcEncryptor, importAesKey } from "../../../protocol/cipher/aes_cbc.ts";
import type { Edition } from "../../../protocol/v3/editions/edition.ts";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import { encodeRequest, type Request, type Response } from "../../../protocol/v3/messages.ts";
import { encodeTextField } from "../../../protocol/v3/text_field.ts";
import { generatePrivateKey, publicKeyOf, unwrapKey } from "../../../protocol/cipher/rsa.ts";
import { ResponseReader } from "../../../protocol/v3/response_reader.ts";

/** The RSA key of every raw client. */
export const privateKey = await generatePrivateKey();
const publicKey = publicKeyOf(privateKey);

/** A client that sends exactly what a test says, on a real socket. */
export class RawClient implements Disposable {
  readonly #edition: Edition;
  readonly #address: Address;
  #socket: Deno.TcpConn;
  #closed = false;
  #responses: ResponseReader;
  clientId: Bytes = new Uint8Array(16);
  aesKey: CryptoKey | undefined;

  private constructor(edition: Edition, address: Address, socket: Deno.TcpConn) {
    this.#edition = edition;
    this.#address = address;
    this.#socket = socket;
    this.#responses = new ResponseReader(edition);
  }

  static async connect(address: Address, edition: Edition = edition2023c): Promise<RawClient> {
    return new RawClient(edition, address, await connect(address));
  }

  /** The port from which it has connected. */
  get localPort(): number {
    return this.#socket.localAddr.port;
  }

  /** Disconnects, and returns on a new connection. */
  async reconnectSocket(): Promise<void> {
    this[Symbol.dispose]();
    this.#socket = await connect(this.#address);
    this.#closed = false;
    this.#responses = new ResponseReader(this.#edition);
  }

  async write(bytes: Bytes): Promise<void> {
    for (let done = 0; done < bytes.length;) done += await this.#socket.write(bytes.subarray(done));
  }

  async send(request: Request): Promise<void> {
    await this.write(encodeRequest(this.#edition, request));
  }

  /** The next response. `closed` if the server has ended the connection. */
  async receive(): Promise<Response | "closed"> {
    for (;;) {
      const response = this.#responses.next();
      if (response !== undefined) return response;
      const buffer = new Uint8Array(4096);
      const size = await this.#socket.read(buffer).catch(() => null);
      if (size === null) return "closed";
      this.#responses.push(buffer.subarray(0, size));
    }
  }

  async ask(request: Request): Promise<Response | "closed"> {
    await this.send(request);
    return await this.receive();
  }

  register(name: string): Promise<Response | "closed"> {
    return this.#note(this.ask({ kind: "register", clientId: this.clientId, name: field(name) }));
  }

  sendKey(name: string): Promise<Response | "closed"> {
    const { clientId } = this;
    return this.#note(this.ask({ kind: "publicKey", clientId, name: field(name), publicKey }));
  }

  reconnect(name: string): Promise<Response | "closed"> {
    return this.#note(this.ask({ kind: "reconnect", clientId: this.clientId, name: field(name) }));
  }

  /** Registers and exchanges keys. */
  async enrol(name: string): Promise<void> {
    await this.register(name);
    const response = await this.sendKey(name);
    if (response === "closed" || response.kind !== "keyReceived") {
      throw new Error("The server did not accept the key");
    }
  }

  /** Sends a file with the current key, or another. */
  async sendFile(
    fileName: string,
    plaintext: Bytes,
    key = this.aesKey,
  ): Promise<Response | "closed"> {
    const content = await encrypt(plaintext, key ?? await importAesKey(new Uint8Array(16)));
    await this.write(this.fileHead(fileName, content.length));
    await this.write(content);
    return await this.receive();
  }

  fileHead(fileName: string, contentSize: number): Bytes {
    const { clientId } = this;
    // Fields of packets are omitted if the edition has none.
    const packet = { originalSize: contentSize - 1, packetNumber: 1, totalPackets: 1 };
    const request = {
      ...{ kind: "sendFile", clientId, contentSize, fileName: field(fileName) } as const,
      ...packet,
    };
    return encodeRequest(this.#edition, request, { contentLength: contentSize });
  }

  judge(kind: "crcValid" | "crcInvalid" | "crcGivenUp", fileName: string) {
    return this.ask({ kind, clientId: this.clientId, fileName: field(fileName) });
  }

  closeWrite(): Promise<void> {
    return this.#socket.closeWrite();
  }

  [Symbol.dispose](): void {
    // It is already closed if it could not reconnect.
    if (!this.#closed) this.#socket.close();
    this.#closed = true;
  }

  async #note(answer: Promise<Response | "closed">): Promise<Response | "closed"> {
    const response = await answer;
    if (response !== "closed" && "clientId" in response) this.clientId = response.clientId;
    if (response !== "closed" && "wrappedKey" in response) {
      this.aesKey = await importAesKey(await unwrapKey(privateKey, response.wrappedKey));
    }
    return response;
  }
}

async function connect(address: Address): Promise<Deno.TcpConn> {
  const socket = await Deno.connect({ ...address });
  socket.setNoDelay();
  return socket;
}

export async function encrypt(plaintext: Bytes, key: CryptoKey): Promise<Bytes> {
  const encryptor = new CbcEncryptor(key);
  const [body, end] = [await encryptor.update(plaintext), await encryptor.final()];
  const ciphertext = new Uint8Array(body.length + end.length);
  ciphertext.set(body);
  ciphertext.set(end, body.length);
  return ciphertext;
}

export function field(text: string): Bytes {
  const bytes = encodeTextField(text, 255);
  if (bytes === undefined) throw new RangeError("The text does not fit its field");
  return bytes;
}

export function kindOf(response: Response | "closed"): string {
  return response === "closed" ? response : response.kind;
}
