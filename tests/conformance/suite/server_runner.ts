/** Runs server cases with any server, over TCP, as a client that sends exactly the steps. */
import { crc32 } from "node:zlib";
import type { Address } from "../../../protocol/address.ts";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { ciphertextSize, importAesKey } from "../../../protocol/cipher/aes_cbc.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { decodeTextField, encodeTextField } from "../../../protocol/v3/text_field.ts";
import { type Edition, fixedSize, hasPackets } from "../../../protocol/v3/editions/edition.ts";
import { EDITIONS } from "../../../protocol/v3/editions/mod.ts";
import {
  encodeRequest,
  type Request,
  type Response,
  type SendFile,
} from "../../../protocol/v3/messages.ts";
import { framePadding } from "../../../protocol/v3/editions/quirks.ts";
import { generatePrivateKey, publicKeyOf, unwrapKey } from "../../../protocol/cipher/rsa.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import { ResponseReader } from "../../../protocol/v3/response_reader.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { encrypt } from "../../support/v3/raw_client.ts";
import type { Result } from "./report.ts";
import type { Damage, Outcome, SendStep, ServerCase } from "./server_case.ts";

const privateKey = await generatePrivateKey();
const publicKey = publicKeyOf(privateKey);

/** The wait for an answer, and the required time of silence, in milliseconds. */
const ANSWER_MS = 5000;
const SILENCE_MS = 500;
const FILE_NAME = "file.bin";
const HEADER_SIZE = 23;

export async function runServerCase(
  address: Address,
  edition: Edition,
  { name, grade, steps }: ServerCase,
): Promise<Result> {
  const actors = { A: new Actor(address, edition), B: new Actor(address, edition) };
  const expected: string[] = [];
  const came: string[] = [];
  let passed = true;
  try {
    for (const step of steps) {
      const actor = actors[step.by ?? "A"];
      if ("send" in step && step.damage?.idOfA) actor.impersonate(actors.A);
      if ("send" in step) await actor.send(step);
      else if ("connect" in step) actor.leave();
      else {
        const outcome = await actor.receive(step.expect);
        expected.push(step.expect.join(" or "));
        came.push(outcome);
        passed = step.expect.includes(outcome);
        if (!passed) break;
      }
    }
    for (const actor of Object.values(actors)) actor.leave();
    if (passed && !(await stillServes(address, edition))) {
      came.push("and then serves no other client");
      passed = false;
    }
  } catch (error) {
    came.push(`failed: ${error instanceof Error ? error.message : error}`);
    passed = false;
  } finally {
    actors.A.leave();
    actors.B.leave();
  }
  const common = { target: "server", edition: edition.name, name, grade, passed } as const;
  return { ...common, expected: expected.join(", "), came: came.join(", ") };
}

/** Whether a case has left the server working. */
async function stillServes(address: Address, edition: Edition): Promise<boolean> {
  const actor = new Actor(address, edition);
  try {
    await actor.send({ send: "register" });
    return await actor.receive(["registered"]) === "registered";
  } finally {
    actor.leave();
  }
}

/** One client. It connects with its first message. */
class Actor {
  readonly #address: Address;
  readonly #edition: Edition;
  readonly #userName = `Conf${crypto.randomUUID().replaceAll("-", "")}`;
  #socket: Deno.TcpConn | undefined;
  #reading: Promise<number | null> | undefined;
  #buffer: Bytes = new Uint8Array(4096);
  #responses: ResponseReader;
  #heldBack: Bytes = new Uint8Array(0);
  #clientId: Bytes = new Uint8Array(16);
  #aesKey: Bytes | undefined;
  #crc = 0;
  #zlibCrc = 0;
  /** Answers that arrived late, to steps for which silence is accepted, too. */
  #late: readonly Outcome[] = [];

  constructor(address: Address, edition: Edition) {
    this.#address = address;
    this.#edition = edition;
    this.#responses = new ResponseReader(edition);
  }

  leave(): void {
    this.#socket?.close();
    this.#socket = undefined;
    this.#reading = undefined;
    this.#responses = new ResponseReader(this.#edition);
  }

  /** Uses another client's id from now on. */
  impersonate(other: Actor): void {
    this.#clientId = other.#clientId;
  }

