/** A catalog that another process has locked cannot be used for the moment. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { reasonOf, UnavailableError } from "../../../../protocol/errors.ts";
import { toError } from "../../../../server/catalog/sqlite/worker_catalog.ts";
import { TemporaryFolder } from "../../../support/temporary_folder.ts";

Deno.test("locked catalog: its error tells clients to try again; any other failure does not", async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.join("catalog.db");
  using holder = new DatabaseSync(path);
  holder.exec("BEGIN EXCLUSIVE");
  using database = new DatabaseSync(path);
  const failure = (sql: string): string => {
    try {
      database.exec(sql);
    } catch (error) {
      return reasonOf(error);
    }
    assert.fail("it did not fail");
  };
  const locked = toError(failure("BEGIN IMMEDIATE"));
  assert.ok(locked instanceof UnavailableError);
  assert.equal(locked.code, "unavailable");
  assert.ok(!(toError(failure("a typing error")) instanceof UnavailableError));
});
