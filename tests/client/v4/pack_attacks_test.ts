/** Attacks of a server of protocol 4 on its client in the answers to packs and fetches. */
import assert from "node:assert/strict";
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import { XferError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import { sumsInPlace } from "../../../protocol/v4/content_sums.ts";
import { ContentsWriter } from "../../../protocol/v4/contents.ts";
import { FetchReader } from "../../../protocol/v4/fetch.ts";
import type { FileFields } from "../../../protocol/v4/file_record.ts";
import type { Message, MessageOf } from "../../../protocol/v4/messages.ts";
import { PackReader } from "../../../protocol/v4/pack.ts";
import { PackedWriter } from "../../../protocol/v4/packed.ts";
import { checkRecords } from "../../../protocol/v4/record_reader.ts";
import { utf8 } from "../../support/bytes.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { namesIn, test as testGet } from "../../support/v4/folder_server.ts";
import { FILE } from "../../support/v4/message_fields.ts";
import { putAll } from "../../support/v4/put_all.ts";
import { listing } from "../../support/v4/records.ts";
import { acceptingEveryone, ScriptedV4Server } from "../../support/v4/scripted_server.ts";

const ESCAPE = "\x1b]0;owned\x07\x1b[2J\r\n\u202e\u009b31m";

/** The answers to a pack with this many records. */
type AnswerPack = (pack: MessageOf<"pack">, records: number) => readonly Message[];

function results(tag: number, write: (writer: PackedWriter) => void): MessageOf<"packed"> {
  const writer = new PackedWriter();
  write(writer);
  return { kind: "packed", tag, bytes: writer.payload };
}

const storing: AnswerPack = ({ tag }, records) => [
  results(tag, (writer) => {
    for (let i = 0; i < records; i++) writer.addStored(1);
  }),
];

/** The results of uploading two small files, or the code of the error that ended it; and the number of packs. */
async function put(answer: AnswerPack) {
  await using server = await ScriptedV4Server.start();
  await using folder = await TemporaryFolder.create();
  let packs = 0;
  server.answers = acceptingEveryone((message) => {
    const { kind, tag } = message;
    if (kind === "list") return listing(tag, []);
    if (kind === "stat") return [{ kind: "error", tag, code: "no-such-file", message: "none" }];
    if (kind !== "pack") return undefined;
    packs++;
    return answer(message, checkRecords(new PackReader(message.bytes)));
  });
  const paths = [await folder.write("a", utf8("first")), await folder.write("b", utf8("second"))];
  const identityFolder = folder.join("identity");
  await Deno.mkdir(identityFolder);
  const connect = {
    ...{ server: server.address, userName: "Alice", identityFolder },
    onNewServer: () => true,
    timeouts: { responseMs: 20_000 },
  };
  const states: string[] = [];
  const errors: XferError[] = [];
  try {
    for (const outcome of await putAll({ connect, transfer: { retries: 0 }, paths })) {
      states.push(outcome.state);
      if ("error" in outcome) errors.push(outcome.error as XferError);
    }
  } catch (error) {
    assert.ok(error instanceof XferError, `${error}`);
    errors.push(error);
  }
  for (const { message, hint = "", code } of errors) {
    for (const words of [message, hint, code]) assert.equal(words, printable(words));
  }
  return { states, codes: [...new Set(errors.map(({ code }) => code))], packs };
}

const LYING: Readonly<Record<string, readonly [answer: AnswerPack, code: string]>> = {
  "a result too many": [(pack, records) => storing(pack, records + 1), "unexpected-answer"],
  "a result too few": [(pack, records) => storing(pack, records - 1), "unexpected-answer"],
  "no result": [({ tag }) => [{ kind: "packed", tag, bytes: new Uint8Array(0) }], "bad-frame"],
  "a result of an unknown kind": [
    ({ tag }) => [{ kind: "packed", tag, bytes: Uint8Array.of(3) }],
    "bad-frame",
  ],
  "a result that is cut off": [(pack, records) => {
    const [{ bytes }] = storing(pack, records) as [MessageOf<"packed">];
    return [{ kind: "packed", tag: pack.tag, bytes: bytes.subarray(1) }];
  }, "bad-frame"],
  "another answer": [({ tag }) => [{ kind: "done", tag }], "unexpected-answer"],
};

for (const [what, [answer, code]] of Object.entries(LYING)) {
  Deno.test(`attack: a server that answers a pack with ${what}: no file is reported as stored`, async () => {
    const { states, codes } = await put(answer);
    assert.deepEqual(codes, [code]);
    assert.ok(!states.includes("stored"), `${states}`);
  });
}

Deno.test("attack: a server that refuses records with the words of an attacker: nothing reaches the terminal", async () => {
  const { states, codes } = await put(({ tag }, records) => [
    results(tag, (writer) => {
      for (let i = 0; i < records; i++) writer.addRefused(ESCAPE, ESCAPE.repeat(50));
    }),
  ]);
  assert.deepEqual(states, ["not-stored", "not-stored"]);
  assert.deepEqual(codes, ["refused"]);
});

Deno.test("attack: a server that always finds other sums: each file is sent three times", async () => {
  const { states, codes, packs } = await put(({ tag }, records) => [
    results(tag, (writer) => {
      for (let i = 0; i < records; i++) {
        writer.addMismatch({ cksum: 1, digest: new Uint8Array(32) });
      }
    }),
  ]);
  assert.deepEqual([states, codes], [["not-stored", "not-stored"], ["checksum-mismatch"]]);
  assert.equal(packs, 3);
});

Deno.test("v4 packs: if a server refuses a whole pack, each of its files is not stored", async () => {
  const { states, codes } = await put(({ tag }) => [
    { kind: "error", tag, code: "cannot-store", message: "disk full" },
  ]);
  assert.deepEqual([states, codes], [["not-stored", "not-stored"], ["cannot-store"]]);
});

Deno.test("v4 packs: a file whose content was changed on the way is sent again, the others are not", async () => {
  const sent: string[][] = [];
  const { states } = await put(({ tag, bytes }) => {
    const names: string[] = [];
    for (const reader = new PackReader(bytes); reader.next();) names.push(reader.name);
    sent.push(names);
    return [
      results(tag, (writer) => {
        for (const name of names) {
          if (name === "b" && sent.length === 1) {
            writer.addMismatch({ cksum: 1, digest: new Uint8Array(32) });
          } else writer.addStored(1);
        }
      }),
    ];
  });
  assert.deepEqual(states, ["stored", "stored"]);
  assert.deepEqual(sent, [["a", "b"], ["b"]]);
});

/** A file with the content "sound", except for some fields. */
function found(name: string, changes: Partial<FileFields> = {}): FileFields {
  const content = utf8("sound");
  const sums = sumsInPlace(concatBytes(Uint8Array.of(0), content), 1, 1 + content.length);
  return { ...FILE, name, size: content.length, ...sums, ...changes };
}

type WriteContents = (writer: ContentsWriter, names: readonly string[]) => void;

const write = (writer: ContentsWriter, file: FileFields) =>
  void writer.add(file, utf8("sound".slice(0, file.size)));

/** Answers of a server in place of the contents of `d/a` and `d/b`, and the results of the client. */
const CONTENTS: Readonly<
  Record<string, readonly [write: WriteContents, outcome: Record<string, string> | string]>
> = {
  "what was requested": [
    (writer, names) => names.forEach((name) => write(writer, found(name))),
    { "d/a": "got", "d/b": "got" },
  ],
  "a result too many": [(writer, names) => {
    for (const name of [...names, "d/c"]) write(writer, found(name));
  }, "unexpected-answer"],
  "a result too few": [(writer) => write(writer, found("d/a")), "unexpected-answer"],
  "results in another order": [(writer, names) => {
    for (const name of names.toReversed()) write(writer, found(name));
  }, "unexpected-answer"],
  "a name outside the folder": [(writer) => {
    for (const name of ["d/../../evil", "d/b"]) write(writer, found(name));
  }, "unexpected-answer"],
  "a folder instead of a file": [(writer) => {
    write(writer, found("d/a", { entry: "folder" }));
    write(writer, found("d/b"));
  }, { "d/a": "no-such-file", "d/b": "got" }],
  "other sums than the content has, once": [(writer) => {
    write(writer, found("d/a", { cksum: 1 }));
    write(writer, found("d/b", { digest: new Uint8Array(32) }));
  }, { "d/a": "got", "d/b": "got" }],
  "a refusal with the words of an attacker": [(writer) => {
    writer.addRefused(ESCAPE, ESCAPE);
    write(writer, found("d/b"));
  }, { "d/a": "refused", "d/b": "got" }],
};

for (const [what, [write, expected]] of Object.entries(CONTENTS)) {
  testGet(
    `attack: if a server sends ${what} for a fetch, only sound contents are written`,
    [["d/a", "sound"], ["d/b", "sound"]],
    async ({ server, get, root, folder }) => {
      const sound = server.answers;
      server.answers = (message) => {
        if (message?.kind !== "fetch") return sound(message);
        const names: string[] = [];
        for (const reader = new FetchReader(message.bytes); reader.next();) names.push(reader.name);
        const writer = new ContentsWriter();
        write(writer, names);
        return acceptingEveryone(({ tag }) => [
          { kind: "contents", tag, bytes: writer.payload },
          { kind: "done", tag },
        ])(message);
      };
      const outcome = await get().then(
        (outcomes) => outcomes,
        (error: XferError) => error.code,
      );
      const codes = typeof outcome === "string" ? [outcome] : Object.values(outcome);
      if (typeof expected === "string") assert.ok(codes.includes(expected), `${codes}`);
      else assert.deepEqual(outcome, expected);
      assert.ok(codes.every((code) => code === printable(code)));
      for (const name of ["a", "b"]) {
        const content = await Deno.readTextFile(`${root}/${name}`).catch(() => "sound");
        assert.equal(content, "sound");
      }
      const outside = namesIn(folder.path).filter((name) => name !== "root");
      assert.deepEqual(outside, ["identity"]);
    },
  );
}

/** Contents with a layout that is broken, from sound ones. */
const LAYOUTS: Readonly<Record<string, (bytes: Bytes) => Bytes>> = {
  "a size that is one larger": (bytes) => withSize(bytes, 6),
  "a size that is one smaller": (bytes) => withSize(bytes, 4),
  "the largest size": (bytes) => withSize(bytes, 2 ** 53),
  "a content that is cut off": (bytes) => bytes.subarray(0, -1),
  "a status of 1": (bytes) => concatBytes(Uint8Array.of(1), bytes.subarray(1)),
  "no record": () => new Uint8Array(0),
};

/** After status (1), name (2 + 3), version, kind and mode (7). */
const SIZE_AT = 13;

function withSize(bytes: Bytes, size: number): Bytes {
  const changed = bytes.slice();
  new DataView(changed.buffer).setBigUint64(SIZE_AT, BigInt(size), true);
  return changed;
}

for (const [what, change] of Object.entries(LAYOUTS)) {
  testGet(
    `attack: if a server sends contents with ${what}, nothing of them is written`,
    [["d/a", "sound"]],
    async ({ server, get, root }) => {
      const sound = server.answers;
      const writer = new ContentsWriter();
      write(writer, found("d/a"));
      server.answers = (message) =>
        message?.kind !== "fetch" ? sound(message) : acceptingEveryone(({ tag }) => [
          { kind: "contents", tag, bytes: change(writer.payload) },
          { kind: "done", tag },
        ])(message);
      const outcome = await get().then(Object.values, ({ code }: XferError) => [code]);
      assert.deepEqual(outcome, ["bad-frame"]);
      await assert.rejects(Deno.lstat(`${root}/a`), Deno.errors.NotFound);
    },
  );
}
