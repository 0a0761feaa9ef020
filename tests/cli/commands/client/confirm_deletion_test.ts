/** The question before a command deletes much. */
import assert from "node:assert/strict";
import { confirm, confirmDeletion } from "../../../../cli/commands/client/confirm_deletion.ts";

const PHOTOS = { place: "photos on the server" };

/** A terminal where somebody answers `answer` to each question; records them. */
function answering(answer: boolean) {
  const asked: string[] = [];
  const run = {
    confirm(question: string) {
      asked.push(question);
      return Promise.resolve(answer);
    },
  };
  return { asked, run };
}

for (
  const [entries, total, asks] of [
    [0, 0, false],
    [0, 1, false],
    [1, 2, false],
    [1, 1, true],
    [2, 3, true],
    [500, 1000, false],
    [501, 1000, true],
    // Others may have changed the folder since it was counted.
    [3, 2, true],
  ] as const
) {
  Deno.test(`deleting ${entries} of ${total} entries ${asks ? "asks" : "does not ask"}`, async () => {
    const { asked, run } = answering(true);
    await confirmDeletion(run, { entries, total, ...PHOTOS }, false);
    assert.equal(asked.length, asks ? 1 : 0);
  });
}

Deno.test("the question says how much would be deleted, and where", async () => {
  const { asked, run } = answering(true);
  await confirmDeletion(run, { entries: 9, total: 12, ...PHOTOS }, false);
  assert.deepEqual(asked, ["Delete 9 of 12 entries in photos on the server?"]);
});

Deno.test("without a yes, the error is a usage error and says what would be deleted", async () => {
  const { run } = answering(false);
  await assert.rejects(confirmDeletion(run, { entries: 9, total: 12, ...PHOTOS }, false), {
    category: "usage",
    code: "not-confirmed",
    message: "not confirmed: this would delete 9 of 12 entries in photos on the server",
  });
});

Deno.test("with --yes, nobody is asked", async () => {
  const { asked, run } = answering(false);
  await confirmDeletion(run, { entries: 9, total: 12, ...PHOTOS }, true);
  await confirm(run, "delete notes.txt forever", true);
  assert.deepEqual(asked, []);
});

Deno.test("names in the question and in the error are escaped", async () => {
  const { asked, run } = answering(false);
  await assert.rejects(confirm(run, "delete a\x1b[2Jb forever", false), {
    message: "not confirmed: this would delete a\\u{1b}[2Jb forever",
  });
  assert.deepEqual(asked, ["Delete a\\u{1b}[2Jb forever?"]);
});
