/** Small files fetched many at a time from a scripted server, honest or not. */
import assert from "node:assert/strict";
import { type Fetched, fetchEntries } from "../../../client/v4/fetch_entries.ts";
import type { RemoteFile } from "../../../client/v4/remote_file.ts";
import type { RequestMux } from "../../../client/v4/request_mux.ts";
import { WorkQueue } from "../../../client/v4/work_queue.ts";
import { NetworkError } from "../../../protocol/errors.ts";
import { ContentsWriter } from "../../../protocol/v4/contents.ts";
import { FetchReader } from "../../../protocol/v4/fetch.ts";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { FrameReader } from "../../../protocol/v4/frame_reader.ts";
import { digestTree } from "../../../protocol/v4/merkle_tree.ts";
import { encodeMessage, type Message } from "../../../protocol/v4/messages.ts";
import { type Files, namesIn, requestedBy, serving, test } from "../../support/v4/folder_server.ts";
import { FILE } from "../../support/v4/message_fields.ts";
import type { RecordWriter } from "../../../protocol/v4/record_writer.ts";

const THREE: Files = [["d/a", "1"], ["d/b", "22"], ["d/c", "333"]];
const EMPTY = {
  ...FILE,
  size: 0,
  cksum: cksum(new Uint8Array()),
  digest: digestTree(new Uint8Array()),
};
const NAMES = THREE.map(([name]) => name);

/** Changes the answers to fetches. */
function changed(change: (answers: Message[]) => Message[]) {
  const answers = serving(THREE);
  return (message: Message | undefined) => {
    const sound = answers(message);
    return message?.kind === "fetch" ? encoded(change(decoded(sound))) : sound;
  };
}

function decoded(answers: Bytes): Message[] {
  const frames = new FrameReader("server");
  frames.push(answers);
  const messages: Message[] = [];
  for (let next = frames.next(); next !== undefined; next = frames.next()) messages.push(next);
  return messages;
}

const encoded = (messages: readonly Message[]) => concatBytes(...messages.map(encodeMessage));

/** Results in one message. */
function contents(tag: number, write: (writer: ContentsWriter) => void): Message {
  const writer = new ContentsWriter();
  write(writer);
  return { kind: "contents", tag, bytes: writer.payload.slice() };
}

test("a content that is damaged on the way: requested again by itself", THREE, async (fixture) => {
  const { server, get, root } = fixture;
  const requests: string[] = [];
  const damaging = changed((answers) =>
    answers.map((answer) => {
      if (answer.kind !== "contents") return answer;
      const bytes = answer.bytes.slice();
      bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
      return { ...answer, bytes };
    })
  );
  server.answers = (message) => {
    for (const name of requestedBy(message)) requests.push(`${message?.kind} ${name}`);
    return damaging(message);
  };
  assert.deepEqual(await get(), { "d/a": "got", "d/b": "got", "d/c": "got" });
  assert.equal(Deno.readTextFileSync(`${root}/c`), "333");
  assert.deepEqual(requests, ["fetch d/a", "fetch d/b", "fetch d/c", "get d/c"]);
});

test(
  "a file that has become too large for a fetch: downloaded by itself",
  THREE,
  async (fixture) => {
    const { server, get } = fixture;
    const refusing = serving(THREE, (name) => name === "d/b" ? "over-limit" : undefined);
    const sound = serving(THREE);
    server.answers = (message) => (message?.kind === "fetch" ? refusing : sound)(message);
    assert.deepEqual(await get(), { "d/a": "got", "d/b": "got", "d/c": "got" });
  },
);

test(
  "a whole fetch is refused: each file fails with the reason",
  THREE,
  async ({ server, get }) => {
    const sound = serving(THREE);
    server.answers = (message) =>
      message?.kind === "fetch"
        ? encoded([{ kind: "error", tag: message.tag, code: "cannot-store", message: "it fails" }])
        : sound(message);
    assert.deepEqual(await get(), Object.fromEntries(NAMES.map((name) => [name, "cannot-store"])));
  },
);

const DISHONEST: Readonly<Record<string, (answers: Message[], tag: number) => Message[]>> = {
  "no result at all": (answers) => answers.slice(-1),
  "a result too few": (_, tag) => [
    contents(tag, (writer) => writer.addRefused("damaged", "x")),
    { kind: "done", tag },
  ],
  "a result too many": (answers, tag) => [
    ...answers.slice(0, -1),
    contents(tag, (writer) => writer.addRefused("damaged", "x")),
    { kind: "done", tag },
  ],
  "another name": (_, tag) => [
    contents(tag, (writer) => writer.add({ ...EMPTY, name: "d/evil" }, new Uint8Array())),
  ],
  "a message of another kind": (_, tag) => [{ kind: "entries", tag, bytes: new Uint8Array(1) }],
};
for (const [what, change] of Object.entries(DISHONEST)) {
  test(`attack: the answer to a fetch has ${what}: a protocol error`, THREE, async (fixture) => {
    const { server, get, root } = fixture;
    server.answers = changed((answers) => change(answers, answers[0]?.tag as number));
    const words = new Set(Object.values(await get()));
    // Files that arrived before are complete.
    if (what === "a result too many") assert.deepEqual(words, new Set(["got"]));
    else if (what === "a result too few") {
      assert.deepEqual([...words].sort(), ["damaged", "unexpected-answer"]);
    } else assert.deepEqual(words, new Set(["unexpected-answer"]));
    if (what !== "a result too many") {
      assert.deepEqual(await Deno.stat(root).then(() => namesIn(root), () => []), []);
    }
  });
}

