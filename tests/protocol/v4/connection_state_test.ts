import assert from "node:assert/strict";
import fc from "fast-check";
import { ConnectionState } from "../../../protocol/v4/connection_state.ts";
import { FrameReader } from "../../../protocol/v4/frame_reader.ts";
import {
  dataHeader,
  FRAME_HEADER_SIZE,
  type Message,
  type MessageKind,
  MESSAGES,
} from "../../../protocol/v4/messages.ts";
import { CHUNK_SIZE } from "../../../protocol/v4/merkle_tree.ts";
import { ProtocolError } from "../../../protocol/errors.ts";

const WINDOW = 3;

/** `hear` is the client, `say` the server. With `!` the step is not allowed. */
type Step = `${"hear" | "say"} ${string}`;

/** A message whose fields do not matter here. `put+` asks to resume. */
function message(kind: string, tag: number): Message {
  const plain = kind.replace("+", "");
  return { kind: plain, tag, resume: kind.endsWith("+") ? 1 : 0 } as unknown as Message;
}

function take(conversation: ConnectionState, step: Step): void {
  const [who, what = "", tag = "0"] = step.split(" ");
  const said = message(what, Number(tag));
  if (who === "hear") conversation.receive(said);
  else conversation.send(said);
}

function known(): ConnectionState {
  const conversation = new ConnectionState(WINDOW);
  for (const step of ["say challenge", "hear login", "say welcome"] as const) {
    take(conversation, step);
  }
  return conversation;
}

const WHOLE: Readonly<Record<string, readonly Step[]>> = {
  "a file": ["hear put 1", "hear data 1", "hear data 1", "hear end 1", "say stored 1"],
  "an empty file": ["hear put 1", "hear end 1", "say stored 1"],
  "sums that differ": ["hear put 1", "hear end 1", "say mismatch 1", "hear put 1"],
  "a file that is refused": ["hear put 1", "say error 1", "hear data 1", "hear end 1"],
  "one refused that is cancelled": ["hear put 1", "say error 1", "hear data 1", "hear cancel 1"],
  "one refused in the end": ["hear put 1", "hear data 1", "hear end 1", "say error 1"],
  "a resumed file": ["hear put+ 1", "say held 1", "hear data 1", "hear end 1", "say stored 1"],
  "one started over": ["hear put+ 1", "say held 1", "hear cancel 1", "hear put 2", "hear end 2"],
  "files without waiting for answers": ["hear put 1", "hear end 1", "hear put 2", "say stored 1"],
  "a full window": [
    ...["hear put 1", "hear end 1", "hear put 2", "hear end 2", "hear put 3"] as const,
    ...["hear end 3", "say stored 2", "hear put 4", "hear data 4"] as const,
  ],
  "a transfer joined": ["hear join 1", "say done 1", "hear data 1", "hear leave 1", "say done 1"],
  "one that does not exist": ["hear join 1", "say error 1", "hear join 2", "say done 2"],
  "one that has ended": ["hear join 1", "say done 1", "hear leave 1", "say error 1"],
  "a get": ["hear get 1", "say file 1", "say digests 1", "say data 1", "say done 1", "hear get 1"],
  "a stat": ["hear stat 1", "say file 1", "hear stat 1", "say error 1"],
  "a link": ["hear link 1", "say token 1", "hear link 1"],
  "requests while files wait for their answers": [
    "hear put 1",
    "hear end 1",
    "hear list 2",
    "say file 2",
  ],
};

for (const [what, steps] of Object.entries(WHOLE)) {
  Deno.test(`conversation: ${what}`, () => {
    const conversation = known();
    for (const step of steps) take(conversation, step);
  });
}

