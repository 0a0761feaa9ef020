import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ConnectionState,
  MAX_UNANSWERED_FETCHES,
  MAX_UNANSWERED_PACKS,
} from "../../../protocol/v4/connection_state.ts";
import { FrameReader } from "../../../protocol/v4/frame_reader.ts";
import {
  frameHeader,
  type Message,
  type MessageKind,
  MESSAGES,
} from "../../../protocol/v4/messages.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { ProtocolError } from "../../../protocol/errors.ts";

const WINDOW = 3;

/** `receive`: from the client; `send`: by the server. With `!` the step is not allowed. */
type Step = `${"receive" | "send"} ${string}`;

/** A message whose fields do not matter here. `put+` asks to resume, `put?` has no size, `put?+` both. */
function message(kind: string, tag: number): Message {
  const [plain = "", marks = ""] = kind.split(/(?<=[a-z])(?=[?+])/);
  const size = marks.includes("?") ? undefined : 1;
  return { kind: plain, tag, size, resume: marks.includes("+") ? 1 : 0 } as unknown as Message;
}

function take(conversation: ConnectionState, step: Step): void {
  const [who, what = "", tag = "0"] = step.split(" ");
  const parsed = message(what, Number(tag));
  if (who === "receive") conversation.receive(parsed);
  else conversation.send(parsed);
}

function known(): ConnectionState {
  const conversation = new ConnectionState(WINDOW);
  for (const step of ["send challenge", "receive login", "send welcome"] as const) {
    take(conversation, step);
  }
  return conversation;
}

/** One request each with consecutive tags. */
const ofMany = (kind: MessageKind, tag: number, count: number): Step[] =>
  Array.from({ length: count }, (_, i) => `receive ${kind} ${tag + i}` as const);

const WHOLE: Readonly<Record<string, readonly Step[]>> = {
  "a file": [
    "receive put 1",
    "receive chunk 1",
    "receive chunk 1",
    "receive end 1",
    "send stored 1",
  ],
  "an empty file": ["receive put 1", "receive end 1", "send stored 1"],
  "sums that differ": ["receive put 1", "receive end 1", "send mismatch 1", "receive put 1"],
  "a file that is refused": ["receive put 1", "send error 1", "receive chunk 1", "receive end 1"],
  "one refused that is cancelled": [
    "receive put 1",
    "send error 1",
    "receive chunk 1",
    "receive cancel 1",
  ],
  "a file whose chunk was changed on the way": [
    ...["receive put 1", "receive chunk 1", "send mismatch 1", "receive chunk 1"] as const,
    ...["receive end 1", "receive put 1", "receive end 1", "send stored 1"] as const,
  ],
  "one refused in the end": ["receive put 1", "receive chunk 1", "receive end 1", "send error 1"],
  "a resumed file": [
    "receive put+ 1",
    "send held 1",
    "receive chunk 1",
    "receive end 1",
    "send stored 1",
  ],
  "one started over": [
    "receive put+ 1",
    "send held 1",
    "receive cancel 1",
    "receive put 2",
    "receive end 2",
  ],
  "files without waiting for answers": [
    "receive put 1",
    "receive end 1",
    "receive put 2",
    "send stored 1",
  ],
  "a full window": [
    ...[
      "receive put 1",
      "receive end 1",
      "receive put 2",
      "receive end 2",
      "receive put 3",
    ] as const,
    ...["receive end 3", "send stored 2", "receive put 4", "receive chunk 4"] as const,
  ],
  "a transfer joined": [
    "receive join 1",
    "send done 1",
    "receive chunk 1",
    "receive leave 1",
    "send done 1",
  ],
  "one that does not exist": ["receive join 1", "send error 1", "receive join 2", "send done 2"],
  "one that has ended": ["receive join 1", "send done 1", "receive leave 1", "send error 1"],
  "a get": [
    "receive get 1",
    "send file 1",
    "send digests 1",
    "send data 1",
    "send done 1",
    "receive get 1",
  ],
  "a stat": ["receive stat 1", "send file 1", "receive stat 1", "send error 1"],
  "a file of unknown size": [
    "receive put? 1",
    "receive chunk 1",
    "send error 1",
    "receive chunk 1",
    "receive cancel 1",
  ],
  "an update": ["receive update 1", "send packed 1", "receive update 1", "send error 1"],
  "packs without waiting for answers": [
    ...["receive pack 1", "receive pack 2", "receive update 3", "send packed 2"] as const,
    ...["receive pack 2", "send packed 1", "send packed 2", "send packed 3"] as const,
  ],
  "packs between files that wait for their answers": [
    ...["receive put 1", "receive chunk 1", "receive end 1", "receive pack 2"] as const,
    ...[
      "send packed 2",
      "receive put 2",
      "send stored 1",
      "receive end 2",
      "send stored 2",
    ] as const,
  ],
  "a pack that is refused as a whole": ["receive pack 1", "send error 1", "receive pack 1"],
  "as many packs and fetches as may be unanswered": [
    ...ofMany("pack", 1, MAX_UNANSWERED_PACKS),
    ...ofMany("fetch", 101, MAX_UNANSWERED_FETCHES),
    "send packed 3",
    "receive update 3",
    "send done 102",
    "receive fetch 3000",
  ],
  "fetches": [
    ...["receive fetch 1", "receive fetch 2", "send contents 1", "send contents 1"] as const,
    ...["send done 1", "receive fetch 1", "send error 2", "send done 1"] as const,
  ],
  "a list": ["receive list 1", "send entries 1", "send entries 1", "send done 1"],
  "a removal": ["receive remove 1", "send changed 1", "receive remove 1", "send error 1"],
  "a new name": ["receive rename 1", "send changed 1", "receive rename 1"],
  "a restoration": ["receive restore 1", "send changed 1", "receive restore 1"],
  "a question for the usage": ["receive usage 1", "send totals 1", "receive usage 1"],
  "a link": ["receive link 1", "send token 1", "receive link 1"],
  "requests while files wait for their answers": [
    "receive put 1",
    "receive end 1",
    "receive list 2",
    "send file 2",
  ],
};

