/** One server, and clients of all editions with the observed quirks, over real sockets. */
import assert from "node:assert/strict";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { DEFAULT_SERVED } from "../../../protocol/v3/editions/mod.ts";
import { edition2022 } from "../../../protocol/v3/editions/edition_2022.ts";
import { edition2023a } from "../../../protocol/v3/editions/edition_2023a.ts";
import { edition2024early } from "../../../protocol/v3/editions/edition_2024early.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import type { Profile } from "../../../protocol/v3/server_session.ts";
import type { Server } from "../../../server/server.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { OBSERVED_PROFILES } from "../../support/v3/observed_profiles.ts";
import { Emulator } from "../../support/v3/emulated_client.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { startInThisThread } from "../../support/server.ts";

/** Sizes around those of blocks, pieces, frames and packets. */
const SIZES = [
  0,
  1,
  15,
  16,
  719,
  720,
  721,
  736,
  1023,
  1024,
  1728,
  1729,
  7900,
  7910,
  7925,
  8000,
  16_000,
  200_000,
];

async function start(folder: TemporaryFolder): Promise<Server> {
  return await startInThisThread({
    listen: [
      { hostname: "127.0.0.1", port: 0, editions: DEFAULT_SERVED },
      { hostname: "127.0.0.1", port: 0, editions: [edition2024early] },
    ],
    dataFolder: folder.join("data"),
  });
}

const addressFor = (server: Server, { edition }: Profile) =>
  server.addresses[edition === edition2024early ? 1 : 0] ?? assert.fail();

for (const [name, profile] of Object.entries(OBSERVED_PROFILES)) {
  Deno.test(`profile ${name}: registers, stores files of all sizes, sends verdicts, reconnects`, async () => {
    await using folder = await TemporaryFolder.create();
    {
      await using server = await start(folder);
      using client = new Emulator(addressFor(server, profile), profile);
      await client.register("Alice");
      for (const size of SIZES) {
        await client.store(`file-${size}`, pseudoRandomBytes(size, size + 1));
      }
      await client.send("again", pseudoRandomBytes(900, 1));
      await client.judge("crcInvalid", "again");
      await client.store("again", pseudoRandomBytes(900, 2));
      await client.send("dropped", pseudoRandomBytes(900, 3));
      await client.judge("crcGivenUp", "dropped");

      const [stored, ...others] = await listStored(folder.join("data"));
      assert.equal(others.length, 0);
      const crcs = Object.fromEntries(stored?.files.map((file) => [file.name, file.crc]) ?? []);
      const expected = Object.fromEntries(
        SIZES.map((size) => [`file-${size}`, cksum(pseudoRandomBytes(size, size + 1))]),
      );
      assert.deepEqual(crcs, { ...expected, again: cksum(pseudoRandomBytes(900, 2)) });
      assert.equal(stored?.storedProfile.edition, profile.edition.name);
      assert.deepEqual(stored?.storedProfile.quirks, [...profile.quirks].sort());
      assert.deepEqual([...Deno.readDirSync(folder.join("data", "staging"))], []);

      // A restarted server knows the quirks from the first byte, so its first answer fits this client.
      await server.close();
      await using later = await start(folder);
      using same = new Emulator(addressFor(later, profile), profile);
      same.clientId = client.clientId;
      if (profile.edition.requests.reconnect === undefined) await same.exchangeKeys("Alice");
      else await same.reconnect("Alice");
      await same.store("later", pseudoRandomBytes(5000));
    }
  });
}

Deno.test("profile: an account of 2024early is served in its edition beside 2023c at one address", async () => {
  await using folder = await TemporaryFolder.create();
  const profile = OBSERVED_PROFILES["2024early"] ?? assert.fail();
  await using server = await startInThisThread({
    listen: [
      { hostname: "127.0.0.1", port: 0, editions: [edition2024early] },
      { hostname: "127.0.0.1", port: 0, editions: [...DEFAULT_SERVED, edition2024early] },
    ],
    dataFolder: folder.join("data"),
  });
  using early = new Emulator(server.address, profile);
  await early.register("Early");
  using same = new Emulator(server.addresses[1] ?? assert.fail(), profile);
  same.clientId = early.clientId;
  await same.reconnect("Early");
  await same.store("a", pseudoRandomBytes(100));
  using other = new Emulator(
    server.addresses[1] ?? assert.fail(),
    OBSERVED_PROFILES["2023c"] ?? assert.fail(),
  );
  await other.register("Other");
  await other.store("b", pseudoRandomBytes(100));
});

Deno.test("profile: framed clients imply the other quirks of their edition, also if 2022 is configured first", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await startInThisThread({
    listen: [{ hostname: "127.0.0.1", port: 0, editions: [edition2022, edition2023a] }],
    dataFolder: folder.join("data"),
  });
  using client = new Emulator(server.address, OBSERVED_PROFILES["2023a-c"] ?? assert.fail());
  await client.register("Alice");
  await client.store("in-pieces", pseudoRandomBytes(2500));
});

Deno.test("profile: a client that opens a connection for each packet is not displaced by another such client", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  const profile = OBSERVED_PROFILES["2024-d"] ?? assert.fail();
  using slow = new Emulator(server.address, profile);
  await slow.register("Slow");
  using greedy = new Emulator(server.address, profile);
  await greedy.register("Greedy");
  const parts = await slow.beginFile("slow.bin", pseudoRandomBytes(1500));
  for (let count = 0; count < 300; count++) {
    await greedy.beginFile(`greedy-${count}`, pseudoRandomBytes(1500));
  }
  const staged = [...Deno.readDirSync(folder.join("data", "staging"))].length;
  assert.ok(staged <= 5, `${staged} files are staged`);
  assert.equal(await slow.sendParts(parts), cksum(pseudoRandomBytes(1500)));
});

Deno.test("profile: CRC invalid in a frame whose zeros arrive late is answered", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  const profile = OBSERVED_PROFILES["2024-d"] ?? assert.fail();
  using client = new Emulator(server.address, profile);
  await client.register("Alice");
  await client.send("a", pseudoRandomBytes(100));
  await client.judge("crcInvalid", "a", { zerosLater: true });
});
