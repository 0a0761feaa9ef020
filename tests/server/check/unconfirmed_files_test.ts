/** The confirmation of stored files, when files cannot be read for a while. */
import assert from "node:assert/strict";
import { cksum } from "../../../protocol/crc/cksum.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import type { BlobStore } from "../../../server/blobs/blob_store.ts";
import { BackgroundReader, MAX_FAILURES } from "../../../server/check/background_reader.ts";
import { UnconfirmedFiles } from "../../../server/check/unconfirmed_files.ts";
import type { Store } from "../../../server/data_folder/data_folder.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { blob, enrolV3, KEEP, v4File } from "../../support/store/catalog_suite.ts";
import { memoryCatalog } from "../../support/store/memory_catalog.ts";

const CONTENT = pseudoRandomBytes(100);
const NEVER_MS = 2 ** 30;

/** Files `1` to `count` of one catalog, whose blobs are read by `read`. */
class Confirmed implements AsyncDisposable {
  readonly #catalog = memoryCatalog();
  readonly #reader: BackgroundReader;
  readonly lines: string[] = [];
  /** The blobs that were read, in order. */
  readonly reads: string[] = [];

  constructor(read: (id: string, count: number) => void, retryMs: number) {
    const blobs: Pick<BlobStore, "read" | "stat"> = {
      stat: () => Promise.resolve({ size: CONTENT.length }),
      read: async function* (this: Confirmed, id: string) {
        this.reads.push(id);
        read(id, this.reads.length);
        yield await Promise.resolve(CONTENT.slice());
      }.bind(this),
    };
    const write = (_: string, { event }: { readonly event: string }) => void this.lines.push(event);
    const store = { catalog: this.#catalog, blobs } as unknown as Store;
    const log = { debug: write, info: write, warn: write, error: write };
    const limits = { confirmRate: Infinity };
    const list = new UnconfirmedFiles({
      ...{ store, limits, log, retryMs, ticks: () => performance.now() },
    });
    this.#reader = new BackgroundReader(list, {
      ...{ store, log, retryMs, clock: () => 5000, isActive: () => true, isBusy: () => false },
    });
  }

  async start(count: number): Promise<void> {
    await enrolV3(this.#catalog);
    for (let number = 1; number <= count; number++) await this.store(number);
    this.#reader.start();
  }

  async store(number: number): Promise<void> {
    const sums = new ChunkDigests(CONTENT.length);
    sums.add(0, CONTENT);
    const { digest } = sums.sums();
    await this.#catalog.files.commit(
      v4File(number, {
        ...{ name: `${number}`, size: CONTENT.length, crc: cksum(CONTENT) },
        ...{ tree: { mtime: 0n, digest } },
      }),
      { ...KEEP, chunks: sums.digests },
    );
    this.#reader.wake();
  }

  /** Resolves when no file but these is unconfirmed. */
  async awaits(...left: readonly string[]): Promise<void> {
    for (;;) {
      const files = await this.#catalog.files.unconfirmed(undefined, 99);
      if (files.map(({ name }) => name).join() === left.join()) return;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.close();
  }
}

function fail(): never {
  throw new Error("Input/output error (os error 5)");
}

Deno.test("confirmation: a file that cannot be read once is read again later, and confirmed", async () => {
  await using files = new Confirmed((_, count) => count === 2 && fail(), 1);
  await files.start(3);
  await files.awaits();
  assert.equal(files.reads.length, 4);
  assert.deepEqual(files.lines, [
    ...["file.confirmed", "file.not-confirmed", "file.confirmed", "file.confirmed"],
  ]);
});

Deno.test("confirmation: while a file waits to be read again, new ones are confirmed, and it is not read for them", async () => {
  await using files = new Confirmed((id) => id === blob(1) && fail(), NEVER_MS);
  await files.start(2);
  await files.awaits("1");
  await files.store(3);
  await files.awaits("1");
  assert.deepEqual(files.reads, [blob(1), blob(2), blob(3)]);
});

Deno.test("confirmation: an unreachable store is asked for few files at a time, and for all once it is back", async () => {
  const stops: number[] = [];
  await using files = new Confirmed((_, count) => {
    if (count > 3 * MAX_FAILURES) return;
    if (count % MAX_FAILURES === 0) stops.push(count);
    fail();
  }, 1);
  await files.start(30);
  await files.awaits();
  assert.equal(stops.length, 3);
  // Each stop carries on with the next file. The second round has those that failed.
  assert.equal(new Set(files.reads.slice(0, 30)).size, 30);
});
