/** Protocol 4: blobs damaged during transfers: clients get no wrong byte, and a repeated upload repairs them. */
import assert from "node:assert/strict";
import type { Bytes } from "../../../protocol/bytes.ts";
import { verify } from "../../../server/operator/verify.ts";
import { areEqual, pseudoRandomBytes } from "../../support/bytes.ts";
import { Fixture, got, ON_DISK } from "../../support/v4/fixture.ts";
import { Uploader } from "../../support/v4/raw_client.ts";

const NAMES = ["a", "b", "c"];
const SIZE = 300_000;
const TURNS = 30;
/** Each name has one of two contents. */
const contentOf = (name: string, turn: number) =>
  pseudoRandomBytes(SIZE, 2 * name.charCodeAt(0) + turn % 2);

/** Ways to damage a blob, which may already be missing. */
const DAMAGES: readonly ((path: string) => void)[] = [
  (path) => Deno.removeSync(path),
  (path) => Deno.truncateSync(path, SIZE / 2),
  (path) => {
    using file = Deno.openSync(path, { write: true });
    file.seekSync(SIZE / 3, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array([1, 2, 3, 4, 5]));
  },
];

async function store(alice: Uploader, name: string, content: Bytes): Promise<void> {
  const tag = await alice.begin(content, { name });
  await alice.send(tag, content, 0);
  await alice.end(tag, content);
}

function damage(fixture: Fixture, turn: number): void {
  const blobs = fixture.blobs("files");
  try {
    DAMAGES[turn % DAMAGES.length]?.(blobs[turn % blobs.length] ?? "");
  } catch (error) {
    assert.ok(error instanceof Deno.errors.NotFound, `${error}`);
  }
}

for (const historyMs of [0, Infinity]) {
  Deno.test(`attack: damage races uploads, downloads and verify, ${historyMs > 0 ? "with" : "without"} history: no wrong byte, and a new upload repairs`, async () => {
    await using fixture = await Fixture.create({ ...ON_DISK, historyMs });
    using client = await fixture.client("Alice");
    using alice = await Uploader.login(fixture, "Alice");
    for (const name of NAMES) await store(alice, name, contentOf(name, 0));
    const download = async (name: string) => {
      try {
        const bytes = await got(client, name);
        assert.ok([0, 1].some((turn) => areEqual(bytes, contentOf(name, turn))), name);
        return bytes;
      } catch (error) {
        const { code } = error as { code: string };
        // The upload may have repaired the file before the server checked its copy.
        assert.ok(["damaged", "not-what-was-stored"].includes(code), `${error}`);
        return undefined;
      }
    };
    const downloadAll = async () => {
      for (const name of NAMES) await download(name);
    };
    for (let turn = 0; turn < TURNS; turn++) {
      const name = NAMES[turn % NAMES.length] as string;
      const storing = store(alice, name, contentOf(name, turn));
      damage(fixture, turn);
      const { catalogFaults } = (await Promise.all([
        verify({ dataFolder: fixture.data }),
        downloadAll(),
        storing,
      ]))[0];
      assert.deepEqual(catalogFaults, []);
    }
    for (const name of NAMES) {
      const content = contentOf(name, 0);
      if (await download(name) === undefined) await store(alice, name, content);
      assert.ok(await download(name) !== undefined, `${name} is repaired`);
    }
    assert.deepEqual(fixture.blobs("staging"), []);
    if (historyMs === 0) assert.equal((await verify({ dataFolder: fixture.data })).findings, 0);
  });
}
