/**
 * Files of clients that open a connection for each packet, between one packet and the next.
 *
 * @module
 */
import { decodeTextField, type SendFile, toHex } from "../../protocol/mod.ts";
import type { Limits } from "../limits/limits.ts";
import type { Upload } from "./upload.ts";

interface Parked {
  readonly upload: Upload;
  /** By `Context.ticks`. */
  readonly since: number;
}

export class ParkedUploads {
  /** In order of their parking. */
  readonly #uploads = new Map<string, Parked>();
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  async park(upload: Upload, now: number): Promise<void> {
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
  take(packet: SendFile): Upload | undefined {
    return this.#takeOut([keyOf(packet)])[0];
  }

  /** Drops files that have waited since before a time. */
  async expire(before: number): Promise<void> {
    const expired = [...this.#uploads].filter(([, { since }]) => since < before);
    await disposeAll(this.#takeOut(expired.map(([key]) => key)));
  }

  /** All at once: what is to be dropped is nobody's to take while another one is being dropped. */
  #takeOut(keys: readonly string[]): Upload[] {
    const uploads: Upload[] = [];
    for (const key of keys) {
      const parked = this.#uploads.get(key);
      if (parked !== undefined) uploads.push(parked.upload);
      this.#uploads.delete(key);
    }
    return uploads;
  }
}

async function disposeAll(uploads: readonly Upload[]): Promise<void> {
  for (const upload of uploads) await upload[Symbol.asyncDispose]();
}

function keyOf({ clientId, fileName }: SendFile): string {
  return `${toHex(clientId)} ${decodeTextField(fileName)}`;
}
