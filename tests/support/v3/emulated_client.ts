/** Clients with quirks of published ones: the bytes that they send, and the way they read. */
import type { Address } from "../../../protocol/address.ts";
import { aesKeySize, type Profile } from "../../../protocol/v3/server_session.ts";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import {
  decodeResponse,
  encodeRequest,
  type Request,
  type Response,
  type SendFile,
} from "../../../protocol/v3/messages.ts";
import { decodeResponseHeader, RESPONSE_HEADER_SIZE } from "../../../protocol/header.ts";
import { fillingOf, FIRST_PIECE, FURTHER_PIECE } from "../../../protocol/v3/editions/quirks.ts";
import { generatePrivateKey, publicKeyOf, unwrapKey } from "../../../protocol/cipher/rsa.ts";
import { hasPackets } from "../../../protocol/v3/editions/edition.ts";
import { importAesKey } from "../../../protocol/cipher/aes_cbc.ts";
import { partsOf } from "../../../protocol/v3/file_parts.ts";
import { isSeparate } from "./observed_profiles.ts";
import { encrypt, field } from "./raw_client.ts";

const privateKey = await generatePrivateKey();
const publicKey = publicKeyOf(privateKey);

/** Content bytes of a packet that fills a frame. */
const FRAMED_PACKET = 734;
/** Content bytes of a packet of a client that counts each packet alone. */
const OWN_PACKET = 1024;
/** Content bytes of a block without a header. */
const BLOCK = 7925;

export interface SourceText {
  readonly clientId: Bytes;
  readonly fileName: string;
  readonly plaintext: Bytes;
  readonly key: CryptoKey;
}

export function encodeMessage({ edition, quirks }: Profile, request: Request): Bytes {
  return fill({ edition, quirks }, encodeRequest(edition, request, { quirks }));
}

/** The messages of a file: one, or one a packet. */
export async function encodeFile(profile: Profile, file: SourceText): Promise<Bytes[]> {
  const { quirks } = profile;
  if (quirks.has("pieces") && file.plaintext.length > FIRST_PIECE) {
    return [await inPieces(profile, file)];
  }
  const ciphertext = await encrypt(file.plaintext, file.key);
  if (quirks.has("headerless-blocks")) return [inBlocks(profile, file, ciphertext)];
  if (quirks.has("frames") && hasPackets(profile.edition)) {
    return inPackets(profile, file, { ciphertext, size: FRAMED_PACKET });
  }
  if (quirks.has("packet-size")) {
    return inPackets(profile, file, { ciphertext, size: OWN_PACKET });
  }
  if (quirks.has("plaintext-size")) return [withPlaintextSize(profile, file, ciphertext)];
  const { clientId, plaintext } = file;
  const upload = { clientId, fileName: field(file.fileName), size: plaintext.length };
  let sent = 0;
  return Array.from(partsOf(profile, upload), ({ head, content, padding }) => {
    const body = ciphertext.subarray(sent, sent += content);
    return fill(profile, concatBytes(head, body, new Uint8Array(padding)));
  });
}

async function inPieces(profile: Profile, { clientId, fileName, plaintext, key }: SourceText) {
  const pieces: Bytes[] = [];
  for (let at = 0; at < plaintext.length;) {
    const size = at === 0 ? FIRST_PIECE : FURTHER_PIECE;
    pieces.push(await encrypt(plaintext.subarray(at, at + size), key));
    at += size;
  }
  const [first = new Uint8Array(0), ...rest] = pieces;
  const contentSize = concatBytes(...pieces).length;
  const request = { kind: "sendFile", clientId, contentSize, fileName: field(fileName) } as const;
  const head = encodeRequest(profile.edition, request, { contentLength: first.length });
  return fill(profile, concatBytes(fill(profile, concatBytes(head, first)), ...rest));
}

