/**
 * The order of messages on a connection over protocol 4 (docs/protocol-4.md), from the server's view. `ChunkDigests`
 * checks offsets and sizes of chunks, since one file may arrive on several connections.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import type { FrameHeader, Message, MessageKind } from "./messages.ts";

/** The most unanswered `pack` and `update` of a connection. */
export const MAX_UNANSWERED_PACKS = 16;
/** The most unanswered `fetch` of a connection. */
export const MAX_UNANSWERED_FETCHES = 16;

/**
 * The progress of the sign-in: the server has sent its challenge (`asked`); the client has named the server (`named`),
 * claimed an account of protocol 3 (`claiming`), received the sealed secret (`sealed`), or sent its proof (`proving`);
 * it is signed in (`known`); the server has ended the connection (`over`).
 */
export type LoginPhase = "asked" | "named" | "claiming" | "sealed" | "proving" | "known" | "over";

/**
 * The state of a request. Of a put: `offered` until the server says where to resume, `receiving` its data, `passing`
 * over the data of a refused one, `deciding` once it is complete. Of a transfer on a further connection: `joining`,
 * `joined`, `leaving`. Of a pack or an update: `packing`. Of a `fetch`: `fetching`. Of other requests: `looking` for one
 * answer that is not `done`, or `asking`. `none`: the tag is not in use.
 */
export type TagState =
  | "offered"
  | "receiving"
  | "passing"
  | "deciding"
  | "joining"
  | "joined"
  | "leaving"
  | "packing"
  | "fetching"
  | "looking"
  | "asking"
  | "none";

/** The states in which a tag accepts data, or is about to. Only one tag may be in any of them. */
const OPEN: readonly TagState[] = ["offered", "receiving", "passing", "joining", "joined"];

/** The most tags that may be in a state. That of `deciding` is the window of the connection. */
const MAX_TAGS = { packing: MAX_UNANSWERED_PACKS, fetching: MAX_UNANSWERED_FETCHES } as const;

/** Requests whose payload may be large, and the state of their tags. */
const LARGE_REQUESTS: Readonly<Partial<Record<MessageKind, keyof typeof MAX_TAGS>>> = {
  ...{ pack: "packing", update: "packing", fetch: "fetching" },
};

type Transitions<State extends string> = Readonly<
  Partial<Record<MessageKind, Readonly<Partial<Record<State, State>>>>>
>;

const LOOKUP = { none: "looking" } as const;
const REQUEST = { none: "asking" } as const;
const FOUND = { looking: "none" } as const;
const GOES_ON = { asking: "asking" } as const;

/** Transitions of a tag by messages of a signed-in client: from state to state. */
const RECEIVED: Transitions<TagState> = {
  put: { none: "receiving" },
  chunk: { receiving: "receiving", passing: "passing", joined: "joined" },
  end: { receiving: "deciding", passing: "none" },
  cancel: { offered: "none", receiving: "none", passing: "none" },
  join: { none: "joining" },
  leave: { joined: "leaving" },
  ...{ stat: LOOKUP, link: LOOKUP },
  ...{ remove: LOOKUP, rename: LOOKUP, restore: LOOKUP, usage: LOOKUP },
  ...{ get: REQUEST, list: REQUEST, versions: REQUEST, recheck: REQUEST },
  ...{ pack: { none: "packing" }, update: { none: "packing" }, fetch: { none: "fetching" } },
};

/** Transitions of a tag by messages of the server. */
const SENT: Transitions<TagState> = {
  held: { offered: "receiving" },
  stored: { deciding: "none" },
  mismatch: { receiving: "passing", deciding: "none" },
  done: { joining: "joined", leaving: "none", asking: "none", fetching: "none" },
  file: { asking: "asking", looking: "none" },
  ...{ digests: GOES_ON, entries: GOES_ON },
  // Without bytes, it only says that the server still works.
  data: { ...GOES_ON, looking: "looking" },
  ...{ packed: { packing: "none" }, contents: { fetching: "fetching" } },
  ...{ token: FOUND, changed: FOUND, totals: FOUND },
  error: {
    ...{ offered: "passing", receiving: "passing", deciding: "none" },
    ...{ joining: "none", leaving: "none", looking: "none", asking: "none" },
    ...{ packing: "none", fetching: "none" },
  },
};

const LOGIN_RECEIVED: Transitions<LoginPhase> = {
  host: { asked: "named" },
  register: { asked: "proving", named: "proving" },
  login: { asked: "proving", named: "proving" },
  claim: { asked: "claiming", named: "claiming" },
  unsealed: { sealed: "proving" },
};

const LOGIN_SENT: Transitions<LoginPhase> = {
  challenge: { asked: "asked" },
  sealed: { claiming: "sealed" },
  // A key that already has the account needs no proof.
  welcome: { proving: "known", claiming: "known" },
};

/**
 * Checks the order of messages on one connection. Report every message of the client and every answer of the server; it
 * throws for those that are not allowed.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { ConnectionState } from "@xfer/xfer/protocol/v4";
 *
 * const state = new ConnectionState(64);
 * state.send({ kind: "challenge", tag: 0 });
 * assert.throws(() => state.receive({ kind: "list", tag: 1, prefix: "", scope: "below" }), { code: "bad-frame" });
 * ```
 */
