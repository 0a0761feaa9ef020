/** The record of the files that were stored last. */
import assert from "node:assert/strict";
import { StoredRecord } from "../../../../cli/commands/client/stored_record.ts";
import { DEFAULT_OUTPUT, Reporter } from "../../../../cli/output/reporter.ts";
import { MAX_LAST_STORED, readLastStored } from "../../../../client/identity/upload_history.ts";
import { TemporaryFolder } from "../../../support/temporary_folder.ts";

for (const count of [3, 1000, 2345]) {
  Deno.test(`stored record: of ${count} files, the newest come first, up to ${MAX_LAST_STORED}`, async () => {
    await using folder = await TemporaryFolder.create();
    const server = { hostname: "127.0.0.1", port: 1 };
    const record = new StoredRecord({
      ...{ server, userName: "Alice", file: undefined, secure: false, fingerprint: undefined },
    });
    for (let i = 0; i < count; i++) record.add({ name: `${i}`, size: i, cksum: i });
    await record.keep(folder.path, new Reporter(DEFAULT_OUTPUT));
    const newest = Array.from(
      { length: Math.min(count, MAX_LAST_STORED) },
      (_, i) => count - 1 - i,
    );
    assert.deepEqual((await readLastStored(folder.path)).map(({ size }) => size), newest);
  });
}
