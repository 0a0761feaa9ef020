/** Expensive work with several waiting callers. */
import assert from "node:assert/strict";
import { SharedWork } from "../../../server/v4/shared_work.ts";

/** Work that the test ends. */
class SharedWorkFixture {
  readonly begun: string[] = [];
  readonly aborted: string[] = [];
  readonly #ends = new Map<string, () => void>();
  readonly shared: SharedWork<string>;
  /** The number of signals with a listener. */
  listening = 0;

  constructor(max: number) {
    this.shared = new SharedWork(max);
  }

  /** Requests work. `disconnect` aborts the request. */
  ask(
    key: string,
    owner = key,
  ): { readonly done: Promise<string>; readonly disconnect: () => void } {
    let disconnect: (reason: Error) => void = () => undefined;
    const onDisconnect = (listener: typeof disconnect) => {
      disconnect = listener;
      this.listening++;
      return { [Symbol.dispose]: () => void this.listening-- };
    };
    const done = this.shared.do(key, owner, async (signal) => {
      this.begun.push(key);
      signal.addEventListener("abort", () => this.aborted.push(key));
      await new Promise<void>((resolve) => this.#ends.set(key, resolve));
      return `${key} is done`;
    }, onDisconnect);
    done.catch(() => undefined);
    return { done, disconnect: () => disconnect(new Error("it left")) };
  }

  end(key: string): void {
    this.#ends.get(key)?.();
  }
}

/** Lets everything run that waits only for its turn. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("shared work: 200 requests for the same key share one run", async () => {
  const fixture = new SharedWorkFixture(2);
  const asked = Array.from({ length: 200 }, () => fixture.ask("a").done);
  fixture.end("a");
  assert.deepEqual(new Set(await Promise.all(asked)), new Set(["a is done"]));
  assert.deepEqual(fixture.begun, ["a"]);
});

Deno.test("shared work: its parallelism is bounded, one run per owner; the others wait for their turn", async () => {
  const fixture = new SharedWorkFixture(2);
  const asked = [["a1", "A"], ["a2", "A"], ["b", "B"], ["c", "C"]] as const;
  const all = asked.map(([key, owner]) => fixture.ask(key, owner).done);
  assert.deepEqual(fixture.begun, ["a1", "b"]);
  fixture.end("a1");
  await settle();
  assert.deepEqual(fixture.begun, ["a1", "b", "a2"]);
  fixture.end("b");
  await settle();
  fixture.end("a2");
  fixture.end("c");
  assert.equal((await Promise.all(all)).length, 4);
});

Deno.test("shared work: it continues while anybody waits, and is aborted when nobody does", async () => {
  const fixture = new SharedWorkFixture(1);
  const [first, second] = [fixture.ask("a"), fixture.ask("a")];
  const waiting = fixture.ask("b");
  first.disconnect();
  await assert.rejects(first.done, { message: "it left" });
  assert.deepEqual(fixture.aborted, []);
  second.disconnect();
  await assert.rejects(second.done);
  assert.deepEqual(fixture.aborted, ["a"]);
  waiting.disconnect();
  await assert.rejects(waiting.done);
  assert.equal(fixture.shared.queued, 0);
  fixture.end("a");
  await settle();
  assert.deepEqual(fixture.begun, ["a"], "work without a waiting request is not started");
});

Deno.test("shared work: a request for work that is being aborted gets a new run, in its turn", async () => {
  const fixture = new SharedWorkFixture(1);
  const first = fixture.ask("a");
  first.disconnect();
  await assert.rejects(first.done);
  const again = fixture.ask("a");
  assert.deepEqual(fixture.begun, ["a"]);
  fixture.end("a");
  await settle();
  assert.deepEqual(fixture.begun, ["a", "a"]);
  fixture.end("a");
  assert.equal(await again.done, "a is done");
});

Deno.test("shared work: a failure is reported to all who wait, and the next request starts a new run", async () => {
  const shared = new SharedWork<string>(1);
  const never = () => ({ [Symbol.dispose]: () => undefined });
  const fails = () => Promise.reject(new Error("no disk"));
  const asked = [shared.do("a", "A", fails, never), shared.do("a", "A", fails, never)];
  for (const one of asked) await assert.rejects(one, { message: "no disk" });
  assert.equal(await shared.do("a", "A", () => Promise.resolve("done"), never), "done");
});

Deno.test("shared work: an answered or aborted request leaves no listener", async () => {
  const fixture = new SharedWorkFixture(1);
  for (let i = 0; i < 10; i++) {
    const [one, another] = [fixture.ask("a"), fixture.ask("a")];
    assert.equal(fixture.listening, 2);
    another.disconnect();
    await assert.rejects(another.done);
    fixture.end("a");
    await one.done;
    await settle();
  }
  assert.equal(fixture.listening, 0);
});
