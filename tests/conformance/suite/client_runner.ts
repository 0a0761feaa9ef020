/** Runs client cases: any client command, in a prepared folder, with a scripted server. */
import { crc32 } from "node:zlib";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { CbcDecryptor, importAesKey } from "../../../protocol/cipher/aes_cbc.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import type { Edition, RequestKind } from "../../../protocol/v3/editions/edition.ts";
import { encodeResponse, type Request, type Response } from "../../../protocol/v3/messages.ts";
import { framePadding } from "../../../protocol/v3/editions/quirks.ts";
import { RESPONSE_HEADER_SIZE } from "../../../protocol/header.ts";
import { ServerSession } from "../../../protocol/v3/server_session.ts";
import { wrapKey } from "../../../protocol/cipher/rsa.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { falsifyChecksum } from "../../support/store/corrupt_catalog.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import type { ClientCase, ClientRun, OddAnswer } from "./client_cases.ts";
import type { Result } from "./report.ts";

/** Runs the client in a folder. Returns whether it reported success. */
export type RunClient = (folder: string, edition: Edition) => Promise<boolean>;

/** The time after which a client is killed, in milliseconds. */
const CLIENT_MS = 60_000;
const FILE = "file.bin";

export async function runClientCase(
  runClient: RunClient,
  edition: Edition,
  { name, grade, size, runs }: ClientCase,
): Promise<Result> {
  await using folder = await TemporaryFolder.createOnDisk();
  const plaintext = pseudoRandomBytes(size, size + 1);
  await folder.write(FILE, plaintext);
  const expected: string[] = [];
  const came: string[] = [];
  const memory: Memory = {};
  let passed = true;
  for (const run of runs) {
    await using server = new ScriptedServer(edition, run, plaintext, memory);
    await folder.write("transfer.info", `127.0.0.1:${server.port}\nConformance\n${FILE}\n`);
    const success = await runClient(folder.path, edition);
    expected.push(describe(run.requests, run.succeeds));
    came.push(describe(server.requests, success), ...server.complaints);
    passed &&= expected.at(-1) === describe(server.requests, success) &&
      server.complaints.length === 0;
  }
  const common = { target: "client", edition: edition.name, name, grade, passed } as const;
  return { ...common, expected: expected.join(" | "), came: came.join(" | ") };
}

function describe(requests: readonly RequestKind[], success: boolean): string {
  return [...requests, success ? "success" : "failure"].join(" ");
}

/** Runs a client command, and kills it after the time limit. Returns whether it reported success. */
export async function runCommand(command: Deno.Command): Promise<boolean> {
  const child = command.spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), CLIENT_MS);
  const { success } = await child.status;
  clearTimeout(timer);
  return success;
}

/** The server's data about a client between runs. */
interface Memory {
  publicKey?: Bytes;
}

/** Answers like a normal server, except for the answers of the run, and records the requests. */
class ScriptedServer implements AsyncDisposable {
  readonly requests: RequestKind[] = [];
  readonly complaints: string[] = [];
  readonly #edition: Edition;
  readonly #run: ClientRun;
  readonly #plaintext: Bytes;
  readonly #memory: Memory;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #odd: Map<RequestKind, OddAnswer[]>;
  readonly #sockets: Deno.TcpConn[] = [];
  readonly #serving: Promise<void>;
  #keySize: number;
  #wrapped: Bytes = new Uint8Array(0);
  #content: Bytes[] = [];
  #late: Bytes = new Uint8Array(0);

