/** What a server of protocol 4 can't do to its client: fill its memory, mislead it, write to its terminal. */
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
import { CHUNK_SIZE, DIGEST_SIZE, digestTree } from "../../../protocol/v4/merkle_tree.ts";
import { lettingIn, OddSecureServer, WELCOME } from "../../support/v4/scripted_server.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const ESCAPE = "\x1b]0;owned\x07\x1b[2J\r\n\u202e\u009b31m";

const FILE = {
  kind: "file",
  ...{ tag: 0, name: "a", version: 1, size: 0, mtime: 0, storedAt: 0, cksum: 0xffffffff },
  digest: digestTree(new Uint8Array(0)),
} as const;

type Reply = Parameters<typeof lettingIn>[0];

interface Scene {
  readonly folder: TemporaryFolder;
  readonly options: ConnectOptions;
  readonly events: V4Event[];
}

/** Runs a test with a client's folder and a server that answers as told. */
async function against(reply: Reply, body: (scene: Scene) => Promise<void>): Promise<void> {
  await using server = await OddSecureServer.start();
  await using folder = await TemporaryFolder.create();
  const events: V4Event[] = [];
  server.answers = lettingIn(reply);
  const options = {
    ...{ server: server.address, userName: "Alice", identityFolder: folder.path },
    onNewServer: () => true,
    onEvent: (event: V4Event) => void events.push(event),
  };
  await body({ folder, options, events });
}

/** What a client's question comes to: the error's code, or else what is returned. */
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

/** So many files with a name each, and the end. */
function listing(tag: number, names: readonly string[]): Message[] {
  return [...names.map((name) => ({ ...FILE, tag, name })), { kind: "done", tag }];
}

const ignore = () => undefined;
const LONG = "x".repeat(255) + "/";
const LISTED: readonly [what: string, prefix: string, names: readonly string[], code: string][] = [
  ["files that were not asked for", "docs/", ["docs/a", "photos/a"], "unexpected-answer"],
  ["a name of 4,097 bytes", "", [LONG.repeat(16) + "x"], "unexpected-answer"],
  ["a name of 4,098 bytes in fewer characters", "", ["ü".repeat(2049)], "unexpected-answer"],
  ["more files than anybody looks through", "", ["a", "b", "c", "d"], "too-many-files"],
];
for (const [what, prefix, names, code] of LISTED) {
  Deno.test(`v4: a server that lists ${what} is not listened to any longer`, async () => {
    const reply: Reply = ({ kind, tag }) => kind === "list" ? listing(tag, names) : undefined;
    const outcome = await outcomeOf(reply, async (client) => {
      await assert.rejects(client.list(prefix, ignore, 3), { name: "ProtocolError", code });
      await assert.rejects(client.list(prefix, ignore, 3), { name: "NetworkError" });
    });
    assert.equal(outcome, undefined);
  });
}

Deno.test("v4: what is as long and as much as it may be is listed", async () => {
  const names = [LONG.repeat(15) + "x".repeat(256), "b", "c"];
  const reply: Reply = ({ kind, tag }) => kind === "list" ? listing(tag, names) : undefined;
  const listed: string[] = [];
  const ask = (client: V4Client) => client.list("", ({ name }) => listed.push(name), 3);
  assert.equal(await outcomeOf(reply, ask), undefined);
  assert.deepEqual(listed, names);
});

Deno.test("v4: versions are of the name that was asked for, and come to an end", async () => {
  for (
    const [names, code] of [[["a", "b"], "unexpected-answer"], [
      ["a", "a", "a"],
      "too-many-files",
    ]] as const
  ) {
    const reply: Reply = ({ kind, tag }) => kind === "versions" ? listing(tag, names) : undefined;
    assert.equal(await outcomeOf(reply, (client) => client.versions("a", ignore, 2)), code);
  }
});

Deno.test("v4: another file or version than was asked for is an error", async () => {
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

/** What is said of a file, and the digests that come then, by their number of bytes. */
const DIGESTS: readonly [what: string, size: number, bytes: readonly number[], code: string][] = [
  ["more digests than its size needs", CHUNK_SIZE, [2 * DIGEST_SIZE], "unexpected-answer"],
  ["one digest more behind all", CHUNK_SIZE, [DIGEST_SIZE, DIGEST_SIZE], "not-what-was-stored"],
  ["half a digest", CHUNK_SIZE, [DIGEST_SIZE / 2], "unexpected-answer"],
  ["no digests", CHUNK_SIZE, [0], "unexpected-answer"],
  ["fewer digests than its size needs", 3 * CHUNK_SIZE, [DIGEST_SIZE], "not-what-was-stored"],
  ["digests for an empty one", 0, [DIGEST_SIZE], "unexpected-answer"],
  ["a size that is larger than any file's", MAX_FILE_SIZE + 1, [DIGEST_SIZE], "file-too-large"],
  ["the largest size that there is", Number.MAX_SAFE_INTEGER, [DIGEST_SIZE], "file-too-large"],
];
for (const [what, size, lengths, code] of DIGESTS) {
  Deno.test(`v4: of a file come ${what}: ${code}`, async () => {
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

Deno.test("v4: words of a server are no commands to a terminal, and its codes name nothing of ours", async () => {
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
        assert.ok(error.message.length < 8000, "and they are not many");
        assert.ok(error.hint === undefined || typeof error.hint === "string");
        assertHarmless(error);
      });
    }
  }
});

Deno.test("v4: a name that is none is not taken from a welcome, and nothing is kept or told of it", async () => {
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
      return kind === "end" ? [{ ...message, kind: "stored", version: 1 }] : undefined;
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

Deno.test("v4: other sums than were sent, or any before all was sent, are not what is stored", async () => {
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
        kind: "stored",
        tag,
        version: 1,
      }];
    };
    const outcome = await outcomeOf(reply, async (client) => {
      await using folder = await TemporaryFolder.create();
      // Of a large one it is asked first what is held, so that nothing of it is sent by then.
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

Deno.test("v4: of what a server says it holds only a part of the file counts", async () => {
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

Deno.test("v4: a token that is none is not shown to anybody", async () => {
  for (const token of [ESCAPE, "", "a".repeat(25), "A".repeat(26), "a".repeat(27)]) {
    const reply: Reply = ({ kind, tag }) =>
      kind === "link" ? [{ kind: "token", tag, token, expiresAt: 5 }] : undefined;
    assert.equal(await outcomeOf(reply, (client) => client.link()), "bad-token");
  }
});
