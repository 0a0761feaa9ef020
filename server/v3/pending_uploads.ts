/**
 * Uploads of clients that open a connection for each packet, between two packets.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { decodeTextField } from "../../protocol/v3/text_field.ts";
import type { Response, SendFile } from "../../protocol/v3/messages.ts";
import type { Limits } from "../limits/limits.ts";

/** An upload that expects further packets. */
export interface PendingUpload extends AsyncDisposable {
  /** The request of the first part. */
  readonly request: SendFile;
  /** Whether all parts were accepted so far and more are expected. */
  readonly isOpen: boolean;
  /** Whether a part belongs to the same file. */
  isOf(part: SendFile): boolean;
  /** The end of the connection no longer ends it. */
  detach(): void;
  /** Begins another part, if it belongs to this file. */
  continue(part: SendFile): Promise<void>;
  /** Writes content, which may be changed after the promise resolves. */
  write(content: Bytes): Promise<void>;
  /**
   * Ends a part. Returns the response after the last part, or once for a file that was refused; `undefined` if no
   * response is due.
   */
  endPart(end: SendFile): Promise<Response | undefined>;
}

interface WaitingUpload {
  readonly upload: PendingUpload;
  /** In `Context.ticks`. */
  readonly since: number;
}

export class PendingUploads {
  /** Oldest first. */
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

  /** Takes out the upload that a packet belongs to. */
  take(packet: SendFile): PendingUpload | undefined {
    return this.#takeOut([keyOf(packet)])[0];
  }

  /** Discards uploads that have waited since before `before`. */
  async expire(before: number): Promise<void> {
    const expired = [...this.#uploads].filter(([, { since }]) => since < before);
    await disposeAll(this.#takeOut(expired.map(([key]) => key)));
  }

  /** Takes out all of them at once. Otherwise a packet could resume one while another is being discarded. */
  #takeOut(keys: readonly string[]): PendingUpload[] {
    const uploads: PendingUpload[] = [];
    for (const key of keys) {
      const pending = this.#uploads.get(key);
      if (pending !== undefined) uploads.push(pending.upload);
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