  constructor(edition: Edition, run: ClientRun, plaintext: Bytes, memory: Memory) {
    this.#memory = memory;
    this.#edition = edition;
    this.#keySize = edition.aesKeySize;
    this.#run = run;
    this.#plaintext = plaintext;
    const answers = Object.entries(run.answers ?? {}) as [RequestKind, readonly OddAnswer[]][];
    this.#odd = new Map(answers.map(([kind, odd]) => [kind, [...odd]]));
    this.#serving = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const socket of this.#sockets) {
      try {
        socket.close();
      } catch (error) {
        if (!(error instanceof Deno.errors.BadResource)) throw error;
      }
    }
    await this.#serving;
  }

  async #accept(): Promise<void> {
    const serving: Promise<unknown>[] = [];
    for await (const socket of this.#listener) {
      this.#sockets.push(socket);
      serving.push(
        this.#serve(socket).catch((error) => {
          const gone = error instanceof Deno.errors.BadResource ||
            error instanceof Deno.errors.ConnectionReset ||
            error instanceof Deno.errors.BrokenPipe ||
            error instanceof Deno.errors.Interrupted;
          if (!gone) this.complaints.push(`${error}`);
        }),
      );
    }
    await Promise.all(serving);
  }

  async #serve(socket: Deno.TcpConn): Promise<void> {
    const session = new ServerSession([this.#edition]);
    for (;;) {
      const event = session.next();
      switch (event.type) {
        case "wait": {
          const buffer = new Uint8Array(65_536);
          const size = await socket.read(buffer);
          if (size === null) return;
          session.push(buffer.subarray(0, size));
          break;
        }
        case "identify":
          session.identify(undefined);
          break;
        case "send":
          break;
        case "part":
          if ((event.request.packetNumber ?? 1) === 1) {
            this.requests.push("sendFile");
            this.#content = [];
          }
          break;
        case "content":
          this.#content.push(event.bytes.slice());
          break;
        case "partEnd": {
          const { packetNumber = 1, totalPackets = 1 } = event.request;
          if (packetNumber < totalPackets) session.proceed();
          else if (!(await this.#answer(socket, session, event.request))) return;
          break;
        }
        case "request":
          this.requests.push(event.request.kind);
          if (!(await this.#answer(socket, session, event.request))) return;
      }
    }
  }

  /** `false` if the connection must end. */
  async #answer(socket: Deno.TcpConn, session: ServerSession, request: Request): Promise<boolean> {
    const odd = this.#odd.get(request.kind)?.shift();
    if (odd === "a key of the other size") this.#keySize = 48 - this.#keySize;
    const usual = await this.#usualAnswer(request);
    session.proceed();
    if (odd === "answered late") {
      this.#late = encodeResponse(this.#edition, usual);
      return true;
    }
    if (odd === undefined && request.kind === "crcInvalid") return true;
    const bytes = odd === undefined
      ? encodeResponse(this.#edition, usual)
      : this.#oddBytes(odd, usual);
    const all = concatBytes(this.#late, bytes);
    this.#late = new Uint8Array(0);
    const pieces = this.#run.bytewise ? Array.from(all, (byte) => new Uint8Array([byte])) : [all];
    for (const piece of pieces) await socket.write(piece);
    const ends = odd === "close" || odd === "half a response" || all.length === 0;
    if (ends) socket.close();
    return !ends;
  }

  #oddBytes(odd: OddAnswer, usual: Response): Bytes {
    const { responses } = this.#edition;
    const header = (code: number, size: number, ...payload: number[]) => {
      const bytes = new Uint8Array(RESPONSE_HEADER_SIZE + payload.length);
      const view = new DataView(bytes.buffer);
      view.setUint8(0, 3);
      view.setUint16(1, code, true);
      view.setUint32(3, size, true);
      bytes.set(payload, RESPONSE_HEADER_SIZE);
      return bytes;
    };
    const bytes = encodeResponse(this.#edition, usual);
    switch (odd) {
      case "refused":
        return header(responses.refused.code, 0);
      case "refused, with a text":
        return header(responses.refused.code, 4, 0x4e, 0x6f, 0x21, 0x0a);
      case "denied":
        return header(responses.denied?.code ?? 0, 16, ...pseudoRandomBytes(16, 3));
      case "general error":
        // Editions without a general error close instead.
        return responses.generalError === undefined
          ? new Uint8Array(0)
          : header(responses.generalError.code, 0);
      case "wrong checksum":
        return falsifyChecksum(bytes);
      case "zlib's checksum":
        return encodeResponse(
          this.#edition,
          { ...usual, crc: crc32(this.#plaintext) } as Response,
        );
      case "uncounted":
        new DataView(bytes.buffer).setUint32(3, 0, true);
        return bytes;
      case "filled up":
        return concatBytes(bytes, new Uint8Array(framePadding(bytes.length)));
      case "a key of the other size":
        return bytes;
      case "an unknown code":
        return header(4242, 0);
      case "an absurd payload size":
        return header(responses[usual.kind]?.code ?? 0, 0xffff_ffff);
      case "half a response":
        return bytes.subarray(0, Math.floor(bytes.length / 2));
      default:
        return new Uint8Array(0);
    }
  }

  async #usualAnswer(request: Request): Promise<Response> {
    const clientId = new Uint8Array(16).fill(0x77);
    switch (request.kind) {
      case "register":
        return { kind: "registered", clientId };
      case "publicKey":
        this.#wrapped = await wrapKey(request.publicKey, this.#aesKey());
        this.#memory.publicKey = request.publicKey;
        return { kind: "keyReceived", clientId, wrappedKey: this.#wrapped };
      case "reconnect":
        this.#wrapped = await wrapKey(this.#memory.publicKey ?? new Uint8Array(0), this.#aesKey());
        return { kind: "reconnected", clientId, wrappedKey: this.#wrapped };
      case "sendFile": {
        await this.#checkContent(request.contentSize);
        const { contentSize, fileName } = request;
        return {
          kind: "fileReceived",
          clientId,
          contentSize,
          fileName,
          crc: cksum(this.#plaintext),
        };
      }
      default:
        return { kind: "messageReceived", clientId };
    }
  }

  #aesKey(): Bytes {
    return new Uint8Array(this.#keySize).fill(0x42);
  }

  /** The client's file must decrypt to the original, whatever the script answers. */
  async #checkContent(contentSize: number): Promise<void> {
    const decryptor = new CbcDecryptor(await importAesKey(this.#aesKey()));
    const ciphertext = concatBytes(...this.#content).subarray(0, contentSize);
    try {
      const plaintext = concatBytes(await decryptor.update(ciphertext), await decryptor.final());
      if (cksum(plaintext) === cksum(this.#plaintext)) return;
    } catch (error) {
      this.complaints.push(`${error}`);
    }
    this.complaints.push("the file does not decrypt to the original");
  }
}
