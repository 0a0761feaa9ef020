/**
 * Files of clients that open a connection for each packet, between one packet and the next.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { decodeTextField } from "../../protocol/v3/text_field.ts";
import type { Response, SendFile } from "../../protocol/v3/messages.ts";
import type { Limits } from "../limits/limits.ts";

/** A file on its way in, of which further packets are to come. */
export interface PendingUpload extends AsyncDisposable {
  /** That of the first part. */
  readonly request: SendFile;
  /** Whether its parts so far were taken, and more of them are to come. */
  readonly isOpen: boolean;
  /** Whether a part is of the same file as the ones before. */
  isOf(part: SendFile): boolean;
  /** Begins a further part, if it is one of this file. */
  continue(part: SendFile): Promise<void>;
  /** Takes content; the bytes may change when the promise resolves. */
  write(content: Bytes): Promise<void>;
  /**
   * Ends a part. Returns the response: to the file after its last part, or to one that can't be taken, which is said
   * once; `undefined` where there is nothing to say of the file yet.
   */
  endPart(end: SendFile): Promise<Response | undefined>;
}

interface WaitingUpload {
  readonly upload: PendingUpload;
  /** By `Context.ticks`. */
  readonly since: number;
}

export class PendingUploads {
  /** In order of their parking. */
  readonly #uploads = new Map<string, WaitingUpload>();
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  async add(upload: PendingUpload, now: number): Promise<void> {
    const key = keyOf(upload.request);
    const dropped = this.#takeOut([key]);
    this.#uploads.set(key, { upload, since: now });
    const owner = toHex(upload.request.clientId);
    const own = [...this.#uploads.keys()].filter((other) => other.startsWith(owner));
    const { maxParked, maxParkedPerClient } = this.#limits;
    const surplus = [
      ...own.slice(0, Math.max(0, own.length - maxParkedPerClient)),
      ...[...this.#uploads.keys()].slice(0, Math.max(0, this.#uploads.size - maxParked)),
    ];
    await disposeAll([...dropped, ...this.#takeOut(surplus)]);
  }

  /** Takes out the file that a packet is of. */
  take(packet: SendFile): PendingUpload | undefined {
    return this.#takeOut([keyOf(packet)])[0];
  }

  /** Drops files that have waited since before a time. */
  async expire(before: number): Promise<void> {
    const expired = [...this.#uploads].filter(([, { since }]) => since < before);
    await disposeAll(this.#takeOut(expired.map(([key]) => key)));
  }

  /** All at once: what is to be dropped is nobody's to take while another one is being dropped. */
  #takeOut(keys: readonly string[]): PendingUpload[] {
    const uploads: PendingUpload[] = [];
    for (const key of keys) {
      const parked = this.#uploads.get(key);
      if (parked !== undefined) uploads.push(parked.upload);
      this.#uploads.delete(key);
    }
    return uploads;
  }
}

async function disposeAll(uploads: readonly PendingUpload[]): Promise<void> {
  for (const upload of uploads) await upload[Symbol.asyncDispose]();
}

function keyOf({ clientId, fileName }: SendFile): string {
  return `${toHex(clientId)} ${decodeTextField(fileName)}`;
}
