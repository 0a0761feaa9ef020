/** Servers whose checksum is zlib's CRC-32 instead of cksum. */
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { cksum } from "../../../protocol/crc/cksum.ts";
import type { V3Event } from "../../../client/events.ts";
import { edition2023a } from "../../../protocol/v3/editions/edition_2023a.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { sendFiles } from "../../../client/v3/send_files.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { correctAnswers, ScriptedV3Server } from "../../support/v3/scripted_server.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { startInThisThread } from "../../support/server.ts";

const CONTENT = pseudoRandomBytes(3_000_000);

async function send(folder: TemporaryFolder, server: ScriptedV3Server) {
  const events: V3Event[] = [];
  const [outcome] = await sendFiles({
    connect: {
      server: server.address,
      userName: "Alice",
      identityFolder: folder.path,
      edition: edition2023a,
      onEvent: (event) => events.push(event),
    },
    retry: { retries: 0 },
    files: [await folder.write("a", CONTENT)],
  });
  const compared = events.filter((event) => event.type === "compared");
  return { outcome, compared: compared.map(({ theirs, zlib }) => ({ theirs, zlib })) };
}

const start = (crc: number) => new ScriptedV3Server(correctAnswers(crc), undefined, edition2023a);

Deno.test("a server's zlib CRC-32 of the file counts as right, is reported, and is remembered as a quirk", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = start(crc32(CONTENT));
  for (let run = 1; run <= 2; run++) {
    const { outcome, compared } = await send(folder, server);
    assert.ok(outcome?.state === "stored", `run ${run}`);
    assert.equal(outcome.crc, cksum(CONTENT), "the reported checksum is the cksum");
    assert.deepEqual(compared, [{ theirs: crc32(CONTENT), zlib: true }]);
    assert.equal(await Deno.readTextFile(folder.join("me.edition")), "2023a zlib-crc\n");
  }
});

Deno.test("a checksum that is neither cksum nor zlib's is wrong, with the quirk or without", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = start(1);
  for (const edition of ["2023a", "2023a zlib-crc"]) {
    await folder.write("me.edition", `${edition}\n`);
    const { outcome, compared } = await send(folder, server);
    assert.ok(outcome?.state === "not-stored" && outcome.error.code === "crc-mismatch");
    assert.deepEqual(compared, Array(4).fill({ theirs: 1, zlib: false }));
  }
});

Deno.test("with the quirk remembered, a server's cksum still counts as right", async () => {
  await using folder = await TemporaryFolder.create();
  await folder.write("me.edition", "2023a zlib-crc\n");
  await folder.write("a", CONTENT);
  await using server = await startInThisThread({
    listen: [{ hostname: "127.0.0.1", port: 0 }],
    dataFolder: folder.join("data"),
  });
  const [outcome] = await sendFiles({
    connect: { server: server.address, userName: "Alice", identityFolder: folder.path },
    files: [folder.join("a")],
  });
  assert.equal(outcome?.state, "stored");
  assert.equal((await listStored(folder.join("data")))[0]?.files.length, 1);
});
