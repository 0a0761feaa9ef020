/**
 * The open uploads of all connections. They are found by client and name, since only the newest of a name can be
 * resumed, and by the id with which other connections of the client join them.
 *
 * @module
 */
import { type Bytes, equalBytes, toHex } from "../../protocol/bytes.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import { comparedForm } from "../../protocol/v4/path_name.ts";
import type { UploadId } from "../blobs/blob_store.ts";

/** The parts of an upload that other uploads of its name and other connections of its client use. */
export interface OpenUpload {
  /** The id with which other connections join. */
  readonly id: Bytes;
  readonly accountId: Bytes;
  readonly request: Pick<MessageOf<"put">, "name">;
  /** In the blob store; `undefined` until it is open. */
  readonly uploadId: UploadId | undefined;
  /** Whether the upload accepts chunks. */
  readonly isReceiving: boolean;
  /** The error of a failed write. */
  readonly failure: unknown;
  /**
   * Writes a chunk and detaches its buffer. Resolves when the write has ended; `failure` says how. A chunk that comes
   * after the end is dropped. Throws `ProtocolError` `bad-frame` for a chunk that does not fit.
   */
  write(data: MessageOf<"chunk">): Promise<void>;
  /** Another connection of the client takes part. Returns `false` if none can. */
  join(): boolean;
  /** The connection no longer takes part. */
  leave(): void;
  /** The client continues on another connection: ends this one, and resolves when the upload is suspended. */
  suspendForSuccessor(): Promise<void>;
  /** Another upload takes the name: this one continues, but can no longer be resumed. Resolves when no checkpoint runs. */
  loseName(): Promise<void>;
}

/** The number of open uploads is bounded by `maxStagedPerClient`. */
export class OpenUploads {
  readonly #open = new Set<OpenUpload>();
  /** Oldest first. Each is suspended for the next one, or loses its name to it. */
  readonly #byName = new Map<string, OpenUpload[]>();
  readonly #byId = new Map<string, OpenUpload>();

  add(upload: OpenUpload): void {
    const key = keyOf(upload);
    this.#open.add(upload);
    this.#byName.set(key, [...this.#byName.get(key) ?? [], upload]);
    this.#byId.set(toHex(upload.id), upload);
  }

  /** The earlier uploads of the same client and name that could be resumed, oldest first. */
  predecessors(upload: OpenUpload): readonly OpenUpload[] {
    const all = this.#byName.get(keyOf(upload)) ?? [];
    return all.slice(0, Math.max(0, all.indexOf(upload)));
  }

  /** Files were stored under names: earlier uploads of these can no longer be resumed. Resolves when no checkpoint runs. */
  async loseNames(accountId: Bytes, names: readonly string[]): Promise<void> {
    if (this.#open.size === 0) return;
    const losing = names.flatMap((name) => [
      ...this.#byName.get(keyOf({ accountId, request: { name } })) ?? [],
    ]);
    await Promise.all(losing.map((upload) => upload.loseName()));
  }

  /** An upload no longer has its name. */
  release(upload: OpenUpload): void {
    const key = keyOf(upload);
    const others = this.#byName.get(key)?.filter((other) => other !== upload) ?? [];
    if (others.length > 0) this.#byName.set(key, others);
    else this.#byName.delete(key);
  }

  remove(upload: OpenUpload): void {
    this.release(upload);
    this.#open.delete(upload);
    this.#byId.delete(toHex(upload.id));
  }

  /** The upload with an id, if it is this client's. */
  find(accountId: Bytes, id: Bytes): OpenUpload | undefined {
    const upload = this.#byId.get(toHex(id));
    return upload !== undefined && equalBytes(upload.accountId, accountId) ? upload : undefined;
  }

  /** Whether an upload of the blob store is being written. */
  isOpen(id: UploadId): boolean {
    for (const upload of this.#open) if (upload.uploadId === id) return true;
    return false;
  }
}

function keyOf(
  { accountId, request: { name } }: Pick<OpenUpload, "accountId" | "request">,
): string {
  return `${toHex(accountId)} ${comparedForm(name)}`;
}
