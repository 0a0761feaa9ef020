/**
 * Uploads of clients that open a connection for each packet, between two packets.
 *
 * @module
 */
import { type Bytes, toHex } from "../../protocol/bytes.ts";
import { decodeTextField } from "../../protocol/v3/text_field.ts";
import type { Response, SendFile } from "../../protocol/v3/messages.ts";
import type { LimitedUpload, Limits } from "../limits/limits.ts";
import type { Peer } from "./peer.ts";

/** An upload that expects further packets. */
export interface PendingUpload extends AsyncDisposable {
  /** The request of the first part. */
  readonly request: SendFile;
  /** The upload's account and file, for the log. */
  readonly subject?: LimitedUpload | undefined;
  /** Whether all parts were accepted so far and more are expected. */
  readonly isOpen: boolean;
  /** Whether a part belongs to the same file. */
  isOf(part: SendFile): boolean;
  /** The end of the connection no longer ends it. */
  detach(): void;
  /** Any server can continue it, so that this one counts it no longer. */
  handOver(): void;
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

/** Begins the upload of a file by its first packet. */
export type BeginUpload = (first: SendFile) => Promise<PendingUpload>;

/** Uploads between two packets on different connections. */
export interface UploadsBetweenPackets {
  /** Prepares an upload that begins on a connection for waiting. Returns the upload to continue with. */
  watch(upload: PendingUpload, peer: Pick<Peer, "profile">): PendingUpload;
  /** Keeps an upload until its next packet. If there are too many, discards the oldest, the client's own first. */
  add(upload: PendingUpload, now: number): Promise<void>;
  /** Takes out the upload that a packet belongs to. */
  take(
    packet: SendFile,
    begin: BeginUpload,
  ): PendingUpload | undefined | Promise<PendingUpload | undefined>;
  /** Discards uploads that have waited since before `before`. */
  expire(before: number): Promise<void>;
  /** Discards the uploads that no packet can continue when the server has ended. */
  close(): Promise<void>;
}

interface WaitingUpload {
  readonly upload: PendingUpload;
  /** In `Context.ticks`. */
  readonly since: number;
}

/** The uploads of a server that shares them with no other. */
export class PendingUploads implements UploadsBetweenPackets {
  /** Oldest first. */
  readonly #uploads = new Map<string, WaitingUpload>();
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  watch(upload: PendingUpload): PendingUpload {
    return upload;
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

  take(packet: SendFile): PendingUpload | undefined {
    return this.#takeOut([keyOf(packet)])[0];
  }

  /** Discards all uploads. */
  close(): Promise<void> {
    return this.expire(Infinity);
  }

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
