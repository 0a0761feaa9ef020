/**
 * A file that is being uploaded or downloaded.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import type { TransferDirection, TransferOutcome } from "./traffic.ts";

export interface TransferStart {
  readonly direction: TransferDirection;
  /** The name of the file: not safe to print. */
  readonly name: string;
  /** Bytes; `undefined` if the client does not know it in advance. */
  readonly size: number | undefined;
}

/** The recipient of what a transfer reports. */
export interface TransferObserver {
  /** The time of its start, in milliseconds since the epoch. */
  readonly since: number;
  /** Counts that its bytes are added to. */
  readonly counts: readonly { bytes: number }[];
  /** Called when it is no longer a transfer of its connection. */
  readonly onDetach: () => void;
  readonly onEnd: (outcome: TransferOutcome) => void;
}

export class LiveTransfer {
  readonly direction: TransferDirection;
  /** The name of the file: not safe to print. */
  readonly name: string;
  /** The same, {@link printable}. */
  readonly file: string;
  readonly size: number | undefined;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly #observer: TransferObserver;
  #offset = 0;
  #bytes = 0;
  #isOver = false;

  constructor({ direction, name, size }: TransferStart, observer: TransferObserver) {
    this.direction = direction;
    this.name = name;
    this.file = printable(name);
    this.size = size;
    this.since = observer.since;
    this.#observer = observer;
  }

  /** The bytes that were sent since the transfer began. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The bytes of the file that have arrived, with those from before it was resumed. */
  get progress(): number {
    return this.#offset + this.#bytes;
  }

  /** The transfer begins here, because the bytes before have arrived earlier. */
  continueFrom(offset: number): void {
    this.#offset = offset;
  }

  /** Counts bytes. Called for each chunk, so it does nothing else. */
  add(bytes: number): void {
    this.#bytes += bytes;
    for (const counts of this.#observer.counts) counts.bytes += bytes;
  }

  /** The end of its connection no longer ends it: the client can continue it on another one. */
  detach(): void {
    this.#observer.onDetach();
  }

  /** Later calls have no effect. */
  end(outcome: TransferOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#observer.onDetach();
    this.#observer.onEnd(outcome);
  }
}
