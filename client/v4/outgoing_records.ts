/**
 * The pack and the update that are being made, and those that were sent.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import type { ContentSums } from "../../protocol/v4/content_sums.ts";
import { MAX_BULK } from "../../protocol/v4/messages.ts";
import { PackWriter } from "../../protocol/v4/pack.ts";
import { UpdateWriter } from "../../protocol/v4/update.ts";
import type { StoredAttributes } from "../local/file_metadata.ts";
import { BulkSender, type RecordResult } from "./bulk_sender.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { roomFor } from "./entry_content.ts";
import type { FoundEntry } from "./found_entry.ts";
import type { RemoteFile } from "./remote_file.ts";

/** An entry in a pack or an update. There is one object for each, because thousands wait for their answers. */
export interface SentEntry {
  readonly entry: FoundEntry;
  /** The server's entry of the name. */
  readonly known: RemoteFile | undefined;
  readonly action: "put" | "update";
  /** Of the content, once it is in a pack. */
  cksum: number;
  readonly attempt: number;
  /** Whether entries with later names were placed before it. */
  readonly isLate: boolean;
}

interface OutgoingPack {
  readonly writer: PackWriter;
  readonly items: SentEntry[];
}

export interface OutgoingHandlers {
  /** Called with the entries of a pack before it leaves. */
  readonly onLeave: (items: readonly SentEntry[]) => void;
  readonly onResult: (sent: SentEntry, result: RecordResult) => void;
}

export class OutgoingRecords {
  readonly #pool: () => Promise<ConnectionPool>;
  readonly #handlers: OutgoingHandlers;
  #sender: BulkSender<SentEntry> | undefined;
  #pack: OutgoingPack | undefined;
  #update: { readonly writer: UpdateWriter; readonly items: SentEntry[] } | undefined;
  /** Buffers of packs that were answered. */
  readonly #free: PackWriter[] = [];

  /** `pool` resolves with the connections to use. They may be others after {@link OutgoingRecords.finish}. */
  constructor(pool: () => Promise<ConnectionPool>, handlers: OutgoingHandlers) {
    this.#pool = pool;
    this.#handlers = handlers;
  }

  /** Entries without a result, and whether they were sent. */
  *unanswered(): Generator<readonly [FoundEntry, isSent: boolean]> {
    for (const { items, isSent } of this.#sender?.unanswered ?? []) {
      for (const { entry } of items) yield [entry, isSent];
    }
    const waiting = [...this.#update?.items ?? [], ...this.#pack?.items ?? []];
    for (const { entry } of waiting) yield [entry, false];
  }

  /** Begins an entry of the pack. Returns room for its content; `undefined` if the pack must leave first. */
  begin(entry: FoundEntry): Bytes | undefined {
    this.#pack ??= { writer: this.#free.pop() ?? new PackWriter(MAX_BULK), items: [] };
    return this.#pack.writer.begin(entry.remoteName, roomFor(entry));
  }

  /** Adds the entry that was begun. Returns the sums of its content. */
  add(sent: SentEntry, { mode, mtime }: StoredAttributes): ContentSums {
    const { writer, items } = this.#pack as OutgoingPack;
    const { kind, size } = sent.entry;
    const sums = writer.add({ entry: kind, mode, mtime }, size);
    sent.cksum = sums.cksum;
    items.push(sent);
    return sums;
  }

  /** Adds an entry whose content the server has as `known`. Returns `false` if the update must leave first. */
  addUpdate(entry: FoundEntry, known: RemoteFile, attributes: StoredAttributes): boolean {
    this.#update ??= { writer: new UpdateWriter(), items: [] };
    if (!this.#update.writer.add(known.name, known.version, attributes)) return false;
    const sent = { entry, known, action: "update", cksum: 0, attempt: 1, isLate: false } as const;
    this.#update.items.push(sent);
    return true;
  }

  /** Sends both. Resolves when there is room for more. Throws the error that ends the run. */
  async flush(): Promise<void> {
    if (this.#pack !== undefined && this.#pack.items.length > 0) {
      const sender = await this.#use();
      const { writer, items } = this.#pack;
      this.#pack = undefined;
      this.#handlers.onLeave(items);
      await sender.send({ writer, items, isSent: false });
    }
    await this.flushUpdate();
  }

  /** Sends the update. */
  async flushUpdate(): Promise<void> {
    if (this.#update === undefined) return;
    const sender = await this.#use();
    const { writer, items } = this.#update;
    this.#update = undefined;
    await sender.send({ writer, items, isSent: false });
  }

  /** Sends both, and resolves when everything is answered. Throws the error that ends the run. */
  async drain(): Promise<void> {
    await this.flush();
    await this.#sender?.drain();
  }

  /** Resolves when no answer can come any longer. Never throws. */
  async end(): Promise<void> {
    await this.#sender?.end();
  }

  /** Frees the connections after everything is answered. */
  async finish(): Promise<void> {
    await this.end();
    this.#sender = undefined;
  }

  async #use(): Promise<BulkSender<SentEntry>> {
    return this.#sender ??= new BulkSender<SentEntry>(await this.#pool(), {
      onResult: this.#handlers.onResult,
      onDone: ({ writer }) => {
        if (!(writer instanceof PackWriter)) return;
        writer.reset();
        this.#free.push(writer);
      },
    });
  }
}
