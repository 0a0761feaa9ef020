/** Removing what a mirror no longer has. */
import assert from "node:assert/strict";
import type { ConnectionPool } from "../../../client/v4/connection_pool.ts";
import { removeMissing } from "../../../client/v4/remove_missing.ts";
import { DEFAULT_TIMEOUTS } from "../../../client/net/dial.ts";
import { ScriptedServer } from "../../support/v4/scripted_session.ts";

Deno.test("mirror: removals do not wait for the answers before them, and folders wait for their content", async () => {
  const files = Array.from({ length: 100 }, (_, i) => ({ name: `folder/${i}` }));
  const tags: number[] = [];
  const timeouts = { ...DEFAULT_TIMEOUTS, responseMs: 5000 };
  using server = new ScriptedServer((message, server) => {
    if (message.kind !== "remove") return;
    tags.push(message.tag);
    // The server is far away: all requests for files come before the first answer.
    if (tags.length < files.length) return;
    for (const tag of tags.splice(0)) server.send({ kind: "changed", tag, entries: 1, bytes: 0 });
    tags.length = files.length - 1;
  }, { timeouts });
  const pool = {
    share: (_: unknown, work: (client: unknown) => Promise<void>) => work(server),
    advance: () => undefined,
  };
  const removed: string[] = [];
  await removeMissing(
    pool as unknown as ConnectionPool,
    [...files, { name: "folder" }].map(({ name }) => ({ name, kind: "file" })),
    ({ name }, error) => {
      assert.equal(error, undefined);
      removed.push(name);
    },
  );
  assert.equal(removed.length, files.length + 1);
  assert.equal(removed.at(-1), "folder");
});
