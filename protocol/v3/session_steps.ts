/**
 * The steps of a client's session, which its driver carries out, and their results.
 *
 * @module
 */
import type { RequestKind, ResponseKind } from "./editions/edition.ts";
import { NetworkError, ProtocolError, RefusedError } from "../errors.ts";
import { encodeRequest, type Request, type Response } from "./messages.ts";
import { decodeTextField } from "./text_field.ts";
import { printable } from "../printable.ts";
import type { Bytes } from "../bytes.ts";
import type { Part } from "./file_parts.ts";
import type { Profile } from "./server_session.ts";

/** A step for the driver. */
export type Step =
  /** Send these bytes. Resume with `sent`. */
  | { readonly do: "send"; readonly kind: RequestKind; readonly bytes: Bytes }
  /** Send the file's ciphertext in these parts. Resume with `fileSent`. */
  | { readonly do: "sendFile"; readonly parts: Iterable<Part>; readonly attempt: number }
  /** Read a response. Resume with it, with `silence` after `withinMs` milliseconds, or with `closed`. */
  | { readonly do: "receive"; readonly withinMs?: number }
  /** Make this id durable. Resume with `kept`. */
  | { readonly do: "keepIdentity"; readonly clientId: Bytes }
  /** The server no longer knows this id, which will be replaced. Resume with `kept`. */
  | { readonly do: "dropIdentity"; readonly clientId: Bytes }
  /** Unwrap an AES key and use it from now on. Resume with `kept`. */
  | { readonly do: "useKey"; readonly wrappedKey: Bytes }
  /**
   * The checksums of an attempt. Resume with `kept`, or with `zlibCrc` if they differ only because the server's is zlib's
   * CRC-32 of the file.
   */
  | {
    readonly do: "compare";
    readonly attempt: number;
    readonly ours: number;
    readonly theirs: number;
  };

/** The result of a step, with which the driver resumes a session. */
export type StepResult =
  | { readonly type: "sent" }
  | { readonly type: "kept" }
  | { readonly type: "zlibCrc" }
  | {
    readonly type: "fileSent";
    /** cksum of the plaintext that was read. */
    readonly crc: number;
    /** Whether the file changed while it was read. */
    readonly changed: boolean;
  }
  | { readonly type: "response"; readonly response: Response }
  | { readonly type: "silence" }
  | { readonly type: "closed" };

export type ResponseOf<K extends ResponseKind> = Extract<Response, { readonly kind: K }>;

/** A session: yields steps, is resumed with their results, and returns a `T`. */
export type SessionSteps<T> = Generator<Step, T, StepResult>;

export function* send(profile: Profile, request: Request): SessionSteps<void> {
  yield {
    do: "send",
    kind: request.kind,
    bytes: encodeRequest(profile.edition, request, { quirks: profile.quirks }),
  };
}

/** Receives the next response, of one of these kinds. Throws as {@link expectKind} does. */
export function* receive<K extends ResponseKind>(
  ...kinds: readonly K[]
): SessionSteps<ResponseOf<K>> {
  return expectKind(yield { do: "receive" }, kinds);
}

/** Yields a step whose result can be of only one type. */
export function* perform<K extends StepResult["type"]>(
  type: K,
  step: Step,
): SessionSteps<Extract<StepResult, { readonly type: K }>> {
  const answer = yield step;
  if (answer.type !== type) throw new RangeError(`cannot resume ${step.do} with ${answer.type}`);
  return answer as Extract<StepResult, { readonly type: K }>;
}

/**
 * Returns the response in a result, if it is of one of these kinds. Throws `NetworkError`, `RefusedError` or
 * `ProtocolError`.
 */
export function expectKind<K extends ResponseKind>(
  answer: StepResult,
  kinds: readonly K[],
): ResponseOf<K> {
  if (answer.type === "response") {
    const { response } = answer;
    if ((kinds as readonly string[]).includes(response.kind)) {
      return response as ResponseOf<K>;
    }
    if (response.kind === "generalError") throw generalError("the request");
    throw new ProtocolError(
      "unexpected-response",
      `the server answered "${response.kind}", expected ${kinds.join(" or ")}`,
    );
  }
  if (answer.type === "closed") {
    throw new NetworkError(
      "connection-closed",
      "the server closed the connection before it answered",
      {
        hint: "Try again, or ask the operator which edition of protocol 3 the server speaks.",
      },
    );
  }
  throw new NetworkError("response-timeout", "the server did not answer in time", {
    hint: "Check the address, and try again.",
  });
}

/** The text of a field, safe to show. */
export function shown(field: Bytes): string {
  return printable(decodeTextField(field));
}

export function generalError(
  what: string,
  hint = "Ask the operator for the reason, which is in the server's log.",
): RefusedError {
  return new RefusedError("general-error", `the server refused ${what} with a general error`, {
    hint,
  });
}