for (const [what, steps] of Object.entries(WHOLE)) {
  Deno.test(`conversation: ${what}`, () => {
    const conversation = known();
    for (const step of steps) take(conversation, step);
  });
}

const BROKEN: Readonly<Record<string, readonly Step[]>> = {
  "data without a put": ["receive chunk 1"],
  "data of another tag": ["receive put 1", "receive chunk 2"],
  "data before the offset is known": ["receive put+ 1", "receive chunk 1"],
  "data after the end": ["receive put 1", "receive end 1", "receive chunk 1"],
  "data after a cancel": ["receive put 1", "receive cancel 1", "receive chunk 1"],
  "data before the transfer is joined": ["receive join 1", "receive chunk 1"],
  "data after it was left": ["receive join 1", "send done 1", "receive leave 1", "receive chunk 1"],
  "an end without a put": ["receive end 1"],
  "an end of a joined transfer": ["receive join 1", "send done 1", "receive end 1"],
  "a cancel after the end": ["receive put 1", "receive end 1", "receive cancel 1"],
  "a leave of an own put": ["receive put 1", "receive leave 1"],
  "a put within a file": ["receive put 1", "receive put 2"],
  "a put within a joined transfer": ["receive join 1", "send done 1", "receive put 2"],
  "a join within a file": ["receive put 1", "receive join 2"],
  "a request within a file": ["receive put 1", "receive stat 2"],
  "a tag that is in use": ["receive put 1", "receive end 1", "receive put 1"],
  "the tag 0": ["receive put 0"],
  "resuming an unknown size": ["receive put?+ 1"],
  "a change within a file": ["receive put 1", "receive update 2"],
  "totals of a client": ["receive totals 1"],
  "more than a window": [
    ...["receive put 1", "receive end 1", "receive put 2", "receive end 2"] as const,
    ...["receive put 3", "receive end 3", "receive put 4"] as const,
  ],
  "a pack within a file": ["receive put 1", "receive pack 2"],
  "a fetch within a joined transfer": ["receive join 1", "send done 1", "receive fetch 2"],
  "a pack whose tag is in use": ["receive pack 1", "receive pack 1"],
  "a pack with the tag 0": ["receive pack 0"],
  "more packs than may be unanswered": ofMany("pack", 1, MAX_UNANSWERED_PACKS + 1),
  "more packs and updates together": [
    ...ofMany("update", 1, MAX_UNANSWERED_PACKS),
    "receive pack 1000",
  ],
  "more fetches than may be unanswered": ofMany("fetch", 1, MAX_UNANSWERED_FETCHES + 1),
  "results of a client": ["receive pack 1", "receive packed 1"],
  "a second login": ["receive login"],
  "a server's message": ["receive stored 1"],
};

for (const [what, steps] of Object.entries(BROKEN)) {
  Deno.test(`conversation: ${what} violates the protocol`, () => {
    const conversation = known();
    for (const step of steps.slice(0, -1)) take(conversation, step);
    assert.throws(() => take(conversation, steps.at(-1) as Step), { code: "bad-frame" });
  });
}

const INTRODUCTIONS: readonly (readonly Step[])[] = [
  ["receive register", "send welcome"],
  ["receive login", "send welcome"],
  ["receive host", "receive login", "send welcome"],
  ["receive claim", "send sealed", "receive unsealed", "send welcome"],
];

