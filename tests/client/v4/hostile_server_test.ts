/** Attacks of a server of protocol 4 on its client: filling its memory, misleading it, writing to its terminal. */
import assert from "node:assert/strict";
import type { ConnectOptions } from "../../../client/v4/connect_options.ts";
import { printable } from "../../../protocol/printable.ts";
import type { V4Event } from "../../../client/events.ts";
import { XferError } from "../../../protocol/errors.ts";
import { V4Client } from "../../../client/v4/client.ts";
import { SourceFile } from "../../../client/local/source_file.ts";
import { RESUMABLE_SIZE } from "../../../client/v4/remote_file.ts";
import { MAX_FILE_SIZE } from "../../../client/v4/remote_file.ts";
import type { Message } from "../../../protocol/v4/messages.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE, DIGEST_SIZE, digestTree } from "../../../protocol/v4/merkle_tree.ts";
import { acceptingEveryone, ScriptedV4Server, WELCOME } from "../../support/v4/scripted_server.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { FILE as CURRENT, STORED } from "../../support/v4/message_fields.ts";
import { listing as listingOf } from "../../support/v4/records.ts";

const ESCAPE = "\x1b]0;owned\x07\x1b[2J\r\n\u202e\u009b31m";

const FILE = {
  kind: "file",
  ...{ ...CURRENT, tag: 0, name: "a", size: 0, cksum: 0xffffffff },
  digest: digestTree(new Uint8Array(0)),
} as const;

type Reply = Parameters<typeof acceptingEveryone>[0];

interface Fixture {
  readonly folder: TemporaryFolder;
  readonly options: ConnectOptions;
  readonly events: V4Event[];
}

/** Runs a test with a client's folder and a scripted server. */
async function against(reply: Reply, body: (fixture: Fixture) => Promise<void>): Promise<void> {
  await using server = await ScriptedV4Server.start();
  await using folder = await TemporaryFolder.create();
  const events: V4Event[] = [];
  server.answers = acceptingEveryone(reply);
  const options = {
    ...{ server: server.address, userName: "Alice", identityFolder: folder.path },
    onNewServer: () => true,
    onEvent: (event: V4Event) => void events.push(event),
  };
  await body({ folder, options, events });
}

/** The result of a client's request, or the code of its error. */
async function outcomeOf<T>(
  reply: Reply,
  ask: (client: V4Client) => Promise<T>,
): Promise<T | string> {
  let outcome: T | string = "";
  await against(reply, async ({ options }) => {
    try {
      using client = await V4Client.connect(options);
      outcome = await ask(client);
    } catch (error) {
      assert.ok(error instanceof XferError, `${error}`);
      assertHarmless(error);
      outcome = error.code;
    }
  });
  return outcome;
}

function assertHarmless({ message, hint = "", code }: XferError): void {
  for (const words of [message, hint, code]) assert.equal(words, printable(words));
}

/** Files with these names, the newest first, and the end. */
function listing(tag: number, names: readonly string[], newest = names.length): Message[] {
  return listingOf(tag, names.map((name, index) => ({ ...FILE, name, version: newest - index })));
}

const ignore = () => undefined;
const LONG = "x".repeat(255) + "/";
const LISTED: readonly [what: string, prefix: string, names: readonly string[], code: string][] = [
  ["files that were not asked for", "docs/", ["docs/a", "photos/a"], "unexpected-answer"],
  ["a name of 4,097 bytes", "", [LONG.repeat(16) + "x"], "unexpected-answer"],
  ["a name of 4,098 bytes in fewer characters", "", ["ü".repeat(2049)], "unexpected-answer"],
  ["more files than the client accepts", "", ["a", "b", "c", "d"], "too-many-files"],
  ["a name twice", "", ["a", "a"], "unexpected-answer"],
  ["a name twice in two Unicode forms", "", ["\u00fc", "u\u0308"], "unexpected-answer"],
  ["names out of order", "", ["b", "a"], "unexpected-answer"],
];
for (const [what, prefix, names, code] of LISTED) {
  Deno.test(`v4: if a server lists ${what}, the client ends the connection`, async () => {
    const reply: Reply = ({ kind, tag }) => kind === "list" ? listing(tag, names) : undefined;
    const outcome = await outcomeOf(reply, async (client) => {
      await assert.rejects(client.list(prefix, ignore, { max: 3 }), {
        name: "ProtocolError",
        code,
      });
      await assert.rejects(client.list(prefix, ignore, { max: 3 }), { name: "NetworkError" });
    });
    assert.equal(outcome, undefined);
  });
}

