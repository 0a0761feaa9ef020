/**
 * The open uploads of all connections: by client and name, since only the newest of a name can be resumed, and by the id
 * by which other connections of the client join them.
 *
 * @module
 */
import { type Bytes, equalBytes, toHex } from "../../protocol/bytes.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";
import type { UploadId } from "../blobs/blob_store.ts";

/** What other uploads of a name, and other connections of a client, need of an upload. */
export interface OpenUpload {
  /** By which other connections join it. */
  readonly id: Bytes;
  readonly accountId: Bytes;
  readonly request: Pick<MessageOf<"put">, "name">;
  /** In the blob store; `undefined` until it is open. */
  readonly uploadId: UploadId | undefined;
  /** Whether it takes chunks. */
  readonly isReceiving: boolean;
  /** Why a write has failed, if one has. */
  readonly failure: unknown;
  /**
   * Writes a chunk and detaches its buffer. Resolves when the write has ended; `failure` says how. A chunk that comes
   * after the end is dropped. Throws `ProtocolError` `bad-frame` for a chunk that does not fit.
   */
  write(data: MessageOf<"data">): Promise<void>;
  /** Another connection of the client takes part. Returns `false` if none can. */
  join(): boolean;
  /** It no longer does. */
  leave(): void;
  /** The client continues on another connection: ends this one, and resolves when the upload is suspended. */
  suspendForSuccessor(): Promise<void>;
  /** Another upload takes the name: this one continues, but can no longer be resumed. Resolves when no checkpoint runs. */
  loseName(): Promise<void>;
}

/** As many as there are files on their way in, which `maxStagedPerClient` bounds. */
export class OpenUploads {
  readonly #open = new Set<OpenUpload>();
  /** Oldest first: each is suspended for the next, or loses its name to it. */
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

function keyOf({ accountId, request: { name } }: OpenUpload): string {
  return `${toHex(accountId)} ${name}`;
}
