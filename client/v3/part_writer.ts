/**
 * Ciphertext as it comes, cut into the messages of a file.
 *
 * @module
 */
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import type { Part } from "../../protocol/v3/file_parts.ts";

/**
 * Bytes of content that go out in one write with a header, at most; and with the end of a message, at least, where it
 * has so many. More would be copied for nothing.
 */
const TOGETHER = 64 * 1024;

export interface PartSink {
  /** Sends bytes in one write. `false` where they are not taken any more. */
  send(bytes: Bytes): Promise<boolean>;
  /** Comes before each part but the first that has a header. `false` where it is not to be sent any more. */
  nextPart(): Promise<boolean>;
}

export class PartWriter {
  readonly #parts: Iterator<Part>;
  readonly #sink: PartSink;
  /** Ciphertext of the part that is not written yet, in bytes. */
  #left = 0;
  #padding = 0;
  #count = 0;
  /** What is not sent before the end of its message is here too. */
  #held: Bytes[] = [];

  constructor(parts: Iterable<Part>, sink: PartSink) {
    this.#parts = parts[Symbol.iterator]();
    this.#sink = sink;
  }

  /**
   * Writes ciphertext. A message that is small leaves in one write, and so do the beginning and the end of a large one:
   * some servers take what one read gives for the whole message. `false` where the sink takes no more.
   */
  async write(ciphertext: Bytes): Promise<boolean> {
    for (let done = 0; done < ciphertext.length;) {
      const pieces = this.#held.splice(0);
      let room = this.#left;
      if (room === 0) {
        const head = this.#begin();
        const further = this.#count > 1 && head.length > 0;
        if (further && !(await this.#sink.nextPart())) return false;
        pieces.push(head);
        // What would be left behind the beginning goes with it where it is no more.
        room = this.#left > 2 * TOGETHER ? TOGETHER : this.#left;
      }
      const content = ciphertext.subarray(done, done + room);
      done += content.length;
      this.#left -= content.length;
      const isWaitedFor = done === ciphertext.length && this.#left > 0 && this.#left < TOGETHER;
      const now = isWaitedFor ? content.subarray(0, -TOGETHER) : content;
      // The caller may use the bytes for something else.
      if (isWaitedFor) this.#held.push(content.slice(now.length));
      if (now.length > 0) pieces.push(now);
      else this.#held.unshift(...pieces.splice(0));
      if (this.#left === 0 && this.#padding > 0) pieces.push(new Uint8Array(this.#padding));
      const [first, ...others] = pieces;
      if (first === undefined) continue;
      const bytes = others.length === 0 ? first : concatBytes(...pieces);
      if (!(await this.#sink.send(bytes))) return false;
    }
    return true;
  }

  /** Enters the next part and returns its header. */
  #begin(): Bytes {
    const next = this.#parts.next();
    if (next.done) throw new RangeError("Cannot write: the parts have no room for more");
    const { head, content, padding } = next.value;
    this.#count++;
    this.#left = content;
    this.#padding = padding;
    return head;
  }
}