Deno.test("v4: a list at the limits is accepted", async () => {
  const names = ["b", "c", LONG.repeat(15) + "x".repeat(256)];
  const reply: Reply = ({ kind, tag }) => kind === "list" ? listing(tag, names) : undefined;
  const listed: string[] = [];
  const ask = (client: V4Client) => client.list("", ({ name }) => listed.push(name), { max: 3 });
  assert.equal(await outcomeOf(reply, ask), undefined);
  assert.deepEqual(listed, names);
});

Deno.test("v4: a list of one level has no deeper names, and folders without an entry where they begin", async () => {
  const folder = { entry: "folder", version: 0 } as const;
  const reply = (names: readonly string[]): Reply => ({ kind, tag }) =>
    kind === "list"
      ? listingOf(
        tag,
        names.map((name) => ({ ...FILE, ...name.endsWith("/") ? folder : {}, name }))
          .map((file) => ({ ...file, name: file.name.replace(/\/$/, "") })),
      )
      : undefined;
  const ask = (client: V4Client) => client.list("d/", ignore, { scope: "level" });
  assert.equal(await outcomeOf(reply(["d/a-b", "d/a/", "d/b"]), ask), undefined);
  assert.equal(await outcomeOf(reply(["d/a", "d/a/b"]), ask), "unexpected-answer");
  assert.equal(await outcomeOf(reply(["d/a/", "d/a/"]), ask), "unexpected-answer");
});

Deno.test("v4: versions must have the requested name, and end", async () => {
  for (
    const [names, code] of [[["a", "b"], "unexpected-answer"], [
      ["a", "a", "a"],
      "too-many-files",
    ]] as const
  ) {
    const reply: Reply = ({ kind, tag }) => kind === "versions" ? listing(tag, names) : undefined;
    assert.equal(
      await outcomeOf(reply, (client) => client.versions("a", ignore, { max: 2 })),
      code,
    );
  }
});

Deno.test("v4: a version must be older than the one listed before it", async () => {
  for (const order of [[2, 2], [1, 2]]) {
    const reply: Reply = ({ kind, tag }) =>
      kind === "versions"
        ? listingOf(tag, order.map((version) => ({ ...FILE, version })))
        : undefined;
    const ask = (client: V4Client) => client.versions("a", ignore);
    assert.equal(await outcomeOf(reply, ask), "unexpected-answer");
  }
});

Deno.test("v4: the target of a link must be one", async () => {
  const [isLink, isFile] = [{ entry: "link" }, { entry: "file" }] as const;
  const content = (text: string) => new TextEncoder().encode(text);
  for (
    const [file, bytes, expected] of [
      [isLink, content("../a"), "../a"],
      [isFile, content("../a"), "unexpected-answer"],
      [isLink, content("a\0b"), "unexpected-answer"],
      [isLink, content(""), "unexpected-answer"],
      [isLink, new Uint8Array([0xff]), "unexpected-answer"],
      [isLink, content("a".repeat(4097)), "unexpected-answer"],
    ] as const
  ) {
    const sums = new ChunkDigests(bytes.length);
    if (bytes.length > 0) sums.add(0, bytes);
    const reply: Reply = ({ kind, tag }) => {
      if (kind !== "get") return undefined;
      const description = { ...FILE, ...file, tag, ...sums.sums() };
      const content: Message[] = [
        { kind: "digests", tag, bytes: sums.digests },
        { kind: "data", tag, offset: 0, bytes },
      ];
      return [description, ...bytes.length > 0 ? content : [], { kind: "done", tag }];
    };
    assert.equal(await outcomeOf(reply, (client) => client.readLink("a")), expected);
  }
});

