/** The client in every edition: chosen, remembered, detected. */
import assert from "node:assert/strict";
import type { Address } from "../../../protocol/address.ts";
import type { V3Event } from "../../../client/events.ts";
import { DEFAULT_SERVED, EDITIONS } from "../../../protocol/v3/editions/mod.ts";
import type { Edition } from "../../../protocol/v3/editions/edition.ts";
import { edition2022 } from "../../../protocol/v3/editions/edition_2022.ts";
import { edition2023a } from "../../../protocol/v3/editions/edition_2023a.ts";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import { edition2024 } from "../../../protocol/v3/editions/edition_2024.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { NetworkError } from "../../../protocol/errors.ts";
import type { Quirk } from "../../../protocol/v3/editions/quirks.ts";
import { sendFiles } from "../../../client/v3/send_files.ts";
import type { V3ConnectOptions } from "../../../client/v3/connect_options.ts";
import { detectEdition } from "../../../client/v3/detect_edition.ts";
import { IdentityFolder, parseIdentity } from "../../../client/identity/v3_identity.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { PEERS } from "../../support/v3/fuzz.ts";
import { loadRecordings } from "../../support/v3/recordings.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { startInThisThread } from "../../support/server.ts";

const TIMEOUTS = { connectMs: 5000, responseMs: 5000 };

const start = (folder: TemporaryFolder, editions: readonly Edition[] = DEFAULT_SERVED) =>
  startInThisThread({
    listen: [{ hostname: "127.0.0.1", port: 0, editions }],
    dataFolder: folder.join("data"),
  });

async function send(
  folder: TemporaryFolder,
  server: Address,
  options: Partial<V3ConnectOptions> = {},
) {
  const events: V3Event[] = [];
  const outcomes = await sendFiles({
    connect: {
      server,
      userName: "Alice",
      identityFolder: folder.path,
      onEvent: (event) => events.push(event),
      ...options,
    },
    files: [folder.join("file.bin")],
  });
  for (const outcome of outcomes) if ("error" in outcome) throw outcome.error;
  return events;
}

for (const edition of EDITIONS) {
  Deno.test(`client in ${edition.name}: registers, remembers the edition, reconnects`, async () => {
    await using folder = await TemporaryFolder.create();
    await using server = await start(folder, [edition]);
    await folder.write("file.bin", pseudoRandomBytes(3_000_000));
    await send(folder, server.address, { edition });
    assert.equal(await Deno.readTextFile(folder.join("me.edition")), `${edition.name}\n`);
    await folder.write("file.bin", pseudoRandomBytes(3_000_000, 2));
    await send(folder, server.address);
    const [client] = await listStored(folder.join("data"));
    assert.equal(client?.storedProfile.edition, edition.name);
    assert.equal(client?.files.length, 1);
  });

  Deno.test(`client detects that a server has edition ${edition.name}, and leaves no account behind`, async () => {
    await using folder = await TemporaryFolder.create();
    await using server = await start(folder, [edition]);
    const { edition: found, certain } = await detectEdition(
      { server: server.address, userName: "Alice" },
      undefined,
      TIMEOUTS,
    );
    assert.equal(found.name, edition.name);
    assert.equal(certain, edition.requests.reconnect !== undefined);
    assert.deepEqual(await listStored(folder.join("data")), []);
    await folder.write("file.bin", "content");
    const events = await send(folder, server.address, { edition: "auto" });
    assert.equal(events[0]?.type, "detected");
    assert.equal((await listStored(folder.join("data"))).length, 1);
  });
}

Deno.test("client: detection with an existing identity uses that identity", async () => {
  await using folder = await TemporaryFolder.create();
  await using server = await start(folder);
  await folder.write("file.bin", "content");
  await send(folder, server.address, { edition: edition2024 });
  await Deno.remove(folder.join("me.edition"));
  // The account is of 2024. The server denies in any edition, so the first one that it understands is chosen.
  const events = await send(folder, server.address, { edition: "auto" });
  assert.ok(events.some((event) => event.type === "stored"));
});

Deno.test("client: without a server, detection is an error", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = listener.addr;
  listener.close();
  await assert.rejects(
    detectEdition({ server: { hostname, port }, userName: "Alice" }, undefined, TIMEOUTS),
    NetworkError,
  );
});

const QUIRKS: readonly [Edition, readonly Quirk[]][] = [
  [edition2023c, ["uncounted-content"]],
  [edition2022, ["uncounted-content"]],
  [edition2022, ["empty-crc-payload"]],
  [edition2024, ["packets-1291"]],
  [edition2024, ["packets-65536"]],
  [edition2024, ["headerless-blocks"]],
  [edition2024, ["acknowledged-parts", "frames", "short-key"]],
  [edition2023a, ["frames", "pieces"]],
];

for (const [edition, quirks] of QUIRKS) {
  Deno.test(`client in ${edition.name} with ${quirks}: our server accepts it, and the client remembers it`, async () => {
    await using folder = await TemporaryFolder.create();
    await using server = await start(folder, [edition]);
    await folder.write("file.bin", pseudoRandomBytes(200_000));
    // Frames imply the other quirks of the edition's framed peers.
    const detected = quirks.includes("frames") ? ["frames"] as const : quirks;
    await send(folder, server.address, { edition, quirks: new Set(detected) });
    const saved = (await Deno.readTextFile(folder.join("me.edition"))).trim().split(" ");
    assert.deepEqual(saved.slice(1).sort(), quirks);
    await folder.write("file.bin", pseudoRandomBytes(20_000, 2));
    await send(folder, server.address);
    const [client] = await listStored(folder.join("data"));
    assert.deepEqual(client?.storedProfile.quirks, quirks);
  });
}

Deno.test("client: a file with an unknown edition is refused", async () => {
  await using folder = await TemporaryFolder.create();
  for (const text of ["", "2031", "2024 flying"]) {
    await folder.write("me.edition", text);
    await assert.rejects(new IdentityFolder(folder.path).loadProfile(), {
      name: "ConfigurationError",
      code: "bad-edition-file",
    });
  }
});

Deno.test("client: the identity files of all recorded peers can be read", () => {
  let count = 0;
  for (const { identity, user } of PEERS.flatMap((peer) => loadRecordings(peer))) {
    if (identity === undefined) continue;
    assert.equal(identity.name, user);
    assert.equal(identity.clientId.length, 16);
    count++;
  }
  assert.ok(count > 50);
  assert.throws(() => parseIdentity("Alice\n00\n", "me.info"), { code: "bad-identity" });
});
