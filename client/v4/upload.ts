/**
 * Files on their way to the server: several at once, each confirmed when both ends agree on its sums.
 *
 * @module
 */
import { basename } from "node:path";
import {
  type Bytes,
  equalBytes,
  IntegrityError,
  NetworkError,
  printable,
  ProtocolError,
  UnconfirmedError,
} from "../../protocol/mod.ts";
import { ChunkSums } from "../../protocol/v4/chunk_sums.ts";
import { CHUNK_SIZE } from "../../protocol/v4/tree.ts";
import type { SourceFile } from "../source_file.ts";
import { unexpected } from "./exchange.ts";
import type { SecureEvent, Session } from "./session.ts";

/** How often a file is sent in all where the sums differ. */
const ATTEMPTS = 3;

export interface Outgoing {
  readonly file: SourceFile;
  /** On the server; without, the last component of its path. */
  readonly name?: string;
}

/** What came of a file: its checksum, or why it is not stored. */
export type Settle = (file: SourceFile, outcome: number | Error) => void;

export class Upload {
  readonly #session: Session;
  readonly #onEvent: (event: SecureEvent) => void;
  readonly #buffers: [Bytes, Bytes] = [new Uint8Array(CHUNK_SIZE), new Uint8Array(CHUNK_SIZE)];

  constructor(session: Session, onEvent: (event: SecureEvent) => void) {
    this.#session = session;
    this.#onEvent = onEvent;
  }

  /**
   * Sends files one behind the other, the next before the one before is confirmed. `settle` is told of each what came
   * of it: its checksum, or why it is not stored. Throws what ends the connection; files that are not settled then may
   * be sent again.
   */
  async run(files: readonly Outgoing[], settle: Settle): Promise<void> {
    const pending = new Set<Promise<void>>();
    const again: { file: SourceFile; name: string; attempt: number }[] = [];
    let end: unknown;
    const send = async (file: SourceFile, name: string, attempt: number) => {
      while (pending.size >= this.#session.window) await Promise.race(pending);
      if (end !== undefined) throw end;
      this.#onEvent({ type: "sending", file, attempt });
      const { answer } = await this.#send(file, name);
      const answered: Promise<void> = answer.then(
        (cksum) => {
          if (cksum !== undefined) settle(file, cksum);
          else if (attempt < ATTEMPTS) again.push({ file, name, attempt: attempt + 1 });
          else settle(file, neverAgreed(file));
        },
        (error) => {
          // What was sent whole is told of, and ends all like any loss.
          const isUnconfirmed = error instanceof UnconfirmedError;
          if (isUnconfirmed) settle(file, error);
          const cause = isUnconfirmed ? error.cause : error;
          if (cause instanceof NetworkError || cause instanceof ProtocolError) end ??= cause;
          else settle(file, error);
        },
      ).finally(() => pending.delete(answered));
      pending.add(answered);
    };
    try {
      for (const { file, name = basename(file.path) } of files) await send(file, name, 1);
      while (pending.size > 0 || again.length > 0) {
        const next = again.shift();
        if (next === undefined) await Promise.race(pending);
        else await send(next.file, next.name, next.attempt);
      }
    } finally {
      await Promise.all(pending);
    }
    if (end !== undefined) throw end;
  }

  /** Sends one file; resolves, when it is on its way, with what comes of it: `undefined` for a mismatch. */
  async #send(file: SourceFile, name: string): Promise<OnItsWay> {
    const { exchange } = this.#session;
    const tag = exchange.nextTag();
    const { size, mtime } = file;
    const sums = new ChunkSums(size);
    let stored: number | undefined;
    let ended = false;
    let refused: unknown;
    const answered = exchange.answer(tag, (message) => {
      if (message.kind === "mismatch") return true;
      // What it says to have stored is what was sent, or nothing of use.
      const agrees = message.kind === "stored" && ended &&
        message.cksum === sums.sums().cksum && equalBytes(message.digest, sums.sums().digest);
      if (!agrees) throw unexpected(message);
      stored = message.cksum;
      return true;
    }).catch((error) => {
      refused = error;
      throw unconfirmed(error, ended, file);
    });
    answered.catch(() => undefined);
    await exchange.send({ kind: "put", tag, name, size, mtime, resume: 0 });
    try {
      for await (const chunk of file.read(this.#buffers)) {
        if (refused !== undefined) break;
        const offset = sums.held;
        sums.add(offset, chunk);
        await exchange.sendChunk(tag, offset, chunk);
        this.#onEvent({ type: "progress", file, sent: sums.held });
      }
      if (await file.hasChanged()) throw changed(file);
    } catch (error) {
      if (error instanceof NetworkError) throw error;
      await exchange.send({ kind: "cancel", tag });
      return onItsWay(Promise.reject(error));
    }
    if (refused !== undefined) {
      await exchange.send({ kind: "cancel", tag });
    } else {
      ended = true;
      await exchange.send({ kind: "end", tag, ...sums.sums() });
    }
    return onItsWay(answered.then(() => stored));
  }
}

/** In an object, since a promise of a promise is a promise of what that comes to. */
interface OnItsWay {
  readonly answer: Promise<number | undefined>;
}

function onItsWay(answer: Promise<number | undefined>): OnItsWay {
  // It is awaited with the answers of the files behind it.
  answer.catch(() => undefined);
  return { answer };
}

/** What is asked for and not answered may be done. */
function unconfirmed(error: unknown, ended: boolean, file: SourceFile): unknown {
  if (!ended || !(error instanceof NetworkError)) return error;
  return new UnconfirmedError(
    error.code,
    `It is not known whether ${printable(file.path)} is stored: ${error.message}`,
    { cause: error },
  );
}

function neverAgreed(file: SourceFile): IntegrityError {
  return new IntegrityError(
    "checksum-mismatch",
    `The checksums of ${printable(file.path)} differ after ${ATTEMPTS} attempts; it is not stored`,
  );
}

function changed(file: SourceFile): IntegrityError {
  return new IntegrityError(
    "file-changed",
    `${printable(file.path)} was changed while it was sent; it is not stored`,
    { hint: "Send it again when nothing writes to it." },
  );
}
