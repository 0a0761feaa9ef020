/** `get -o -`: a file as a stream, each chunk verified, in order, and once. */
import assert from "node:assert/strict";
import { concatBytes, equalBytes } from "../../../protocol/bytes.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import type { Message } from "../../../protocol/v4/messages.ts";
import { getStream, type StreamOptions } from "../../../client/v4/stream_download.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { ScriptedV4Server } from "../../support/v4/scripted_server.ts";
import { type Files, serving } from "../../support/v4/folder_server.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const CHUNKS = 5;
const content = pseudoRandomBytes(CHUNKS * CHUNK_SIZE - 7);
const FILES: Files = [["a", content]];

interface Fixture {
  readonly server: ScriptedV4Server;
  /** The requests of the client. */
  readonly requests: Message[];
  /** The bytes that were passed on. */
  readonly written: Uint8Array<ArrayBuffer>[];
  /** Downloads; returns the code of the error, if it fails. */
  stream(changes?: Partial<StreamOptions>): Promise<string>;
}

function test(what: string, files: Files, body: (fixture: Fixture) => Promise<void>): void {
  Deno.test(`v4 get -o -: ${what}`, async () => {
    await using server = await ScriptedV4Server.start();
    await using folder = await TemporaryFolder.create();
    const requests: Message[] = [];
    const correct = serving(files);
    server.answers = (message) => {
      if (message !== undefined) requests.push(message);
      return correct(message);
    };
    await Deno.mkdir(folder.join("identity"));
    const written: Uint8Array<ArrayBuffer>[] = [];
    const options: StreamOptions = {
      connect: {
        ...{ server: server.address, userName: "Alice", identityFolder: folder.join("identity") },
        onNewServer: () => true,
      },
      transfer: { retries: 3, pause: () => Promise.resolve() },
      name: "a",
      write(bytes) {
        written.push(bytes.slice());
        return Promise.resolve();
      },
    };
    const stream: Fixture["stream"] = (changes) =>
      getStream({ ...options, ...changes }).then(() => "done", ({ code }) => code);
    await body({ server, requests, written, stream });
  });
}

/**
 * The answer to the first `get` ends with the connection, after a number of chunks; `next` gives the answers to later
 * messages.
 */
function cutAfter({ server }: Fixture, chunks: number, next = server.answers): void {
  const correct = server.answers;
  server.answers = (message) => {
    const answer = correct(message);
    if (message?.kind !== "get") return answer;
    server.answers = next;
    server.closesAfter = () => {
      server.closesAfter = () => false;
      return true;
    };
    // Frames have a header of a few bytes each. The last chunk arrives in part.
    return answer.slice(0, answer.length - (CHUNKS - chunks) * CHUNK_SIZE);
  };
}

const gets = ({ requests }: Fixture) =>
  requests.flatMap((message) => message.kind === "get" ? [message] : []);

test("the whole file, with one request for the version that was there", FILES, async (fixture) => {
  assert.equal(await fixture.stream(), "done");
  assert.ok(equalBytes(concatBytes(...fixture.written), content));
  assert.equal(fixture.written.length, CHUNKS, "a chunk at a time");
  assert.deepEqual(gets(fixture).map(({ name, version }) => [name, version]), [["a", 1]]);
});

test("an empty file", [["a", ""]], async ({ stream, written }) => {
  assert.equal(await stream(), "done");
  assert.equal(written.length, 0);
});

test("a range: only its bytes", FILES, async ({ stream, written }) => {
  const [from, to] = [CHUNK_SIZE - 3, 2 * CHUNK_SIZE + 5];
  assert.equal(await stream({ range: { from, to } }), "done");
  assert.ok(equalBytes(concatBytes(...written), content.slice(from, to)));
});

test("a lost connection: continued where it was, each byte once", FILES, async (fixture) => {
  cutAfter(fixture, 2);
  assert.equal(await fixture.stream(), "done");
  assert.ok(equalBytes(concatBytes(...fixture.written), content));
  const [, second] = gets(fixture);
  assert.ok(
    second !== undefined && second.from > 0,
    "the second request leaves out what was passed on",
  );
});

test(
  "connections that are lost without progress: an error, after the beginning",
  FILES,
  async (fixture) => {
    const { server, stream, written } = fixture;
    const correct = server.answers;
    cutAfter(fixture, 2, (message) => {
      if (message?.kind === "get") throw new Error("lost");
      return correct(message);
    });
    assert.equal(await stream(), "connection-lost");
    const got = concatBytes(...written);
    assert.ok(got.length < content.length && equalBytes(got, content.slice(0, got.length)));
  },
);

test(
  "a damaged chunk: an error, and no byte of it is passed on",
  FILES,
  async ({ server, stream, written }) => {
    const correct = server.answers;
    server.answers = (message) => {
      const answer = correct(message);
      // A byte of the last chunk.
      if (message?.kind === "get") answer[answer.length - 1000] = (answer.at(-1000) as number) ^ 1;
      return answer;
    };
    assert.equal(await stream(), "not-what-was-stored");
    const got = concatBytes(...written);
    assert.ok(equalBytes(got, content.slice(0, got.length)));
    assert.ok(got.length <= (CHUNKS - 1) * CHUNK_SIZE);
  },
);

for (const [what, entry, text] of [["folder", "folder", ""], ["link", "link", "b"]] as const) {
  test(`a ${what}: refused`, [["a", text, { entry }]], async ({ stream, written }) => {
    assert.equal(await stream(), "no-such-file");
    assert.equal(written.length, 0);
  });
}

test(
  "the output fails: the download ends with its error, and nothing is retried",
  FILES,
  async (fixture) => {
    const failure = Object.assign(new Error("closed"), { code: "closed" });
    let calls = 0;
    const write = () => ++calls < 2 ? Promise.resolve() : Promise.reject(failure);
    assert.equal(await fixture.stream({ write }), "closed");
    assert.equal(calls, 2);
    assert.equal(gets(fixture).length, 1);
  },
);

test(
  "the version is gone before the first byte: the new one is downloaded",
  FILES,
  async ({ server, stream, written }) => {
    const correct = server.answers;
    let asked = 0;
    server.answers = (message) => {
      if (message?.kind !== "get" || ++asked > 1) return correct(message);
      // The server removed this version after it described it.
      return correct({ ...message, name: "none" });
    };
    assert.equal(await stream(), "done");
    assert.ok(equalBytes(concatBytes(...written), content));
  },
);
