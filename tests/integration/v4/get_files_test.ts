/** Downloads of several files by a client that cannot connect. */
import assert from "node:assert/strict";
import { getOutcomes } from "../../support/v4/get_outcomes.ts";
import { Fixture } from "../../support/v4/fixture.ts";

Deno.test("get: a user who does not trust the server is asked once, and each file is reported", async () => {
  await using fixture = await Fixture.create();
  let asked = 0;
  const outcomes = await getOutcomes({
    connect: await fixture.options("Alice", {
      onNewServer: () => {
        asked++;
        return false;
      },
    }),
    names: ["a", "b", "c"],
  });
  assert.equal(asked, 1);
  const [first] = outcomes;
  assert.equal(first?.state === "not-got" && first.error.code, "server-not-trusted");
  for (const outcome of outcomes) {
    assert.equal(
      outcome.state === "not-got" && outcome.error,
      first && "error" in first && first.error,
    );
  }
  assert.equal(outcomes.length, 3);
});
