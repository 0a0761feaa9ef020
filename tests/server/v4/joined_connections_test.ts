/** The end of an upload waits for its joined connections. */
import assert from "node:assert/strict";
import { JoinedConnections } from "../../../server/v4/joined_connections.ts";

/** Whether a promise has resolved by now. */
async function hasResolved(waiting: Promise<void>): Promise<boolean> {
  const later = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 1));
  return await Promise.race([waiting.then(() => true), later]);
}

Deno.test("joined connections: the end waits until all have left", async () => {
  const joined = new JoinedConnections();
  assert.equal(await hasResolved(joined.none()), true);
  joined.join();
  joined.join();
  const none = joined.none();
  joined.leave();
  assert.equal(await hasResolved(none), false);
  joined.leave();
  assert.equal(await hasResolved(none), true);
});

for (const when of ["while the end waits", "before the end comes"]) {
  Deno.test(`joined connections: if abandoned ${when}, they do not delay it`, async () => {
    const joined = new JoinedConnections();
    joined.join();
    const early = when.startsWith("while") ? joined.none() : undefined;
    joined.abandon();
    assert.equal(await hasResolved(early ?? joined.none()), true);
    joined.leave();
  });
}
