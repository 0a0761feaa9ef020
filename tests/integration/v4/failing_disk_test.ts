/** Protocol 4: a disk that fails, and fails again during cleanup. */
import assert from "node:assert/strict";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { FaultySystem } from "../../support/store/faulty_file_system.ts";
import { Fixture, put, startServer } from "../../support/v4/fixture.ts";

const FAILURE = { type: "fail", error: "EIO", when: "before" } as const;

for (const failing of ["write", "sync", "rename"]) {
  Deno.test(`v4: if ${failing} fails and then the removal of the staged file, the client gets the error`, async () => {
    await using fixture = await Fixture.create();
    await fixture.server.close();
    const system = new FaultySystem();
    fixture.server = await startServer(fixture.folder.join("data"), {}, {
      fileSystem: system.fileSystem,
    });
    using client = await fixture.client("Alice", { timeouts: { responseMs: 5000 } });
    const file = await fixture.source("a", pseudoRandomBytes(CHUNK_SIZE + 1));
    system.plan = ({ operation }) => [failing, "remove"].includes(operation) ? FAILURE : undefined;
    assert.deepEqual(await put(client, [{ file }]), ["cannot-store"]);
    system.plan = () => undefined;
    assert.equal(typeof (await put(client, [{ file }]))[0], "number", "the connection stays open");
  });
}