Deno.test("v4: another file or version than the requested one is an error", async () => {
  for (const other of [{ name: "b" }, { name: ESCAPE }, { version: 2 }, { version: 0 }]) {
    const reply: Reply = ({ kind, tag }) => {
      const file = { ...FILE, ...other, tag };
      if (kind === "stat") return [file];
      return kind === "get" ? [file, { kind: "done", tag }] : undefined;
    };
    assert.equal(await outcomeOf(reply, (client) => client.stat("a", 1)), "unexpected-answer");
    const get = (client: V4Client) =>
      client.get({ name: "a", version: 1 }, () => Promise.resolve());
    assert.equal(await outcomeOf(reply, get), "unexpected-answer");
  }
});

/** A file's description, and the sizes of the digests that follow it, in bytes. */
const DIGESTS: readonly [what: string, size: number, bytes: readonly number[], code: string][] = [
  ["more digests than its size needs", CHUNK_SIZE, [2 * DIGEST_SIZE], "unexpected-answer"],
  ["one digest after the last", CHUNK_SIZE, [DIGEST_SIZE, DIGEST_SIZE], "not-what-was-stored"],
  ["half a digest", CHUNK_SIZE, [DIGEST_SIZE / 2], "unexpected-answer"],
  ["no digests", CHUNK_SIZE, [0], "unexpected-answer"],
  ["fewer digests than its size needs", 3 * CHUNK_SIZE, [DIGEST_SIZE], "not-what-was-stored"],
  ["digests for an empty one", 0, [DIGEST_SIZE], "unexpected-answer"],
  ["a size that is larger than any file's", MAX_FILE_SIZE + 1, [DIGEST_SIZE], "file-too-large"],
  ["the largest possible size", Number.MAX_SAFE_INTEGER, [DIGEST_SIZE], "file-too-large"],
];
for (const [what, size, lengths, code] of DIGESTS) {
  Deno.test(`v4: for a file with ${what}: ${code}`, async () => {
    const reply: Reply = ({ kind, tag }) =>
      kind !== "get" ? undefined : [
        { ...FILE, size, tag },
        ...lengths.map((length) =>
          ({ kind: "digests", tag, bytes: new Uint8Array(length) }) as const
        ),
        { kind: "done", tag },
      ];
    const get = (client: V4Client) => client.get({ name: "a" }, () => Promise.resolve());
    assert.equal(await outcomeOf(reply, get), code);
  });
}

Deno.test("v4: a server's texts cannot control the terminal, and its codes are not ours", async () => {
  const codes: Record<string, string> = {
    "no-such-file": "no-such-file",
    "constructor": "constructor",
    "__proto__": "refused",
    [ESCAPE]: "refused",
    ["x".repeat(1000)]: "refused",
    "": "refused",
  };
  for (const [code, taken] of Object.entries(codes)) {
    for (const at of ["login", "register", "stat"]) {
      const reply: Reply = ({ kind, tag }) =>
        kind === at ? [{ kind: "error", tag, code, message: ESCAPE.repeat(500) }] : undefined;
      await against(reply, async ({ options }) => {
        const asking = async () => {
          (await V4Client.connect(options))[Symbol.dispose]();
          using client = await V4Client.connect(options);
          await client.stat("a");
        };
        const error = await asking().then(() => assert.fail(), (error: XferError) => error);
        assert.equal(error.code, taken, `${at}: ${error}`);
        assert.ok(error.message.length < 8000, "and they are limited");
        assert.ok(error.hint === undefined || typeof error.hint === "string");
        assertHarmless(error);
      });
    }
  }
});