export class ConnectionState {
  readonly #window: number;
  #phase: LoginPhase = "asked";
  readonly #tags = new Map<number, TagState>();
  /** The tag that accepts data, or is about to. */
  #open: number | undefined;
  /** Whether the size of the last put is unknown. */
  #isStream = false;
  /** The number of tags in each state that has a limit. */
  readonly #counts = { deciding: 0, packing: 0, fetching: 0 };

  /** `window`: the most unanswered puts. */
  constructor(window: number) {
    this.#window = window;
  }

  /** The progress of the sign-in. */
  get phase(): LoginPhase {
    return this.#phase;
  }

  /** The state of the request with this tag. */
  stateOf(tag: number): TagState {
    return this.#tags.get(tag) ?? "none";
  }

  /** Whether data of a file may come next. */
  get isReceiving(): boolean {
    return this.#open !== undefined;
  }

  /** Whether data of a file of unknown size may come next, for which the client itself may have to wait. */
  get isStreaming(): boolean {
    return this.#isStream && this.isReceiving;
  }

  /** Whether any request is unanswered. */
  get isAtWork(): boolean {
    return this.#tags.size > 0;
  }

  /**
   * Checks the header of a frame before memory for its payload is allocated. Throws `ProtocolError` `bad-frame` for
   * data without an open file, and for a large request that is not allowed now.
   */
  expect({ kind, tag }: Pick<FrameHeader, "kind" | "tag">): void {
    if (kind === "chunk" && !this.isReceiving) throw outOfPlace(kind, "no file is open");
    if (LARGE_REQUESTS[kind] === undefined) return;
    if (this.#phase !== "known") throw outOfPlace(kind, "the client is not signed in");
    if (this.stateOf(tag) !== "none") throw outOfPlace(kind, whyNot(kind, this.stateOf(tag)));
    this.#refuseNew(kind, tag);
  }

  /** Reports a message of the client. Throws `ProtocolError` `bad-frame` if it is not allowed now. */
  receive(message: Message): void {
    const { kind, tag } = message;
    if (this.#phase !== "known") {
      const next = LOGIN_RECEIVED[kind]?.[this.#phase];
      if (next === undefined) throw outOfPlace(kind, "the client is not signed in");
      this.#phase = next;
      return;
    }
    const state = this.stateOf(tag);
    const next = RECEIVED[kind]?.[state];
    if (next === undefined) throw outOfPlace(kind, whyNot(kind, state));
    if (state === "none") this.#refuseNew(kind, tag);
    if (message.kind === "put" && message.resume !== 0 && message.size === undefined) {
      throw outOfPlace(kind, "an upload of unknown size cannot be resumed");
    }
    if (state === "none") this.#isStream = message.kind === "put" && message.size === undefined;
    this.#set(tag, state, message.kind === "put" && message.resume !== 0 ? "offered" : next);
  }

  /** Reports a message of the server. Throws `RangeError` if it is not allowed now, which is a bug of the server. */
  send({ kind, tag }: { readonly kind: MessageKind; readonly tag: number }): void {
    if (kind === "error" && tag === 0) {
      this.#phase = "over";
      return;
    }
    if (this.#phase !== "known") {
      const next = LOGIN_SENT[kind]?.[this.#phase];
      if (next === undefined) throw new RangeError(`cannot send ${kind}: ${this.#phase}`);
      this.#phase = next;
      return;
    }
    const state = this.stateOf(tag);
    const next = SENT[kind]?.[state];
    if (next === undefined) throw new RangeError(`cannot send ${kind}: its tag is ${state}`);
    this.#set(tag, state, next);
  }

  /** Refuses a new request while a file receives data, or while too many of its kind are unanswered. */
  #refuseNew(kind: MessageKind, tag: number): void {
    if (tag === 0) throw outOfPlace(kind, "its tag is 0");
    if (this.#open !== undefined) throw outOfPlace(kind, "the previous file has not ended");
    const state = kind === "put" ? "deciding" : LARGE_REQUESTS[kind];
    if (state === undefined) return;
    const max = state === "deciding" ? this.#window : MAX_TAGS[state];
    if (this.#counts[state] >= max) throw outOfPlace(kind, `${max} of its kind are unanswered`);
  }

  #set(tag: number, before: TagState, state: TagState): void {
    for (const limited of ["deciding", "packing", "fetching"] as const) {
      this.#counts[limited] += Number(state === limited) - Number(before === limited);
    }
    if (OPEN.includes(state)) this.#open = tag;
    else if (this.#open === tag) this.#open = undefined;
    if (state === "none") this.#tags.delete(tag);
    else this.#tags.set(tag, state);
  }
}

function whyNot(kind: MessageKind, state: TagState): string {
  if (LOGIN_RECEIVED[kind] !== undefined) return "the client is already signed in";
  return state === "none" ? "its tag is not open" : `its tag is ${state}`;
}

function outOfPlace(kind: MessageKind, why: string): ProtocolError {
  return new ProtocolError("bad-frame", `cannot accept ${kind}: ${why}`);
}