function inPackets(
  profile: Profile,
  file: SourceText,
  { ciphertext, size }: { readonly ciphertext: Bytes; readonly size: number },
): Bytes[] {
  const totalPackets = Math.ceil(ciphertext.length / size);
  const countsItsOwn = profile.quirks.has("packet-size");
  return Array.from({ length: totalPackets }, (_, index) => {
    const content = ciphertext.subarray(index * size, (index + 1) * size);
    const contentSize = countsItsOwn ? content.length : ciphertext.length;
    const request = packet(file, contentSize, index + 1, totalPackets);
    const head = encodeRequest(profile.edition, request, { contentLength: content.length });
    return fill(profile, concatBytes(head, content));
  });
}

function withPlaintextSize({ edition }: Profile, file: SourceText, ciphertext: Bytes): Bytes {
  const { clientId, fileName, plaintext: { length: contentSize } } = file;
  const request = { kind: "sendFile", clientId, contentSize, fileName: field(fileName) } as const;
  const head = encodeRequest(edition, request, { contentLength: ciphertext.length });
  return concatBytes(head, ciphertext);
}

function inBlocks({ edition }: Profile, file: SourceText, ciphertext: Bytes): Bytes {
  const content = concatBytes(ciphertext, new Uint8Array(4).fill(0xcc));
  const totalPackets = Math.ceil(content.length / BLOCK);
  const parts = Array.from({ length: totalPackets }, (_, index) => {
    const message = encodeRequest(edition, packet(file, content.length, index, totalPackets));
    new DataView(message.buffer).setUint32(19, 0, true);
    const head = index === 0 ? message : message.subarray(23);
    return concatBytes(head, content.subarray(index * BLOCK, (index + 1) * BLOCK));
  });
  return concatBytes(...parts);
}

function packet(file: SourceText, contentSize: number, packetNumber: number, totalPackets: number) {
  const { clientId, fileName, plaintext } = file;
  const request: SendFile = {
    ...{ kind: "sendFile", clientId, contentSize, packetNumber, totalPackets },
    fileName: field(fileName),
    originalSize: plaintext.length,
  };
  return request;
}

function fill({ quirks }: Profile, message: Bytes): Bytes {
  return concatBytes(message, new Uint8Array(fillingOf(quirks, message.length)));
}

/** A client with such deviations, on real sockets. */
export class Emulator implements Disposable {
  readonly #address: Address;
  readonly #profile: Profile;
  #socket: Deno.TcpConn | undefined;
  clientId: Bytes = new Uint8Array(16);
  #aesKey: CryptoKey | undefined;

  constructor(address: Address, profile: Profile) {
    this.#address = address;
    this.#profile = profile;
  }

  async register(userName: string): Promise<void> {
    const { clientId } = this;
    const name = field(userName);
    const response = await this.#ask({ kind: "register", clientId, name });
    if (response.kind !== "registered") throw new Error(`not registered but ${response.kind}`);
    this.clientId = response.clientId;
    await this.exchangeKeys(userName);
  }

