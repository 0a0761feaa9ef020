/** The last line of an operator's lists. */
import assert from "node:assert/strict";
import { ListTotals } from "../../../cli/text/list_totals.ts";
import { presentation } from "../../../cli/text/presentation.ts";

Deno.test("totals: accounts, files, bytes, and old versions if any were counted", () => {
  const totals = new ListTotals();
  const words = () => totals.words(presentation());
  assert.equal(words(), "No accounts");
  totals.add({ accounts: 1, files: 4, oldVersions: 0 });
  totals.add({ bytes: 2048 });
  assert.equal(words(), "1 account, 4 files (2.0 KiB)");
  totals.add({ accounts: 1, files: 1, oldVersions: 1, bytes: 1024 });
  assert.equal(words(), "2 accounts, 5 files, 1 old version (3.0 KiB)");
});
