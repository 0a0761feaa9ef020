/** Stored files that a check reads, with time that moves only when a test says so. */
import { cksum } from "../../../protocol/crc/cksum.ts";
import type { BlobId } from "../../../server/blobs/blob_store.ts";
import { BlobNotFound } from "../../../server/blobs/blob_store.ts";
import type { Catalog } from "../../../server/catalog/catalog.ts";
import {
  BackgroundCheck,
  type BackgroundCheckOptions,
} from "../../../server/check/background_check.ts";
import { SETTLING_MS } from "../../../server/check/files_of_round.ts";
import type { Store } from "../../../server/data_folder/data_folder.ts";
import { Traffic } from "../../../server/monitor/traffic.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { FakeTime } from "../../support/fake_time.ts";
import { blob, enrolV3, v3File } from "../../support/store/catalog_suite.ts";
import { memoryCatalog } from "../../support/store/memory_catalog.ts";

export const DAY_MS = 24 * 60 * 60_000;
export const INTERVAL_MS = 30 * DAY_MS;
/** A check has two readers, which sleep when there is nothing to do. */
const READERS = 2;

/** The contents of files, and what happens when one is read. */
export class Blobs {
  readonly contents = new Map<string, Uint8Array<ArrayBuffer>>();
  /** The blobs that were read, in order. */
  readonly reads: string[] = [];
  /** Called before a blob is read. */
  onRead: (id: string) => void | Promise<void> = () => undefined;
  /** Throws for whichever blob is asked for. */
  failure: Error | undefined;

  readonly stat = (id: string) => {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const content = this.contents.get(id);
    return Promise.resolve(content && { size: content.length });
  };
  readonly isOccupied = (id: string) => Promise.resolve(this.contents.has(id));

  async *read(id: string) {
    this.reads.push(id);
    await this.onRead(id);
    const content = this.contents.get(id);
    if (content === undefined) throw new BlobNotFound("gone");
    const size = 1024 * 1024;
    for (let at = 0; at < content.length; at += size) yield content.slice(at, at + size);
  }
}

export interface Started extends AsyncDisposable {
  readonly check: BackgroundCheck;
  /** The events of its log, with their properties. */
  readonly log: readonly { readonly event: string }[];
  events(...names: readonly string[]): string[];
}

export class CheckFixture {
  readonly time = new FakeTime();
  readonly catalog: Catalog;
  readonly blobs = new Blobs();
  readonly limits = { confirmRate: 0, checkIntervalMs: INTERVAL_MS, checkRate: 16 * 1024 * 1024 };
  readonly traffic = new Traffic();
  #started = 0;

  private constructor(catalog: Catalog) {
    this.catalog = catalog;
  }

  /** Files `1` to `count` of Alice, in the order of their blobs. */
  static async create(count: number, size = 100, catalog = memoryCatalog()): Promise<CheckFixture> {
    const fixture = new CheckFixture(catalog);
    await enrolV3(catalog);
    for (let number = 1; number <= count; number++) {
      const content = pseudoRandomBytes(size, number);
      fixture.blobs.contents.set(blobOf(number), content);
      await catalog.files.commit(v3File(number, {
        ...{ name: `${number}`, size, crc: cksum(content) },
        content: { kind: "blob", id: blobOf(number) },
      }));
    }
    return fixture;
  }

  /** A server. Without `settle`, it has settled already. */
  async start(
    options: Partial<BackgroundCheckOptions> & { readonly settle?: boolean } = {},
  ): Promise<Started> {
    const log: { readonly event: string }[] = [];
    const write = (_: string, properties: { readonly event: string }) => void log.push(properties);
    const { time, limits, traffic } = this;
    const { settle = false, ...others } = options;
    const check = new BackgroundCheck({
      ...{ store: { catalog: this.catalog, blobs: this.blobs } as unknown as Store },
      ...{ limits, traffic, clock: time.clock, ticks: time.clock, pause: time.pause, idleMs: 0 },
      log: { debug: write, info: write, warn: write, error: write },
      isHousekeeper: () => true,
      ...others,
    });
    check.start();
    this.#started++;
    if (!settle) await this.pass(SETTLING_MS);
    return {
      ...{ check, log },
      events: (...names) => log.map(({ event }) => event).filter((one) => names.includes(one)),
      [Symbol.asyncDispose]: async () => {
        this.#started--;
        await check.close();
      },
    };
  }

  /** Lets time pass, and waits until nothing is left to do. */
  async pass(ms: number): Promise<void> {
    await this.time.pass(ms, READERS * this.#started);
  }

  flip(number: number): void {
    const content = this.blobs.contents.get(blobOf(number));
    if (content !== undefined) content[0] = (content[0] ?? 0) ^ 1;
  }
}

/** Blobs in the order of their numbers. */
export function blobOf(number: number): BlobId {
  return blob(1000 + number);
}
