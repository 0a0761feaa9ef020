import type { Edition } from "../../../protocol/v3/editions/edition.ts";
import { encodeResponse, type Response } from "../../../protocol/v3/messages.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import { ResponseReader } from "../../../protocol/v3/response_reader.ts";
import type { SessionSteps, Step, StepResult } from "../../../protocol/v3/session_steps.ts";

/** The reaction of a scripted server when a response is due. */
export type Turn = Response | "silence" | "closed";

/**
 * Drives a conversation against a script of responses, without any I/O, and returns the steps it asked for. Every file
 * is read as one with checksum `crc` (of attempt n, if several are given), unchanged. The first `strangeKeys` AES keys
 * can't be unwrapped.
 */
export function drive<T>(
  edition: Edition,
  conversation: SessionSteps<T>,
  script: readonly Turn[],
  { crcs = [0], changed = false, strangeKeys = 0 }: {
    crcs?: readonly number[];
    changed?: boolean;
    strangeKeys?: number;
  } = {},
): { steps: Step[]; result: T } {
  const turns = [...script];
  const steps: Step[] = [];
  let next = conversation.next();
  while (!next.done) {
    const step = next.value;
    steps.push(step);
    const isUnknown = step.do === "useKey" && strangeKeys-- > 0;
    next = isUnknown
      ? conversation.throw(new ProtocolError("bad-wrapped-key", "The key cannot be unwrapped"))
      : conversation.next(answer(step));
  }
  if (turns.length > 0) {
    throw new Error(`The script was not played to its end: ${turns.length} left`);
  }
  return { steps, result: next.value };

  function answer(step: Step): StepResult {
    switch (step.do) {
      case "send":
        return { type: "sent" };
      case "sendFile":
        return { type: "fileSent", crc: crcs[step.attempt - 1] ?? crcs.at(-1) ?? 0, changed };
      case "receive":
        return receive();
      default:
        return { type: "kept" };
    }
  }

  function receive(): StepResult {
    const turn = turns.shift();
    if (turn === undefined) throw new Error("The conversation asks for more than the script has");
    if (turn === "silence" || turn === "closed") return { type: turn };
    const reader = new ResponseReader(edition);
    reader.push(encodeResponse(edition, turn));
    const response = reader.next();
    if (response === undefined) throw new Error("A whole response was not read as one");
    return { type: "response", response };
  }
}

/** The steps in short: sent, received, done. */
export function summary(steps: readonly Step[]): string[] {
  return steps.map((step) => {
    if (step.do === "send") return step.kind;
    if (step.do === "receive") return step.withinMs === undefined ? "receive" : "receive soon";
    return step.do;
  });
}
