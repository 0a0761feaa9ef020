/** known_answers: the answers to hellos that a client keeps. */
import assert from "node:assert/strict";
import { KNOWN_ANSWERS, KnownAnswers } from "../../../client/identity/known_answers.ts";
import { MAX_SMALL_FILE } from "../../../client/local/read_small_file.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const ONE = { hostname: "files.example.org", port: 1256 };
const OTHER = { hostname: "::1", port: 1256 };

Deno.test("known answers: each address has its last answer, in either case, until it is removed", async () => {
  await using folder = await TemporaryFolder.create();
  const known = new KnownAnswers(folder.path);
  assert.equal(await known.find(ONE), undefined);
  const first = { port: 1257, certificate: pseudoRandomBytes(300, 1) };
  const second = { port: 40_000, certificate: pseudoRandomBytes(300, 2) };
  await known.keep(ONE, first);
  await known.keep(OTHER, second);
  const [found, other] = [await known.find(ONE), await known.find(OTHER)];
  assert.deepEqual([found?.port, found?.certificate], [1257, first.certificate]);
  assert.deepEqual([other?.port, other?.certificate], [40_000, second.certificate]);
  await known.keep({ ...ONE, hostname: "Files.Example.ORG" }, second);
  assert.equal((await known.find(ONE))?.port, 40_000);
  await known.forget(ONE);
  assert.equal(await known.find(ONE), undefined);
  assert.equal((await known.find(OTHER))?.port, 40_000);
});

Deno.test("known answers: a damaged file has no answers and is no error", async () => {
  await using folder = await TemporaryFolder.create();
  const where = "files.example.org:1256";
  for (
    const line of [
      "nonsense",
      `${where} 0 aa`,
      `${where} 65536 aa`,
      `${where} 1257 `,
      `${where} 1257 zz`,
      `${where} 1257 aa surplus`,
      "x".repeat(MAX_SMALL_FILE + 1),
    ]
  ) {
    await folder.write(KNOWN_ANSWERS, `${line}\n`);
    assert.equal(await new KnownAnswers(folder.path).find(ONE), undefined, line.slice(0, 50));
  }
});

Deno.test("known answers: the oldest leave when the file is full, and a folder that cannot be changed is no error", async () => {
  await using folder = await TemporaryFolder.create();
  const known = new KnownAnswers(folder.path);
  for (let port = 1; port <= 40; port++) {
    await known.keep({ hostname: "host", port }, {
      port,
      certificate: pseudoRandomBytes(900, port),
    });
  }
  const text = await Deno.readTextFile(folder.join(KNOWN_ANSWERS));
  assert.ok(text.length <= MAX_SMALL_FILE && text.split("\n").length <= 17);
  assert.equal(await known.find({ hostname: "host", port: 1 }), undefined);
  assert.equal((await known.find({ hostname: "host", port: 40 }))?.port, 40);
  const missing = new KnownAnswers(folder.join("missing"));
  await missing.keep(ONE, { port: 1, certificate: pseudoRandomBytes(9) });
  assert.equal(await missing.find(ONE), undefined);
});