const BROKEN: Readonly<Record<string, readonly Step[]>> = {
  "data without a put": ["hear data 1"],
  "data of another tag": ["hear put 1", "hear data 2"],
  "data before the offset is known": ["hear put+ 1", "hear data 1"],
  "data after the end": ["hear put 1", "hear end 1", "hear data 1"],
  "data after a cancel": ["hear put 1", "hear cancel 1", "hear data 1"],
  "data before the transfer is joined": ["hear join 1", "hear data 1"],
  "data after it was left": ["hear join 1", "say done 1", "hear leave 1", "hear data 1"],
  "an end without a put": ["hear end 1"],
  "an end of a joined transfer": ["hear join 1", "say done 1", "hear end 1"],
  "a cancel after the end": ["hear put 1", "hear end 1", "hear cancel 1"],
  "a leave of an own put": ["hear put 1", "hear leave 1"],
  "a put within a file": ["hear put 1", "hear put 2"],
  "a put within a joined transfer": ["hear join 1", "say done 1", "hear put 2"],
  "a join within a file": ["hear put 1", "hear join 2"],
  "a request within a file": ["hear put 1", "hear stat 2"],
  "a tag that is in use": ["hear put 1", "hear end 1", "hear put 1"],
  "the tag 0": ["hear put 0"],
  "more than a window": [
    ...["hear put 1", "hear end 1", "hear put 2", "hear end 2"] as const,
    ...["hear put 3", "hear end 3", "hear put 4"] as const,
  ],
  "a second login": ["hear login"],
  "a server's message": ["hear stored 1"],
};

for (const [what, steps] of Object.entries(BROKEN)) {
  Deno.test(`conversation: ${what} violates the protocol`, () => {
    const conversation = known();
    for (const step of steps.slice(0, -1)) take(conversation, step);
    assert.throws(() => take(conversation, steps.at(-1) as Step), { code: "bad-frame" });
  });
}

const INTRODUCTIONS: readonly (readonly Step[])[] = [
  ["hear register", "say welcome"],
  ["hear login", "say welcome"],
  ["hear host", "hear login", "say welcome"],
  ["hear claim", "say sealed", "hear unsealed", "say welcome"],
];

for (const steps of INTRODUCTIONS) {
  Deno.test(`conversation: ${steps.join(", ")}; nothing else is allowed before`, () => {
    for (let length = 0; length < steps.length; length++) {
      for (const kind of Object.keys(MESSAGES) as MessageKind[]) {
        const next = steps.slice(length).find((step) => step.startsWith("hear"));
        const isFirst = length === 0 || steps[length - 1] === "hear host";
        const isBeginning = isFirst && ["register", "login", "claim"].includes(kind) ||
          length === 0 && kind === "host";
        if (isBeginning || steps[length] === next && next === `hear ${kind}`) continue;
        const conversation = new ConnectionState(WINDOW);
        for (const step of steps.slice(0, length)) take(conversation, step);
        assert.throws(() => take(conversation, `hear ${kind} 1`), { code: "bad-frame" });
      }
    }
    const conversation = new ConnectionState(WINDOW);
    for (const step of ["say challenge", ...steps, "hear put 1"] as const) {
      take(conversation, step);
    }
  });
}

Deno.test("conversation: with any messages in any order, it knows the meaning of each tag", () => {
  const kinds = Object.keys(MESSAGES) as MessageKind[];
  const step = fc.tuple(
    fc.constantFrom("hear", "say"),
    fc.constantFrom(...kinds, "put+"),
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
          assert.ok(who === "hear" ? error instanceof ProtocolError : error instanceof RangeError);
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

Deno.test("conversation: data without a request is refused by its header, before memory is allocated", () => {
  const header = dataHeader(1, 0, CHUNK_SIZE).slice(0, FRAME_HEADER_SIZE);
  for (const conversation of [new ConnectionState(WINDOW), known()]) {
    const reader = new FrameReader("client", (header) => conversation.expect(header));
    reader.push(header);
    assert.throws(() => reader.next(), { code: "bad-frame" });
  }
  const conversation = known();
  take(conversation, "hear put 1");
  const reader = new FrameReader("client", (header) => conversation.expect(header));
  reader.push(header);
  assert.equal(reader.next(), undefined);
});
