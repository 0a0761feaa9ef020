/** The client's wait for its server: a slow one gets its time, one that drips does not. */
import assert from "node:assert/strict";
import { edition2023c } from "../../../protocol/v3/editions/edition_2023c.ts";
import type { NetworkError } from "../../../protocol/errors.ts";
import { ServerConnection } from "../../../client/v3/server_connection.ts";
import { MIN_RATE, ResponseDeadline } from "../../../client/net/response_deadline.ts";

const GRACE = 1000;

/** Time that the test controls. */
function begin() {
  const clock = { now: 5000 };
  return { clock, deadline: new ResponseDeadline(GRACE, () => clock.now) };
}

Deno.test("deadline: silence has its own limit, which starts again after each answer", () => {
  const { clock, deadline } = begin();
  for (let i = 0; i < 5; i++) {
    clock.now += GRACE - 1;
    assert.equal(deadline.left, 1);
    deadline.renew();
  }
  clock.now += GRACE;
  assert.equal(deadline.left, 0);
  assert.equal(deadline.isSilent, true);
});

Deno.test("deadline: at the minimum rate a server has unlimited time, below it its credit runs out", () => {
  for (const [rate, isEnough] of [[MIN_RATE, true], [MIN_RATE - 1, false]] as const) {
    const { clock, deadline } = begin();
    for (let i = 0; i < 2000; i++) {
      clock.now += 1000 / rate;
      deadline.credit(1);
    }
    for (let i = 0; i < 2_000_000 && deadline.left > 0; i++) {
      clock.now += 1000 / rate;
      deadline.credit(1);
    }
    assert.equal(deadline.left > 0, isEnough, `${rate} bytes a second`);
    assert.equal(deadline.isSilent, false);
  }
});

Deno.test("deadline: gigabytes that arrived fast are no credit for dripping", () => {
  const { clock, deadline } = begin();
  deadline.credit(100 * 2 ** 30);
  for (let i = 0; i < 3; i++) {
    clock.now += GRACE / 2;
    deadline.credit(1);
  }
  assert.ok(deadline.left <= 0);
});

Deno.test("deadline: pauses between the messages of one answer are allowed, but not forever", () => {
  const { clock, deadline } = begin();
  let messages = 0;
  for (; deadline.left > 0 && messages < 1000; messages++) {
    clock.now += GRACE - 1;
    deadline.renewFromReserve();
  }
  assert.ok(messages > 20 && messages < 40, `${messages}`);
  deadline.renew();
  clock.now += GRACE - 1;
  deadline.renewFromReserve();
  assert.equal(deadline.left, GRACE, "the next answer has its own time");
});

Deno.test("deadline: the client's own work does not count, even if it does two things at once", () => {
  const { clock, deadline } = begin();
  deadline.pause();
  deadline.pause();
  clock.now += 10 * GRACE;
  deadline.resume();
  clock.now += 10 * GRACE;
  deadline.resume();
  clock.now += GRACE - 1;
  assert.equal(deadline.left, 1);
});

Deno.test("protocol 3: a server that drips is given up, one that is fast enough is not", async () => {
  for (const [taken, isEnough] of [[1, false], [MIN_RATE, true]] as const) {
    const socket = {
      async write(bytes: Uint8Array) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return Math.min(taken, bytes.length);
      },
      read: () => Promise.resolve(null),
      close: () => undefined,
    };
    const profile = { edition: edition2023c, quirks: new Set<never>() };
    using connection = new ServerConnection(
      ...[socket, { hostname: "127.0.0.1", port: 1 }, profile] as const,
      { connectMs: 1, responseMs: 200 },
    );
    const sending = connection.send(new Uint8Array(100 * taken));
    if (isEnough) assert.equal(await sending, true);
    else {
      const failure = await sending.then(() => assert.fail(), (error: NetworkError) => error);
      assert.equal(failure.code, "send-timeout");
      assert.match(failure.message, /less than 1024 bytes per second/);
    }
  }
});
