/** Packets on separate connections, which arrive at several servers. */
import assert from "node:assert/strict";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { edition2024 } from "../../../protocol/v3/editions/edition_2024.ts";
import type { Response, SendFile } from "../../../protocol/v3/messages.ts";
import { DEFAULT_LIMITS } from "../../../server/limits/limits.ts";
import type { PendingUpload } from "../../../server/v3/pending_uploads.ts";
import { SharedPendingUploads } from "../../../server/v3/shared_pending_uploads.ts";
import { SharedMemory } from "../../support/store/shared_memory_catalog.ts";
import { field } from "../../support/v3/raw_client.ts";

const clientId = new Uint8Array(16).fill(3);
const ANSWER: Response = { kind: "messageReceived", clientId };
const peer = {
  profile: { edition: edition2024, quirks: new Set(["acknowledged-parts"] as const) },
};
const badPacket = { name: "ProtocolError", code: "bad-packet" };

const packetOf = (packetNumber: number, contentSize: number): SendFile => ({
  ...{ kind: "sendFile", clientId, contentSize, fileName: field("a"), originalSize: 40 },
  ...{ packetNumber, totalPackets: 3 },
});
const content = (number: number): Bytes => new Uint8Array(16).fill(number);
const whole = concatBytes(content(1), content(2), content(3));

/** An upload that only remembers its content. */
class Upload implements PendingUpload {
  readonly request: SendFile;
  isOpen = true;
  readonly #pieces: Bytes[] = [];

  constructor(request: SendFile) {
    this.request = request;
  }

  get content(): Bytes {
    return concatBytes(...this.#pieces);
  }

  isOf(): boolean {
    return true;
  }

  detach(): void {}

  handOver(): void {}

  continue(): Promise<void> {
    return Promise.resolve();
  }

  write(content: Bytes): Promise<void> {
    this.#pieces.push(content.slice());
    return Promise.resolve();
  }

  endPart({ packetNumber, totalPackets }: SendFile): Promise<Response | undefined> {
    return Promise.resolve(packetNumber === totalPackets ? ANSWER : undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.isOpen = false;
    return Promise.resolve();
  }
}

/** Two servers with one catalog, which receive a file with a ciphertext of this size. */
function servers(size = whole.length) {
  const packet = (number: number) => packetOf(number, size);
  const memory = new SharedMemory();
  const begun: Upload[] = [];
  const begin = (first: SendFile) => {
    const upload = new Upload(first);
    begun.push(upload);
    return Promise.resolve(upload);
  };
  const server = () =>
    new SharedPendingUploads(memory.connect().parked, DEFAULT_LIMITS, () => true);
  const [one, two] = [server(), server()];
  return {
    ...{ one, two, begun, packet },
    async sendFirst(bytes: Bytes = content(1)): Promise<void> {
      const upload = one.watch(await begin(packet(1)), peer);
      await upload.write(bytes);
      await upload.endPart(packet(1));
      await one.add(upload);
    },
    /** Passes a packet to a server, as its connection does. */
    async send(to: SharedPendingUploads, number: number, bytes = content(number)) {
      const upload = await to.take(packet(number), begin) ?? assert.fail("it is gone");
      await upload.continue(packet(number));
      await upload.write(bytes);
      const response = await upload.endPart(packet(number));
      if (response === undefined) await to.add(upload);
      return response;
    },
    take: (to: SharedPendingUploads, number: number) => to.take(packet(number), begin),
  };
}

Deno.test("packets at several servers: the one that gets the last one has the whole file, once", async () => {
  const { one, two, begun, sendFirst, send, take } = servers();
  await sendFirst();
  assert.equal(await send(two, 2), undefined);
  assert.equal(await send(one, 3), ANSWER);
  assert.deepEqual(begun.map(({ content }) => content.length), [16, 48]);
  assert.deepEqual(begun.at(-1)?.content, whole);
  assert.equal(await take(two, 3), undefined);
});

Deno.test("packets at several servers: a packet that has arrived at the other one is refused", async () => {
  const { one, two, sendFirst, send, take, packet } = servers();
  await sendFirst();
  const late = await take(one, 2) ?? assert.fail();
  await late.continue(packet(2));
  await late.write(content(2));
  await send(two, 2);
  await assert.rejects(one.add(late), badPacket);
  await assert.rejects(send(one, 2), badPacket);
  assert.equal(await send(one, 3), ANSWER);
});

Deno.test("packets at several servers: if the connection of the last packet ends, it can be sent again", async () => {
  const { one, two, begun, sendFirst, send, take, packet } = servers();
  await sendFirst();
  await send(two, 2);
  const cut = await take(one, 3) ?? assert.fail();
  await cut.continue(packet(3));
  await cut[Symbol.asyncDispose]();
  assert.equal(begun.at(-1)?.isOpen, false);
  assert.equal(await send(two, 3), ANSWER);
  assert.deepEqual(begun.at(-1)?.content, whole);
});

Deno.test("packets at several servers: a packet over the bound is refused", async () => {
  const { one, two, sendFirst, send } = servers(100_000);
  const large = new Uint8Array(4097);
  await assert.rejects(sendFirst(large), badPacket);
  await sendFirst();
  await assert.rejects(send(two, 2, large), badPacket);
  assert.equal(await send(one, 2, large.subarray(1)), undefined);
});

Deno.test("packets at several servers: a file that begins again is not continued with an old packet", async () => {
  const { two, sendFirst, send, take, packet } = servers();
  await sendFirst();
  await send(two, 2);
  const late = await take(two, 3) ?? assert.fail();
  await sendFirst();
  await assert.rejects(late.continue(packet(3)), badPacket);
  assert.equal(await send(two, 2), undefined);
});

Deno.test("packets at several servers: content after the ciphertext is not kept", async () => {
  const { one, two, begun, sendFirst, send } = servers();
  await sendFirst(concatBytes(whole, content(9)));
  await send(two, 2, content(9));
  assert.equal(await send(one, 3, content(9)), ANSWER);
  assert.deepEqual(begun.at(-1)?.content.subarray(0, whole.length), whole);
});
