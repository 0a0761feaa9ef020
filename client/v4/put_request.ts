/**
 * The messages of one upload on one connection: `put`, `end` or `cancel`, and the server's answers.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { IntegrityError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { type FileDigests, haveSameSums } from "../../protocol/v4/chunk_digests.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import { unexpected } from "./errors.ts";
import type { RequestMux } from "./request_mux.ts";

/** The version that the server has stored. */
export interface StoredVersion {
  /** The POSIX cksum that both ends agree on. */
  readonly cksum: number;
  /** The digest of the content, on which they agree too. */
  readonly digest: Bytes;
  readonly version: number;
  /** The version that it replaced, if another machine had stored that one. */
  readonly replacedOther: number | undefined;
}

/** The result of an upload; `undefined` if the checksums differ. */
export type PutResult = StoredVersion | undefined;

/** An entry to upload, in the words of `put`. */
export type PutFields = Omit<MessageOf<"put">, "kind" | "tag" | "resume"> & {
  /** On this machine, for errors. */
  readonly path: string;
};

export class PutRequest {
  readonly tag: number;
  /** Rejects with `RefusedError`, `NetworkError`, `ProtocolError`, or `IntegrityError` `stored-otherwise`. */
  readonly result: Promise<PutResult>;
  readonly #mux: RequestMux;
  readonly #fields: PutFields;
  #onAnswer: ((answer: MessageOf<"held">) => void) | undefined;
  /** The digests that the server was asked to compare with. */
  #sums: FileDigests | undefined;
  #refusal: unknown;
  #isOver = false;

  constructor(mux: RequestMux, fields: PutFields) {
    this.#mux = mux;
    this.#fields = fields;
    this.tag = mux.nextTag();
    let stored: PutResult;
    this.result = mux.answer(this.tag, (message) => {
      if (message.kind === "held" && this.#onAnswer !== undefined) {
        this.#onAnswer(message);
        this.#onAnswer = undefined;
        return false;
      }
      if (message.kind === "stored" && this.#sums !== undefined) {
        if (!haveSameSums(message, this.#sums)) throw storedOtherwise(fields.path);
        const { cksum, digest, version, replaced, byOther } = message;
        stored = { cksum, digest, version, replacedOther: byOther === 1 ? replaced : undefined };
      } else if (message.kind !== "mismatch") throw unexpected(message);
      return true;
    }).then(() => stored, (error) => {
      this.#refusal = error;
      throw error;
    }).finally(() => this.#isOver = true);
    // The promise is awaited later. Until then, a rejection must not count as unhandled.
    this.result.catch(() => undefined);
  }

  /** Why the server accepts no more of the file, if it has refused. */
  get refusal(): unknown {
    return this.#refusal;
  }

  /** Whether the server accepts no more of the file: it was refused, or a chunk was changed on the way. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** With `resume` 0, the server discards the part of an earlier upload. */
  put(resume: 0 | 1): Promise<void> {
    const { name, entry, mode, mtime, size } = this.#fields;
    const fields = { name, entry, mode, mtime, size };
    return this.#mux.send({ kind: "put", tag: this.tag, ...fields, resume });
  }

  /** Asks for the part of the file that the server has, to resume it. */
  async resume(): Promise<MessageOf<"held">> {
    const answer = new Promise<MessageOf<"held">>((resolve) => this.#onAnswer = resolve);
    const refused = this.result.then(() => {
      throw unexpected({ kind: "stored" });
    });
    // If the put fails, nobody awaits it: its failure must not count as unhandled.
    refused.catch(() => undefined);
    try {
      await this.put(1);
      return await Promise.race([answer, refused]);
    } catch (error) {
      await this.cancel(); // a refused request must still be ended
      throw error;
    }
  }

  async end(sums: FileDigests): Promise<void> {
    this.#sums = sums;
    await this.#mux.send({ kind: "end", tag: this.tag, ...sums });
  }

  /**
   * Asks the server to discard what it received. `result` then never resolves. Never throws, because a lost connection
   * has the same effect.
   */
  async cancel(): Promise<void> {
    this.#mux.forget(this.tag);
    await this.#mux.send({ kind: "cancel", tag: this.tag }).catch(() => undefined);
  }
}

/** The server claims to have stored other checksums than those it was asked to compare with, so it is faulty. */
function storedOtherwise(path: string): IntegrityError {
  return new IntegrityError(
    "stored-otherwise",
    `the server stored ${printable(path)} with other checksums than the client sent`,
    { hint: "Inform the server's operator, and download the file to check its content." },
  );
}
