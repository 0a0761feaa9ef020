/** Connections to a server that exists only in memory: it has given entries, and answers packs and updates. */
import type { V4Client } from "../../../client/v4/client.ts";
import type { ConnectionPool } from "../../../client/v4/connection_pool.ts";
import { compareNames, type ListOptions, type TakeFile } from "../../../client/v4/listing.ts";
import type { RemoteFile } from "../../../client/v4/remote_file.ts";
import { GracefulAbort } from "../../../client/net/graceful_abort.ts";
import { RefusedError } from "../../../protocol/errors.ts";
import type { MessageOf } from "../../../protocol/v4/messages.ts";
import { PackReader, PackWriter } from "../../../protocol/v4/pack.ts";
import { PackedWriter } from "../../../protocol/v4/packed.ts";
import type { RecordWriter } from "../../../protocol/v4/record_writer.ts";
import { UpdateReader } from "../../../protocol/v4/update.ts";

/** A record that the server received. */
export interface ReceivedRecord {
  readonly message: "pack" | "update";
  /** The number of the message. */
  readonly at: number;
  readonly name: string;
  readonly mode: number | undefined;
  readonly mtime: bigint;
  /** Of an update. */
  readonly version: number | undefined;
  /** Of a record in a pack. */
  readonly content: string | undefined;
}

/** The server's answer to a record; `lost`: the connection ends instead. */
export type Answer = "stored" | "mismatch" | { readonly code: string };

export interface FakePoolOptions {
  readonly entries?: readonly RemoteFile[];
  /** Default: everything is stored. */
  readonly answer?: (record: ReceivedRecord, times: number) => Answer;
  /** Called with each message before it is answered. Rejects to end the connection. */
  readonly onMessage?: (records: readonly ReceivedRecord[]) => Promise<void> | void;
  readonly signal?: AbortSignal;
  readonly count?: number;
}

export class FakePool {
  readonly received: ReceivedRecord[] = [];
  /** The number of messages. */
  messages = 0;
  /** The most messages without an answer. */
  most = 0;
  #unanswered = 0;
  readonly #options: FakePoolOptions;
  readonly #times = new Map<string, number>();
  #tag = 0;
  isAuthenticated = true;
  readonly count: number;

  constructor(options: FakePoolOptions = {}) {
    this.#options = options;
    this.count = options.count ?? 1;
  }

  get pool(): ConnectionPool {
    return this as unknown as ConnectionPool;
  }

  advance(): void {
    // Nothing is retried.
  }

  async use<T>(_index: number, work: (client: V4Client) => Promise<T>): Promise<T> {
    return await work(this.#client());
  }

  /** Lists as servers do. */
  async list(prefix: string, take: TakeFile, { takeDamaged }: ListOptions = {}): Promise<void> {
    void takeDamaged;
    const entries = this.#options.entries ?? [];
    const start = prefix.normalize("NFC");
    for (const file of entries.toSorted((a, b) => compareNames(a.name, b.name))) {
      await Promise.resolve();
      if (file.name.normalize("NFC").startsWith(start)) await take(file);
    }
  }

  #client(): V4Client {
    const answers = new Map<number, PromiseWithResolvers<MessageOf<"packed">>>();
    const answerOf = (tag: number) => {
      const answer = Promise.withResolvers<MessageOf<"packed">>();
      answers.set(tag, answer);
      return answer.promise;
    };
    const mux = {
      gracefulAbort: new GracefulAbort(this.#options.signal, () => undefined),
      nextTag: () => ++this.#tag,
      answerOf,
      sendRecords: async (writer: RecordWriter, tag: number) => {
        const bytes = writer.payload.slice();
        const { resolve, reject } = answers.get(tag) as PromiseWithResolvers<MessageOf<"packed">>;
        await Promise.resolve();
        this.#receive(writer instanceof PackWriter ? readPack(bytes) : readUpdate(bytes))
          .then((bytes) => resolve({ kind: "packed", tag, bytes }), reject);
      },
      [Symbol.dispose]: () => undefined,
    };
    return { session: { mux }, stat: (name: string) => this.#stat(name) } as unknown as V4Client;
  }

  #stat(name: string): Promise<RemoteFile> {
    const isNamed = (file: RemoteFile) => file.name.normalize("NFC") === name.normalize("NFC");
    const found = this.#options.entries?.find(isNamed);
    if (found !== undefined) return Promise.resolve(found);
    return Promise.reject(new RefusedError("no-such-file", "no such file"));
  }

  async #receive(received: readonly ReceivedRecord[]) {
    const at = ++this.messages;
    const records = received.map((record) => ({ ...record, at }));
    this.most = Math.max(this.most, ++this.#unanswered);
    try {
      await this.#options.onMessage?.(records);
      const answers = new PackedWriter();
      for (const record of records) {
        this.received.push(record);
        const times = (this.#times.get(record.name) ?? 0) + 1;
        this.#times.set(record.name, times);
        const answer = this.#options.answer?.(record, times) ?? "stored";
        if (answer === "stored") answers.addStored(record.version ?? 1);
        else if (answer === "mismatch") {
          answers.addMismatch({ cksum: 0, digest: new Uint8Array(32) });
        } else answers.addRefused(answer.code, `refused ${record.name}`);
      }
      return answers.payload;
    } finally {
      this.#unanswered--;
    }
  }
}

function readPack(bytes: Uint8Array<ArrayBuffer>): ReceivedRecord[] {
  const records: ReceivedRecord[] = [];
  const reader = new PackReader(bytes);
  while (reader.next()) {
    const { name, mode, mtime, content } = reader;
    if (reader.findDifference() !== undefined) throw new Error(`wrong sums of ${name}`);
    const text = new TextDecoder().decode(content);
    records.push({ message: "pack", at: 0, name, mode, mtime, version: undefined, content: text });
  }
  return records;
}

function readUpdate(bytes: Uint8Array<ArrayBuffer>): ReceivedRecord[] {
  const records: ReceivedRecord[] = [];
  const reader = new UpdateReader(bytes);
  while (reader.next()) {
    const { name, mode, mtime, version } = reader;
    records.push({ message: "update", at: 0, name, mode, mtime, version, content: undefined });
  }
  return records;
}
