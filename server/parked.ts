/**
 * Files of clients that open a connection for each packet, between one packet and the next.
 *
 * @module
 */
import { decodeTextField, type SendFile, toHex } from "../protocol/mod.ts";
import type { Limits } from "./limits.ts";
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
    const before = this.#uploads.get(key);
    this.#uploads.delete(key);
    this.#uploads.set(key, { upload, since: now });
    await before?.upload[Symbol.asyncDispose]();
    const owner = toHex(upload.request.clientId);
    const own = [...this.#uploads.keys()].filter((other) => other.startsWith(owner));
    const { maxParked, maxParkedPerClient } = this.#limits;
    const surplus = [
      ...own.slice(0, Math.max(0, own.length - maxParkedPerClient)),
      ...[...this.#uploads.keys()].slice(0, Math.max(0, this.#uploads.size - maxParked)),
    ];
    for (const oldest of surplus) {
      const parked = this.#uploads.get(oldest);
      this.#uploads.delete(oldest);
      await parked?.upload[Symbol.asyncDispose]();
    }
  }

  /** Takes out the file that a packet is of. */
  take(packet: SendFile): Upload | undefined {
    const key = keyOf(packet);
    const parked = this.#uploads.get(key);
    this.#uploads.delete(key);
    return parked?.upload;
  }

  /** Drops files that have waited since before a time. */
  async expire(before: number): Promise<void> {
    for (const [key, { upload, since }] of [...this.#uploads]) {
      if (since >= before) continue;
      this.#uploads.delete(key);
      await upload[Symbol.asyncDispose]();
    }
  }
}

function keyOf({ clientId, fileName }: SendFile): string {
  return `${toHex(clientId)} ${decodeTextField(fileName)}`;
}
