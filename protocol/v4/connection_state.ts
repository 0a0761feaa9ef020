/**
 * Which message may be sent when on a connection of protocol 4 (docs/protocol-4.md), as the server sees it. Where a chunk goes
 * and which size it has is `ChunkDigests`' to judge, since one file may come on several connections.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import type { Message, MessageKind } from "./messages.ts";

/** How far the client's login has come. */
export type LoginPhase =
  | "asked" // it is asked who it is
  | "named" // it has said by which name it knows the server
  | "claiming" // it wants an account of protocol 3
  | "sealed" // it is asked to show that it can open what was sealed for it
  | "proving" // it has said what there is to say
  | "known"
  | "over"; // the server has said its last word

/** What a tag stands for at a moment. */
export type TagState =
  | "offered" // a put that is to be resumed, and the server has not said from where
  | "receiving" // a put whose data comes
  | "passing" // a put that was refused, whose data is passed over
  | "deciding" // a put that has come whole
  | "joining" // a transfer is to be joined
  | "joined" // a transfer whose data comes here too
  | "leaving" // no more of it comes
  | "looking" // a request with one answer that is no `done`
  | "asking" // any other request
  | "none"; // not in use

/** A tag in one of these takes data, or is about to: there is one at a time. */
const OPEN: readonly TagState[] = ["offered", "receiving", "passing", "joining", "joined"];

type Transitions<State extends string> = Readonly<
  Partial<Record<MessageKind, Readonly<Partial<Record<State, State>>>>>
>;

const REQUEST = { none: "asking" } as const;
const GOES_ON = { asking: "asking" } as const;

/** What the client says once it is known: from which state to which it brings its tag. */
const RECEIVED: Transitions<TagState> = {
  put: { none: "receiving" },
  data: { receiving: "receiving", passing: "passing", joined: "joined" },
  end: { receiving: "deciding", passing: "none" },
  cancel: { offered: "none", receiving: "none", passing: "none" },
  join: { none: "joining" },
  leave: { joined: "leaving" },
  stat: { none: "looking" },
  link: { none: "looking" },
  ...{ get: REQUEST, list: REQUEST, versions: REQUEST, remove: REQUEST, rename: REQUEST },
};

/** The same of what the server says. */
const SENT: Transitions<TagState> = {
  held: { offered: "receiving" },
  stored: { deciding: "none" },
  mismatch: { deciding: "none" },
  done: { joining: "joined", leaving: "none", asking: "none" },
  file: { asking: "asking", looking: "none" },
  ...{ digests: GOES_ON, data: GOES_ON, damaged: GOES_ON },
  token: { looking: "none" },
  error: {
    ...{ offered: "passing", receiving: "passing", deciding: "none" },
    ...{ joining: "none", leaving: "none", looking: "none", asking: "none" },
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
  // A key that has the account by now claims nothing more.
  welcome: { proving: "known", claiming: "known" },
};

/**
 * Which message may come when: tell it what the client sends and what the server answers, and it throws for what is not
 * allowed. Where a chunk belongs in its file is not its concern.
 */
export class ConnectionState {
  readonly #window: number;
  #phase: LoginPhase = "asked";
  readonly #tags = new Map<number, TagState>();
  /** The tag that takes data, or is about to. */
  #open: number | undefined;
  #deciding = 0;

  /** At most `window` puts are unanswered at a time. */
  constructor(window: number) {
    this.#window = window;
  }

  /** How far the login has come. */
  get phase(): LoginPhase {
    return this.#phase;
  }

  /** What a tag stands for. */
  stateOf(tag: number): TagState {
    return this.#tags.get(tag) ?? "none";
  }

  /** Whether data is what comes next. */
  get isReceiving(): boolean {
    return this.#open !== undefined;
  }

  /** Whether a file is on its way, or any request is not answered yet. */
  get isAtWork(): boolean {
    return this.#tags.size > 0;
  }

  /**
   * Throws `ProtocolError` `bad-frame` for data that nobody waits for, before it has come: who is not let in, or has begun
   * no file, is to take no room.
   */
  expect({ kind }: { readonly kind: MessageKind }): void {
    if (kind === "data" && !this.isReceiving) throw outOfPlace(kind, "no file is open");
  }

  /** Takes note of what the client says. Throws `ProtocolError` `bad-frame` where it may not say it now. */
  receive(message: Message): void {
    const { kind, tag } = message;
    if (this.#phase !== "known") {
      const next = LOGIN_RECEIVED[kind]?.[this.#phase];
      if (next === undefined) throw outOfPlace(kind, "it is not known who the client is");
      this.#phase = next;
      return;
    }
    const state = this.stateOf(tag);
    const next = RECEIVED[kind]?.[state];
    if (next === undefined) throw outOfPlace(kind, whyNot(kind, state));
    if (state === "none") this.#refuseNew(kind, tag);
    this.#set(tag, state, message.kind === "put" && message.resume !== 0 ? "offered" : next);
  }

  /** Takes note of what the server says. Throws `RangeError` where it may not: that is its own mistake. */
  send({ kind, tag }: { readonly kind: MessageKind; readonly tag: number }): void {
    if (kind === "error" && tag === 0) {
      this.#phase = "over";
      return;
    }
    if (this.#phase !== "known") {
      const next = LOGIN_SENT[kind]?.[this.#phase];
      if (next === undefined) throw new RangeError(`Cannot say ${kind}: ${this.#phase}`);
      this.#phase = next;
      return;
    }
    const state = this.stateOf(tag);
    const next = SENT[kind]?.[state];
    if (next === undefined) throw new RangeError(`Cannot say ${kind} of what is ${state}`);
    this.#set(tag, state, next);
  }

  /** What is on its way forbids further requests; what has come whole does not. */
  #refuseNew(kind: MessageKind, tag: number): void {
    if (tag === 0) throw outOfPlace(kind, "its tag is 0");
    if (this.#open !== undefined) throw outOfPlace(kind, "the file before has not ended");
    if (kind === "put" && this.#deciding >= this.#window) {
      throw outOfPlace(kind, `${this.#window} puts are not answered`);
    }
  }

  #set(tag: number, before: TagState, state: TagState): void {
    this.#deciding += Number(state === "deciding") - Number(before === "deciding");
    if (OPEN.includes(state)) this.#open = tag;
    else if (this.#open === tag) this.#open = undefined;
    if (state === "none") this.#tags.delete(tag);
    else this.#tags.set(tag, state);
  }
}

function whyNot(kind: MessageKind, state: TagState): string {
  if (LOGIN_RECEIVED[kind] !== undefined) return "it is known who the client is";
  return state === "none" ? "nothing with its tag is open" : `its tag is ${state}`;
}

function outOfPlace(kind: MessageKind, why: string): ProtocolError {
  return new ProtocolError("bad-frame", `Cannot take ${kind}: ${why}`);
}
