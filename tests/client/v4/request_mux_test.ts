/** Requests and answers of a client of protocol 4, and its wait for a scripted server. */
import assert from "node:assert/strict";
import type { Bytes } from "../../../protocol/bytes.ts";
import { encodeMessage, type Message } from "../../../protocol/v4/messages.ts";
import { DEFAULT_TIMEOUTS } from "../../../client/net/dial.ts";
import { RequestMux } from "../../../client/v4/request_mux.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { FILE as CURRENT } from "../../support/v4/message_fields.ts";

/** Short, since the tests wait for silent servers. */
const TIMEOUTS = { ...DEFAULT_TIMEOUTS, responseMs: 300 };
/** The time between two pieces. Many fit into the timeout. */
const DRIP_MS = 20;
/** The time after which the client counts as not giving up. */
const PIECES = 500;

const FILE = {
  kind: "file",
  ...{ ...CURRENT, tag: 1, name: "a", size: 0, cksum: 0 },
  digest: pseudoRandomBytes(32),
} as const;

/** A socket on which pieces arrive one after another with pauses. The test controls writes. */
function dripping(
  pieces: Iterator<Bytes>,
  take: (bytes: Uint8Array) => number = ({ length }) => length,
) {
  const closed = Promise.withResolvers<null>();
  let left = new Uint8Array(0);
  let isClosed = false;
  const pauses = new Map<ReturnType<typeof setTimeout>, () => void>();
  const pause = () =>
    new Promise<void>((resolve) => {
      const end = () => {
        pauses.delete(timer);
        resolve();
      };
      const timer = setTimeout(end, DRIP_MS);
      pauses.set(timer, end);
    });
  return {
    async read(buffer: Uint8Array) {
      if (left.length === 0) {
        if (isClosed) return null;
        await pause();
        const next = pieces.next();
        if (next.done === true || isClosed) return isClosed ? null : await closed.promise;
        left = next.value;
      }
      const size = Math.min(left.length, buffer.length);
      buffer.set(left.subarray(0, size));
      left = left.subarray(size);
      return size;
    },
    async write(bytes: Uint8Array) {
      await pause();
      if (isClosed) throw new Deno.errors.BadResource("it is closed");
      return take(bytes);
    },
    close() {
      isClosed = true;
      closed.resolve(null);
      for (const [timer, end] of pauses) {
        clearTimeout(timer);
        end();
      }
    },
  };
}

/** Bytes one by one, up to a number. */
function* byteByByte(messages: Iterable<Message>): Generator<Bytes, void, void> {
  let left = PIECES;
  for (const message of messages) {
    for (const byte of encodeMessage(message)) {
      if (left-- === 0) return;
      yield Uint8Array.of(byte);
    }
  }
}

function* wholes(messages: Iterable<Message>): Generator<Bytes, void, void> {
  for (const message of messages) yield encodeMessage(message);
}

function* repeat(message: Message, times: number): Generator<Message, void, void> {
  for (let i = 0; i < times; i++) yield message;
}

const list = (mux: RequestMux, tag: number) =>
  mux.ask({ kind: "list", tag, prefix: "", scope: "below" }, ({ kind }) => kind === "done");

const LONG = "x".repeat(1000);

const DRIPS: Record<string, (tag: number) => Iterator<Bytes>> = {
  "an approval": (tag) => byteByByte([{ kind: "error", tag, code: "cannot-store", message: LONG }]),
  "a list": (tag) => byteByByte(repeat({ ...FILE, tag }, PIECES)),
  "a chunk": (tag) =>
    byteByByte([{ kind: "data", tag, offset: 0, bytes: pseudoRandomBytes(100_000) }]),
  "data without a request": (tag) =>
    wholes(
      repeat({ kind: "data", tag: tag + 1, offset: 0, bytes: pseudoRandomBytes(5000) }, PIECES),
    ),
  "chunks without a request": (tag) =>
    wholes(
      repeat({ kind: "data", tag: tag + 1, offset: 0, bytes: pseudoRandomBytes(200_000) }, PIECES),
    ),
};

for (const [what, drip] of Object.entries(DRIPS)) {
  Deno.test(`v4 exchange: a server that drips ${what} is given up`, async () => {
    const pieces = drip(1);
    using mux = new RequestMux(dripping(pieces), TIMEOUTS);
    await assert.rejects(list(mux, mux.nextTag()), (error: { code: string }) => {
      const expected = what.endsWith("without a request") ? "no-answer" : "too-slow";
      assert.equal(error.code, expected, `${error}`);
      return true;
    });
    assert.equal(pieces.next().done, false, "it would have continued");
  });
}

Deno.test("v4 exchange: a server that reads a byte now and then is given up", async () => {
  const nothing = wholes([]);
  using mux = new RequestMux(dripping(nothing, () => 1), TIMEOUTS);
  const name = LONG;
  const asked = mux.askFor(
    { kind: "stat", tag: mux.nextTag(), name, version: 0 },
    "file",
  );
  await assert.rejects(asked, { name: "NetworkError", code: "too-slow" });
});

Deno.test("v4 exchange: answers that arrive one by one, each in time, are accepted", async () => {
  const files = repeat(FILE, 50);
  function* answer(): Generator<Message, void, void> {
    yield* files;
    yield { kind: "done", tag: 1 };
  }
  using mux = new RequestMux(dripping(wholes(answer())), TIMEOUTS);
  await list(mux, mux.nextTag());
});

Deno.test("v4 exchange: the client's own work does not count as the server's silence", async () => {
  const messages: Message[] = [FILE, { kind: "done", tag: 1 }];
  using mux = new RequestMux(dripping(wholes(messages)), TIMEOUTS);
  await mux.ask(
    { kind: "list", tag: mux.nextTag(), prefix: "", scope: "below" },
    async ({ kind }) => {
      // Longer than the server may be silent, plus the time to notice it.
      if (kind === "file") await new Promise((resolve) => setTimeout(resolve, 1200));
      return kind === "done";
    },
  );
});

Deno.test("data without bytes before an answer: the client waits for a server that still works", async () => {
  const sign = encodeMessage({ kind: "data", tag: 1, offset: 0, bytes: new Uint8Array(0) });
  const answer = encodeMessage({ kind: "changed", tag: 1, entries: 5, bytes: 6 });
  const socket = dripping(
    [...Array(2 * TIMEOUTS.responseMs / DRIP_MS).fill(sign), answer].values(),
  );
  using mux = new RequestMux(socket, TIMEOUTS);
  const request = { kind: "rename", tag: mux.nextTag(), oldName: "a", newName: "b" } as const;
  assert.equal((await mux.askFor(request, "changed")).entries, 5);
});

Deno.test("data with bytes in place of an answer: refused", async () => {
  const data = encodeMessage({ kind: "data", tag: 1, offset: 0, bytes: new Uint8Array(1) });
  using mux = new RequestMux(dripping([data].values()), TIMEOUTS);
  const request = { kind: "rename", tag: mux.nextTag(), oldName: "a", newName: "b" } as const;
  await assert.rejects(mux.askFor(request, "changed"), { code: "unexpected-answer" });
});
