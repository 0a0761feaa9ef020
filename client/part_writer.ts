/**
 * Ciphertext as it comes, cut into the messages of a file.
 *
 * @module
 */
import { type Bytes, concatBytes, type Part } from "../protocol/mod.ts";

/** Bytes of content that go out in one write with a header, at most: more would be copied for nothing. */
const BEGINNING = 64 * 1024;

export interface Sink {
  /** Sends bytes in one write. `false` where they are not taken any more. */
  send(bytes: Bytes): Promise<boolean>;
  /** Comes before each part but the first that has a header. `false` where it is not to be sent any more. */
  nextPart(): Promise<boolean>;
}

export class PartWriter {
  readonly #parts: Iterator<Part>;
  readonly #sink: Sink;
  /** Ciphertext of the part that is not written yet, in bytes. */
  #left = 0;
  #padding = 0;
  #count = 0;

  constructor(parts: Iterable<Part>, sink: Sink) {
    this.#parts = parts[Symbol.iterator]();
    this.#sink = sink;
  }

  /**
   * Writes ciphertext. A part's header begins in one write with its content, and its padding ends in one: some servers
   * take what one read gives for the whole message. `false` where the sink takes no more.
   */
  async write(ciphertext: Bytes): Promise<boolean> {
    for (let done = 0; done < ciphertext.length;) {
      const pieces: Bytes[] = [];
      if (this.#left === 0) {
        const head = this.#begin();
        const further = this.#count > 1 && head.length > 0;
        if (further && !(await this.#sink.nextPart())) return false;
        pieces.push(head);
      }
      const room = pieces.length > 0 ? Math.min(this.#left, BEGINNING) : this.#left;
      const content = ciphertext.subarray(done, done + room);
      pieces.push(content);
      done += content.length;
      this.#left -= content.length;
      if (this.#left === 0 && this.#padding > 0) pieces.push(new Uint8Array(this.#padding));
      const bytes = pieces.length === 1 ? content : concatBytes(...pieces);
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