test(
  "a connection ends within a fetch: only what is missing is requested again",
  THREE,
  async (fixture) => {
    const { server, get } = fixture;
    const requests: string[][] = [];
    const sound = serving(THREE);
    server.answers = (message) => {
      const names = requestedBy(message);
      if (message?.kind !== "fetch") return sound(message);
      requests.push(names);
      if (requests.length > 1) return sound(message);
      const one = contents(message.tag, (writer) => writer.addRefused("damaged", "x"));
      return encoded([one, { kind: "error", tag: 0, code: "over-limit", message: "later" }]);
    };
    const got = await get({ transfer: { retries: 1, pause: () => Promise.resolve() } });
    assert.deepEqual(got, { "d/a": "damaged", "d/b": "got", "d/c": "got" });
    assert.deepEqual(requests, [NAMES, NAMES.slice(1)]);
  },
);

/** A connection that only counts requests. */
class CountingMux {
  readonly open = new Map<
    number,
    { readonly names: string[]; readonly end: () => Promise<void> }
  >();
  #tag = 0;
  #takes = new Map<number, (message: Message) => unknown>();
  #ends = new Map<number, () => void>();

  nextTag(): number {
    return ++this.#tag;
  }

  answer(tag: number, take: (message: Message) => unknown): Promise<void> {
    this.#takes.set(tag, take);
    return new Promise((resolve) => this.#ends.set(tag, resolve));
  }

  sendRecords(records: RecordWriter, tag: number): Promise<void> {
    const names: string[] = [];
    for (const reader = new FetchReader(records.payload.slice()); reader.next();) {
      names.push(reader.name);
    }
    const end = async () => {
      this.open.delete(tag);
      const take = this.#takes.get(tag) as (message: Message) => unknown;
      await take(contents(tag, (writer) => {
        for (const name of names) writer.addRefused("damaged", name);
      }));
      await take({ kind: "done", tag });
      this.#ends.get(tag)?.();
    };
    this.open.set(tag, { names, end });
    return Promise.resolve();
  }
}

for (
  const [what, size, records, requests] of [
    ["large", 64 * 1024, 16, 16],
    ["empty", 0, 1024, 4],
  ] as const
) {
  Deno.test(`fetch: ${what} files: ${requests} requests of ${records} files are outstanding`, async () => {
    const count = 3 * requests * records;
    const items = Array.from({ length: count }, (_, i) => ({
      file: { ...FILE, name: `f${i}`, size } as RemoteFile,
    }));
    const mux = new CountingMux();
    let arrived = 0;
    const queue = new WorkQueue(items.map((_, i) => i));
    const running = fetchEntries(mux as unknown as RequestMux, queue, {
      version: 0,
      itemAt: (index: number) => items[index] as typeof items[number],
      take(fetched: readonly Fetched<typeof items[number]>[]) {
        arrived += fetched.length;
        return Promise.resolve();
      },
    });
    for (let rounds = 0; arrived < count; rounds++) {
      await new Promise((resolve) => setTimeout(resolve));
      assert.equal(mux.open.size, Math.min(requests, (count - arrived) / records));
      for (const { names } of mux.open.values()) assert.equal(names.length, records);
      await [...mux.open.values()][0]?.end();
      assert.ok(rounds < count);
    }
    await running;
    assert.ok(queue.isEmpty);
  });
}

Deno.test("fetch: a lost connection returns what has not arrived to the queue", async () => {
  const items = Array.from({ length: 5000 }, (_, i) => ({
    file: { ...FILE, name: `f${i}`, size: 0 } as RemoteFile,
  }));
  const queue = new WorkQueue(items.map((_, i) => i));
  const lost = new NetworkError("connection-lost", "lost");
  const mux = {
    nextTag: () => 1,
    answer: () => Promise.reject(lost),
    sendRecords: () => Promise.resolve(),
  } as unknown as RequestMux;
  const itemAt = (index: number) => items[index] as typeof items[number];
  const options = { version: 0, itemAt, take: () => Promise.resolve() };
  await assert.rejects(fetchEntries(mux, queue, options), lost);
  assert.equal(queue.size, items.length);
});
