/**
 * Uploads that are open, of all connections: by client and name, since only the latest of them is the one to go on with,
 * and by the id by which other connections of the client join them.
 *
 * @module
 */
import { type Bytes, equalBytes, toHex } from "../../protocol/bytes.ts";
import type { MessageOf } from "../../protocol/v4/messages.ts";

/** A file on its way in: what other uploads of its name, and other connections of its client, need of it. */
export interface OpenUpload {
  /** By which other connections join it. */
  readonly id: Bytes;
  readonly clientId: Bytes;
  readonly request: Pick<MessageOf<"put">, "name">;
  /** Of the staged file. */
  readonly path: string | undefined;
  /** Whether it takes chunks. */
  readonly isReceiving: boolean;
  /** What has gone wrong with it since. */
  readonly failure: unknown;
  /**
   * Takes a chunk, which is empty when it is written; resolves then, however that went. What comes when it has ended is
   * dropped. Throws `ProtocolError` `bad-frame` for one that does not fit.
   */
  take(data: MessageOf<"data">): Promise<void>;
  /** Another connection of the client brings chunks of it, or no longer does. */
  join(): void;
  leave(): void;
  /** Its client sends the file on another connection: ends this one, and resolves when all is held. */
  giveWay(): Promise<void>;
  /**
   * Another upload takes its name: this one goes on, but is not held any more. Resolves when nothing is being recorded
   * of it.
   */
  disown(): Promise<void>;
}

/** As many as there are files on their way in, which `maxStagedPerClient` bounds. */
export class OpenUploads {
  readonly #open = new Set<OpenUpload>();
  /** Oldest first: one gives way to the next, or is disowned by it, when that is open. */
  readonly #byName = new Map<string, OpenUpload[]>();
  readonly #byId = new Map<string, OpenUpload>();

  add(upload: OpenUpload): void {
    const key = keyOf(upload);
    this.#open.add(upload);
    this.#byName.set(key, [...this.#byName.get(key) ?? [], upload]);
    this.#byId.set(toHex(upload.id), upload);
  }

  /** Those of its client and name that came before an upload, oldest first, as long as they could be gone on with. */
  predecessors(upload: OpenUpload): readonly OpenUpload[] {
    const all = this.#byName.get(keyOf(upload)) ?? [];
    return all.slice(0, Math.max(0, all.indexOf(upload)));
  }

  /** An upload goes on, but is not the one of its name any more. */
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
  find(clientId: Bytes, id: Bytes): OpenUpload | undefined {
    const upload = this.#byId.get(toHex(id));
    return upload !== undefined && equalBytes(upload.clientId, clientId) ? upload : undefined;
  }

  /** Whether an upload writes to a staged file. */
  isOpen(path: string): boolean {
    for (const upload of this.#open) if (upload.path === path) return true;
    return false;
  }
}

function keyOf({ clientId, request: { name } }: OpenUpload): string {
  return `${toHex(clientId)} ${name}`;
}
