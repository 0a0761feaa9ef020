/** Whom the end of an upload waits for. */
import assert from "node:assert/strict";
import { JoinedConnections } from "../../../server/v4/joined_connections.ts";

/** Whether what is waited for has come by now. */
async function hasCome(waiting: Promise<void>): Promise<boolean> {
  const later = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 1));
  return await Promise.race([waiting.then(() => true), later]);
}

Deno.test("joined connections: the end waits until all have left", async () => {
  const joined = new JoinedConnections();
  assert.equal(await hasCome(joined.none()), true);
  joined.join();
  joined.join();
  const none = joined.none();
  joined.leave();
  assert.equal(await hasCome(none), false);
  joined.leave();
  assert.equal(await hasCome(none), true);
});

for (const when of ["while the end waits", "before the end comes"]) {
  Deno.test(`joined connections: abandoned ${when}, they are not waited for`, async () => {
    const joined = new JoinedConnections();
    joined.join();
    const early = when.startsWith("while") ? joined.none() : undefined;
    joined.abandon();
    assert.equal(await hasCome(early ?? joined.none()), true);
    joined.leave();
  });
}