Deno.test("v4: an invalid name in a welcome is not used, saved or reported", async () => {
  for (const name of [ESCAPE, "", "Alice\nother", "../Alice", "A".repeat(255), "Älice"]) {
    let isLater = false;
    const reply: Reply = (message) => {
      const { kind, tag } = message;
      return isLater && kind === "login" ? [{ ...WELCOME, tag, name }] : undefined;
    };
    await against(reply, async ({ options, folder, events }) => {
      (await V4Client.connect(options))[Symbol.dispose]();
      const kept = await Deno.readTextFile(folder.join("me.account"));
      events.length = 0;
      isLater = true;
      await assert.rejects(V4Client.connect(options), { code: "bad-welcome" }, printable(name));
      assert.equal(await Deno.readTextFile(folder.join("me.account")), kept);
      assert.deepEqual(events.map(({ type }) => type), ["connected"]);
    });
  }
});

for (const window of [0, 65_535]) {
  Deno.test(`v4: a server with room for ${window} puts at a time gets all files`, async () => {
    const reply: Reply = (message) => {
      const { kind, tag } = message;
      if (kind === "register") return [{ ...WELCOME, tag, window }];
      return kind === "end" ? [{ ...message, ...STORED, kind: "stored" }] : undefined;
    };
    await against(reply, async ({ options, folder }) => {
      using client = await V4Client.connect(options);
      const names = Array.from({ length: 300 }, (_, i) => `file${i}`);
      const files = await Promise.all(names.map(async (name) => ({
        file: await SourceFile.inspect(await folder.write(name, name)),
      })));
      const outcomes: unknown[] = [];
      await client.put(files, (_, outcome) => outcomes.push(typeof outcome));
      assert.deepEqual(outcomes, names.map(() => "number"));
    });
  });
}

Deno.test("v4: wrong sums, or any before everything was sent, do not count as stored", async () => {
  const digest = new Uint8Array(DIGEST_SIZE);
  for (
    const [at, sums, code] of [
      ["end", { cksum: 1 }, "stored-otherwise"],
      ["end", { digest }, "stored-otherwise"],
      ["put", { cksum: 1, digest }, "unexpected-answer"],
    ] as const
  ) {
    const reply: Reply = (message) => {
      const { kind, tag } = message;
      if (kind !== at) return undefined;
      const own = kind === "end" ? message : { cksum: 0, digest };
      return [{
        ...{ cksum: own.cksum, digest: own.digest },
        ...sums,
        ...STORED,
        kind: "stored",
        tag,
      }];
    };
    const outcome = await outcomeOf(reply, async (client) => {
      await using folder = await TemporaryFolder.create();
      // For a large file the client first asks for the partial upload, so nothing is sent by then.
      const size = at === "put" ? RESUMABLE_SIZE : CHUNK_SIZE;
      const path = await folder.write("a", new Uint8Array(size));
      const outcomes: string[] = [];
      await client.put([{ file: await SourceFile.inspect(path) }], (_, outcome) => {
        outcomes.push(typeof outcome === "number" ? "stored" : (outcome as XferError).code);
      });
      return outcomes.join();
    });
    assert.equal(outcome, code);
  }
});

Deno.test("v4: a partial upload that a server claims must be a part of the file", async () => {
  const size = 5 * CHUNK_SIZE;
  for (const offset of [1, CHUNK_SIZE + 1, size + CHUNK_SIZE, 2 ** 52]) {
    const transfer = new Uint8Array(16);
    const reply: Reply = ({ kind, tag }) =>
      kind === "put"
        ? [{ kind: "held", tag, transfer, offset, digest: new Uint8Array(DIGEST_SIZE) }]
        : undefined;
    const outcome = await outcomeOf(reply, async (client) => {
      await using folder = await TemporaryFolder.create();
      const path = await folder.write("a", new Uint8Array(size));
      await client.put([{ file: await SourceFile.inspect(path) }], ignore);
    });
    assert.equal(outcome, "unexpected-answer", `${offset}`);
  }
});

Deno.test("v4: an invalid token is not shown", async () => {
  for (const token of [ESCAPE, "", "a".repeat(25), "A".repeat(26), "a".repeat(27)]) {
    const reply: Reply = ({ kind, tag }) =>
      kind === "link" ? [{ kind: "token", tag, token, expiresAt: 5 }] : undefined;
    assert.equal(await outcomeOf(reply, (client) => client.link()), "bad-token");
  }
});