for (const steps of INTRODUCTIONS) {
  Deno.test(`conversation: ${steps.join(", ")}; nothing else is allowed before`, () => {
    for (let length = 0; length < steps.length; length++) {
      for (const kind of Object.keys(MESSAGES) as MessageKind[]) {
        const next = steps.slice(length).find((step) => step.startsWith("receive"));
        const isFirst = length === 0 || steps[length - 1] === "receive host";
        const isBeginning = isFirst && ["register", "login", "claim"].includes(kind) ||
          length === 0 && kind === "host";
        if (isBeginning || steps[length] === next && next === `receive ${kind}`) continue;
        const conversation = new ConnectionState(WINDOW);
        for (const step of steps.slice(0, length)) take(conversation, step);
        assert.throws(() => take(conversation, `receive ${kind} 1`), { code: "bad-frame" });
      }
    }
    const conversation = new ConnectionState(WINDOW);
    for (const step of ["send challenge", ...steps, "receive put 1"] as const) {
      take(conversation, step);
    }
  });
}

Deno.test("conversation: with any messages in any order, it knows the meaning of each tag", () => {
  const kinds = Object.keys(MESSAGES) as MessageKind[];
  const step = fc.tuple(
    fc.constantFrom("receive", "send"),
    fc.constantFrom(...kinds, "put+", "put?", "put?+"),
    fc.nat({ max: 5 }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const conversation = known();
      // The unanswered messages of each tag, by a simpler model.
      const open = new Set<number>();
      const unanswered = new Set<number>();
      const busy = new Set<number>();
      for (const [who, kind, tag] of steps) {
        if (kind === "error" && tag === 0) continue;
        const before = conversation.stateOf(tag);
        try {
          take(conversation, `${who} ${kind} ${tag}` as Step);
        } catch (error) {
          assert.ok(
            who === "receive" ? error instanceof ProtocolError : error instanceof RangeError,
          );
          assert.equal(
            conversation.stateOf(tag),
            before,
            "a step that is not allowed changes nothing",
          );
          continue;
        }
        const state = conversation.stateOf(tag);
        if (["offered", "receiving", "passing", "joining", "joined"].includes(state)) open.add(tag);
        else open.delete(tag);
        if (state === "deciding") unanswered.add(tag);
        else unanswered.delete(tag);
        if (state === "none") busy.delete(tag);
        else busy.add(tag);
        assert.ok(open.size <= 1, "one file at a time");
        assert.ok(unanswered.size <= WINDOW);
        assert.ok(!open.has(0) && !unanswered.has(0));
        assert.equal(conversation.isReceiving, open.size > 0);
        assert.equal(conversation.isAtWork, busy.size > 0);
        assert.equal(conversation.phase, "known");
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("conversation: it is streaming from a put of unknown size to its end, also while that is refused", () => {
  const steps: readonly [step: Step, isStreaming: boolean][] = [
    ["receive put 1", false],
    ["receive end 1", false],
    ["receive put? 2", true],
    ["receive chunk 2", true],
    ["send stored 1", true],
    ["send error 2", true],
    ["receive cancel 2", false],
    ["receive put? 3", true],
    ["receive end 3", false],
    ["receive join 4", false],
  ];
  const conversation = known();
  for (const [step, isStreaming] of steps) {
    take(conversation, step);
    assert.equal(conversation.isStreaming, isStreaming, step);
  }
});

const EARLY: Readonly<Record<string, readonly Step[]>> = {
  "a pack": ["receive pack 1"],
  "a pack within a file": ["receive put 1", "receive pack 2"],
  "a pack whose tag is in use": ["receive pack 1", "receive pack 1"],
  "more packs than may be unanswered": ofMany("pack", 1, MAX_UNANSWERED_PACKS + 1),
  "more fetches than may be unanswered": ofMany("fetch", 1, MAX_UNANSWERED_FETCHES + 1),
};

for (const [what, steps] of Object.entries(EARLY)) {
  Deno.test(`conversation: ${what} is refused by its header, before memory is allocated`, () => {
    const isSignedIn = steps.length > 1;
    const conversation = isSignedIn ? known() : new ConnectionState(WINDOW);
    const [, kind, tag] = (steps.at(-1) as Step).split(" ");
    const header = frameHeader(kind as MessageKind, Number(tag), CHUNK_SIZE);
    for (const step of steps.slice(0, -1)) take(conversation, step);
    const reader = new FrameReader("client", (header) => conversation.expect(header));
    reader.push(header);
    assert.throws(() => reader.next(), { code: "bad-frame" });
  });
}

Deno.test("conversation: data without a request is refused by its header, before memory is allocated", () => {
  const header = frameHeader("chunk", 1, CHUNK_SIZE);
  for (const conversation of [new ConnectionState(WINDOW), known()]) {
    const reader = new FrameReader("client", (header) => conversation.expect(header));
    reader.push(header);
    assert.throws(() => reader.next(), { code: "bad-frame" });
  }
  const conversation = known();
  take(conversation, "receive put 1");
  const reader = new FrameReader("client", (header) => conversation.expect(header));
  reader.push(header);
  assert.equal(reader.next(), undefined);
});
