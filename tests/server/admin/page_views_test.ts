/** The views of the operator's page: what is bounded, and names as they are shown. */
import assert from "node:assert/strict";
import { MAX_LISTED, usersView } from "../../../server/admin/page/users_view.ts";
import { userView } from "../../../server/admin/page/user_view.ts";
import type { AccountSummary } from "../../../server/catalog/accounts.ts";
import type { StoredFile } from "../../../server/catalog/files.ts";
import { newInlineId } from "../../../server/catalog/inline_ids.ts";

const session = {
  ...{ name: "page 1", formToken: "token", expiresAt: 1, usedAt: 0 },
  ended: new AbortController().signal,
};
const NOTHING = { files: 0, bytes: 0 };

function account(name: string): AccountSummary {
  return {
    ...{ id: new Uint8Array(16), name, publicKey: undefined, firstSeen: 0, lastSeen: 0 },
    ...{ storedProfile: { edition: "4", quirks: [] }, disabled: false, quota: {}, access: "full" },
    ...{ protocol: 4, keys: 1, usage: NOTHING, history: NOTHING },
  };
}

Deno.test("users: the page lists a bounded number of them, and finds others by a part of their name", async () => {
  const accounts = Array.from({ length: MAX_LISTED + 7 }, (_, i) => account(`User${i}`));
  const listed = async (text: string) => {
    const state = { accounts, text, invitations: [], session, made: undefined };
    const page = `${await usersView(state)}`;
    return { names: page.match(/(?<=href="\/users\/)\w+/g) ?? [], page };
  };
  const { names, page } = await listed("");
  assert.equal(names.length, MAX_LISTED);
  assert.match(page, /And 7 more/);
  assert.deepEqual((await listed(`sER${MAX_LISTED + 6}`)).names, [`User${MAX_LISTED + 6}`]);
});

Deno.test("user: the name of a removed file is shown with its invisible characters, and sent as it is", async () => {
  const name = "a\u200bb.txt";
  const file: StoredFile = {
    ...{ accountId: new Uint8Array(16), name, size: 1, crc: 1, storedAt: 0, verified: true },
    content: { kind: "inline", id: newInlineId() },
  };
  const state = { account: account("Alice"), keys: [], removed: [file], defaults: {}, session };
  const page = `${await userView(state)}`;
  assert.match(page, /value="a\u200bb\.txt"/);
  assert.equal(page.split(name).length, 2, "only the field has it");
  assert.match(page, /a\\u\{200b\}b\.txt/);
});