  async exchangeKeys(userName: string): Promise<void> {
    const { clientId } = this;
    await this.#useKey(
      await this.#ask({ kind: "publicKey", clientId, name: field(userName), publicKey }),
    );
  }

  async reconnect(userName: string): Promise<void> {
    const { clientId } = this;
    await this.#useKey(await this.#ask({ kind: "reconnect", clientId, name: field(userName) }));
  }

  /** Sends a file and confirms it. */
  async store(fileName: string, plaintext: Bytes): Promise<void> {
    const crc = await this.send(fileName, plaintext);
    if (crc !== cksum(plaintext)) throw new Error(`the checksum of ${fileName} is wrong`);
    await this.judge("crcValid", fileName);
  }

  /** Sends a file and returns the server's checksum. */
  async send(fileName: string, plaintext: Bytes): Promise<number> {
    return await this.sendParts(await this.#encode(fileName, plaintext));
  }

  /** Sends the first part of a file, waits for its answer, and returns the others. */
  async beginFile(fileName: string, plaintext: Bytes): Promise<Bytes[]> {
    const [first = new Uint8Array(0), ...rest] = await this.#encode(fileName, plaintext);
    await this.#write(first);
    const { kind } = await this.#read();
    if (kind !== "messageReceived") throw new Error(`${kind} in answer to the first part`);
    return rest;
  }

  /** Sends the parts of a file up to the last, and returns the server's checksum. */
  async sendParts(messages: readonly Bytes[]): Promise<number> {
    for (const [index, message] of messages.entries()) {
      await this.#write(message);
      const last = index === messages.length - 1;
      if (!last && !this.#profile.quirks.has("acknowledged-parts")) continue;
      const response = await this.#read();
      if (last && response.kind === "fileReceived") return response.crc;
      if (last || response.kind !== "messageReceived") {
        throw new Error(`${response.kind} in answer to part ${index + 1} of ${messages.length}`);
      }
    }
    throw new Error("there is nothing to send");
  }

  async #encode(fileName: string, plaintext: Bytes): Promise<Bytes[]> {
    if (this.#aesKey === undefined) throw new Error("there is no key");
    const file = { clientId: this.clientId, fileName, plaintext, key: this.#aesKey };
    return await encodeFile(this.#profile, file);
  }

  async judge(
    kind: "crcValid" | "crcInvalid" | "crcGivenUp",
    fileName: string,
    { zerosLater = false } = {},
  ): Promise<void> {
    const { clientId } = this;
    const message = encodeMessage(this.#profile, { kind, clientId, fileName: field(fileName) });
    const cut = zerosLater ? message.findLastIndex((byte) => byte !== 0) + 256 : message.length;
    await this.#write(message.subarray(0, cut));
    if (zerosLater) await new Promise((resolve) => setTimeout(resolve, 50));
    if (cut < message.length) await this.#write(message.subarray(cut));
    const response = await this.#read();
    if (response.kind !== "messageReceived") {
      throw new Error(`${response.kind} in answer to ${kind}`);
    }
  }

  [Symbol.dispose](): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  async #ask(request: Request): Promise<Response> {
    await this.#write(encodeMessage(this.#profile, request));
    return await this.#read();
  }

  async #write(bytes: Bytes): Promise<void> {
    this.#socket ??= await Deno.connect({ ...this.#address });
    for (let done = 0; done < bytes.length;) done += await this.#socket.write(bytes.subarray(done));
  }

  /**
   * Reads one response. A client with frames reads a whole one, and then disconnects, unless it has one connection for
   * all.
   */
  async #read(): Promise<Response> {
    const head = await this.#exactly(RESPONSE_HEADER_SIZE);
    const header = decodeResponseHeader(head);
    const payload = await this.#exactly(header.payloadSize);
    const size = head.length + payload.length;
    const filling = await this.#exactly(fillingOf(this.#profile.quirks, size));
    if (filling.some((byte) => byte !== 0)) throw new Error("a frame is not padded with zeros");
    if (isSeparate(this.#profile)) this[Symbol.dispose]();
    return decodeResponse(this.#profile.edition, header, payload);
  }

  async #exactly(size: number): Promise<Bytes> {
    const bytes = new Uint8Array(size);
    for (let done = 0; done < size;) {
      const read = await this.#socket?.read(bytes.subarray(done)) ?? null;
      if (read === null) throw new Error(`the server closed ${size - done} bytes too early`);
      done += read;
    }
    return bytes;
  }

  async #useKey(response: Response): Promise<void> {
    if (!("wrappedKey" in response)) throw new Error(`no key but ${response.kind}`);
    const key = await unwrapKey(privateKey, response.wrappedKey);
    if (key.length !== aesKeySize(this.#profile)) throw new Error(`a key of ${key.length} bytes`);
    this.#aesKey = await importAesKey(key);
  }
}
