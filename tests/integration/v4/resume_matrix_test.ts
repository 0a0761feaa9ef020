/**
 * Transfers of protocol 4 that are cut off after some bytes, by every component that can, and resumed: the result
 * equals the source byte for byte.
 */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { getFile } from "../../../client/v4/get_files.ts";
import { putAll } from "../../support/v4/put_all.ts";
import type { V4Event } from "../../../client/events.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { areEqual, pseudoRandomBytes } from "../../support/bytes.ts";
import type { Fault } from "../../support/net/faulty_proxy.ts";
import { SecureProxy } from "../../support/net/tls_proxy.ts";
import { Fixture, got, startServer } from "../../support/v4/fixture.ts";

const CONTENT = pseudoRandomBytes(5 * CHUNK_SIZE + 7);
const SIZE = CONTENT.length;
const PARTS = [0, 1, 1024, CHUNK_SIZE, SIZE - 1, SIZE];
const CUTTERS = ["client", "server", "network"] as const;
const DIRECTIONS = ["put", "get"] as const;
/** More bytes than pass before the transfer that will be cut off starts. */
const GREETING = 2048;

for (const direction of DIRECTIONS) {
  for (const cutter of CUTTERS) {
    Deno.test(`v4: a ${direction} that the ${cutter} cuts off is resumed, wherever it was`, async (t) => {
      for (const part of PARTS) {
        await t.step(`${part} bytes`, () => cutAndGoOn(direction, cutter, part));
      }
    });
  }
}

async function cutAndGoOn(
  direction: typeof DIRECTIONS[number],
  cutter: typeof CUTTERS[number],
  part: number,
): Promise<void> {
  await using fixture = await Fixture.create();
  const source = await fixture.folder.write("a", CONTENT);
  const target = fixture.folder.join("back");
  const options = await fixture.options("Alice");
  if (direction === "get") await store(fixture, source);
  const transfer = { retries: 0 };
  let cut = false;
  const controller = new AbortController();
  let stopping: Promise<void> | undefined;
  const act = () => {
    cut = true;
    if (cutter === "client") controller.abort(new Error("Ctrl-C"));
    if (cutter === "server") stopping = fixture.server.close();
    return cutter === "network";
  };
  {
    // All bytes are sent, and the answer is lost.
    let answerIsLost = false;
    const fault = () => countdown(part, act);
    const answers = (): Fault => (bytes) => answerIsLost ? ["rst"] : [bytes];
    const secure = direction === "get"
      ? { down: fault }
      : part < SIZE
      ? { up: fault }
      : { down: answers };
    await using proxy = await SecureProxy.start(fixture.server, { secure });
    const cutOff = {
      ...{ ...options, server: proxy.address, signal: controller.signal },
      onEvent: (event: V4Event) => {
        if (direction === "put" && part === SIZE && event.type === "progress") {
          if (event.sent === SIZE) answerIsLost = act();
        }
      },
    };
    const first = direction === "put"
      ? putAll({ connect: cutOff, transfer, paths: [source], as: "a" })
      : getFile({ connect: cutOff, transfer, name: "a", target });
    await first.catch(() => undefined);
    assert.ok(cut, "the transfer was cut off");
    await stopping;
  }
  if (cutter === "server") fixture.server = await startServer(fixture.folder.join("data"));
  const again = { ...options, server: fixture.server.address };
  if (direction === "put") {
    const [outcome] = await putAll({ connect: again, transfer, paths: [source], as: "a" });
    assert.ok(outcome?.state === "stored" || outcome?.state === "unchanged");
    using client = await fixture.client("Alice");
    assert.ok(areEqual(await got(client, "a"), CONTENT));
  } else {
    await getFile({ connect: again, transfer, name: "a", target });
    assert.ok(areEqual(await Deno.readFile(target), CONTENT));
    const names = [...Deno.readDirSync(fixture.folder.path)].map(({ name }) => name);
    assert.deepEqual(names.filter((name) => name.startsWith(`.${basename(target)}`)), []);
  }
  assert.deepEqual(fixture.blobs("staging"), []);
  assert.equal(fixture.blobs("files").length, 1);
}

async function store(fixture: Fixture, source: string): Promise<void> {
  const [outcome] = await putAll({
    connect: await fixture.options("Alice"),
    transfer: { retries: 0 },
    paths: [source],
    as: "a",
  });
  assert.equal(outcome?.state, "stored");
}

/** Acts when about this many bytes of a transfer have passed. */
function countdown(part: number, act: () => boolean): Fault {
  let left = part + GREETING;
  return (bytes) => {
    if (left < 0) return [bytes];
    left -= bytes.length;
    if (left >= 0) return [bytes];
    return act() ? [bytes.slice(0, bytes.length + left), "rst"] : [bytes];
  };
}