  async send(step: SendStep): Promise<void> {
    const { damage = {}, delivery = "whole" } = step;
    const messages = step.send === "sendFile"
      ? await this.#fileMessages(step)
      : [damaged(encodeRequest(this.#edition, this.#request(step)), damage, 0)];
    const surplus = pseudoRandomBytes(damage.surplus ?? 0, 6);
    const bytes = concatBytes(this.#heldBack, ...messages, surplus);
    this.#heldBack = new Uint8Array(0);
    if (delivery === "with the next") {
      this.#heldBack = bytes;
      return;
    }
    const socket = await this.#connect();
    const cut = damage.cutAt === undefined ? bytes : bytes.subarray(0, damage.cutAt);
    for (const piece of pieces(cut, delivery)) {
      if (!(await write(socket, piece))) return;
    }
    if (damage.cutAt !== undefined) await socket.closeWrite().catch(() => undefined);
  }

  /** Reads the next answer. If silence is allowed, the wait is short, and a later answer is ignored. */
  async receive(allowed: readonly Outcome[]): Promise<Outcome> {
    const outcome = await this.#receive(allowed);
    const isLate = this.#late.includes(outcome) && !allowed.includes(outcome);
    this.#late = outcome === "silence" ? allowed.filter((one) => one !== "silence") : [];
    return isLate ? await this.receive(allowed) : outcome;
  }

  async #receive(allowed: readonly Outcome[]): Promise<Outcome> {
    const socket = await this.#connect();
    const limit = Promise.withResolvers<"silence">();
    const ms = allowed.includes("silence") ? SILENCE_MS : ANSWER_MS;
    const timer = setTimeout(() => limit.resolve("silence"), ms);
    try {
      for (;;) {
        const response = this.#next();
        if (response === "generalError") return response;
        if (response !== undefined) {
          if (response.kind === "registered") this.#clientId = response.clientId;
          if ("wrappedKey" in response) {
            this.#aesKey = await unwrapKey(privateKey, response.wrappedKey);
          }
          if (response.kind !== "fileReceived") return response.kind;
          if (decodeTextField(response.fileName) !== FILE_NAME) return "wrong checksum";
          if (response.crc === this.#crc) return response.kind;
          return response.crc === this.#zlibCrc ? "zlib's checksum" : "wrong checksum";
        }
        this.#reading ??= socket.read(this.#buffer).catch(() => null);
        const size = await Promise.race([this.#reading, limit.promise]);
        if (size === "silence") return "silence";
        this.#reading = undefined;
        if (size === null) return "closed";
        this.#responses.push(this.#buffer.slice(0, size));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Reads the next response. A server of several editions that cannot tell the edition may send a general error of
   * another.
   */
  #next(): Response | "generalError" | undefined {
    try {
      return this.#responses.next();
    } catch (error) {
      const { code } = this.#responses.header ?? { code: 0 };
      const known = EDITIONS.some(({ responses }) => responses.generalError?.code === code);
      if (known && error instanceof ProtocolError) return "generalError";
      throw error;
    }
  }

  async #connect(): Promise<Deno.TcpConn> {
    this.#socket ??= await Deno.connect({ ...this.#address });
    return this.#socket;
  }

  #request({ send, name, damage = {} }: SendStep): Request {
    const clientId = damage.unknownId ? pseudoRandomBytes(16, 77) : this.#clientId;
    const userName = field(name ?? this.#userName);
    const key = damage.publicKey === "noise" ? pseudoRandomBytes(160) : publicKey;
    const fileName = field(damage.fileName ?? FILE_NAME);
    const fields = { clientId, name: userName, publicKey: key, fileName };
    return { kind: send, ...fields } as unknown as Request;
  }

  async #fileMessages({ size = 0, packets = 1, damage = {} }: SendStep): Promise<Bytes[]> {
    const plaintext = pseudoRandomBytes(size, size + 1);
    this.#crc = cksum(plaintext);
    this.#zlibCrc = crc32(plaintext);
    const key = damage.cipher === "wrong key" ? pseudoRandomBytes(16, 5) : this.#aesKey;
    const ciphertext = await encrypt(plaintext, await importAesKey(key ?? pseudoRandomBytes(16)));
    if (damage.cipher === "wrong padding") breakPadding(ciphertext);
    const clientId = damage.unknownId ? pseudoRandomBytes(16, 77) : this.#clientId;
    const count = hasPackets(this.#edition) ? packets : 1;
    const partSize = Math.ceil(ciphertext.length / count);
    return Array.from({ length: count }, (_, index) => {
      const content = ciphertext.subarray(index * partSize, (index + 1) * partSize);
      const here = ["each", index + 1].includes(damage.packet ?? 1) ? damage : {};
      const announced = here.contentSize === "own" ? content.length : here.contentSize;
      const request: SendFile = {
        kind: "sendFile",
        clientId,
        contentSize: announced ?? ciphertextSize(size),
        fileName: field(here.fileName ?? FILE_NAME),
        originalSize: here.originalSize ?? size,
        packetNumber: here.packetNumber ?? index + 1,
        totalPackets: here.totalPackets ?? count,
      };
      const contentLength = content.length + (here.announced ?? 0);
      const head = encodeRequest(this.#edition, request, { contentLength });
      return concatBytes(damaged(head, here, fixedSize(this.#edition.requests.sendFile)), content);
    });
  }
}

/** The last byte of the last block but one: it changes the padding's last byte and nothing before the last block. */
function breakPadding(ciphertext: Bytes): void {
  const at = ciphertext.length - 17;
  if (at < 0) throw new RangeError("cannot break the padding of a file in one block");
  ciphertext[at] = (ciphertext[at] ?? 0) ^ 0x80;
}

function damaged(message: Bytes, { version, code, payloadSize }: Damage, fixed: number): Bytes {
  const view = new DataView(message.buffer, message.byteOffset);
  if (version !== undefined) view.setUint8(16, version);
  if (code !== undefined) view.setUint16(17, code, true);
  if (payloadSize !== undefined) view.setUint32(19, payloadSize < 0 ? fixed : payloadSize, true);
  return message;
}

function pieces(bytes: Bytes, delivery: SendStep["delivery"]): Bytes[] {
  switch (delivery) {
    case "one byte at a time":
      return Array.from(bytes, (byte) => new Uint8Array([byte]));
    case "with header and payload apart":
      return [bytes.subarray(0, HEADER_SIZE), bytes.subarray(HEADER_SIZE)];
    case "in frames of 2048 bytes":
      return [concatBytes(bytes, new Uint8Array(framePadding(bytes.length, "frames-2048")))];
    default:
      return [bytes];
  }
}

/** `false` if the server reads no more. Its answers can still be read. */
async function write(socket: Deno.TcpConn, bytes: Bytes): Promise<boolean> {
  socket.setNoDelay();
  try {
    for (let done = 0; done < bytes.length;) done += await socket.write(bytes.subarray(done));
    return true;
  } catch {
    return false;
  }
}

function field(text: string): Bytes {
  const bytes = encodeTextField(text, 255);
  if (bytes === undefined) throw new RangeError(`Cannot send ${text}: it does not fit its field`);
  return bytes;
}
