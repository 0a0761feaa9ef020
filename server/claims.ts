/**
 * What is on its way in counts towards its user's quota from the beginning: with so many bytes, and files, as he has
 * more when it is stored.
 *
 * @module
 */
import { type Bytes, toHex } from "../protocol/mod.ts";
import { CHUNK_SIZE } from "../protocol/v4/tree.ts";
import type { Usage } from "./store/catalog.ts";

interface Claimed {
  readonly name: string;
  /** Bytes of the whole file. */
  readonly size: number;
  readonly growth: Usage;
}

/** What one file on its way in counts. */
export class Claim implements Claimed {
  readonly name: string;
  readonly size: number;
  readonly growth: Usage;
  /** Claims are numbered in their order. */
  readonly number: number;
  readonly #onEnd: () => void;
  #isEnding = false;
  readonly #ended = Promise.withResolvers<void>();

  constructor({ name, size, growth }: Claimed, number: number, onEnd: () => void) {
    this.name = name;
    this.size = size;
    this.growth = growth;
    this.number = number;
    this.#onEnd = onEnd;
  }

  /** Whether the catalog may count the file already. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Resolves when it counts no more. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** The catalog is about to be told of the file. */
  beginToEnd(): void {
    this.#isEnding = true;
  }

  /** What has become of the file is in the catalog, or it is gone. */
  end(): void {
    this.#onEnd();
    this.#ended.resolve();
  }
}

/** What was claimed at some moment. */
export interface Look extends Usage {
  readonly count: number;
  /** The number of the latest claim until then. */
  readonly latest: number;
  /** Of what the catalog may hold a part. */
  readonly names: readonly string[];
}

/** What may have been claimed while the catalog was asked how much there is besides. */
export interface Sum extends Usage {
  /** Whether nothing may be in both, the claims and the catalog. */
  readonly isExact: boolean;
}

/** As many as there are files on their way in, which `maxStagedPerClient` bounds. */
export class Claims {
  /** By client, oldest first. */
  readonly #byClient = new Map<string, Set<Claim>>();
  #latest = 0;

  add(clientId: Bytes, claimed: Claimed): Claim {
    const key = toHex(clientId);
    const all = this.#byClient.get(key) ?? new Set();
    this.#byClient.set(key, all);
    const claim: Claim = new Claim(claimed, ++this.#latest, () => {
      all.delete(claim);
      if (all.size === 0 && this.#byClient.get(key) === all) this.#byClient.delete(key);
    });
    all.add(claim);
    return claim;
  }

  /** What a client claims now, before the catalog is asked. */
  look(clientId: Bytes): Look {
    const all = this.#of(clientId);
    const names: string[] = [];
    let [bytes, files] = [0, 0];
    for (const { name, size, growth } of all) {
      bytes += growth.bytes;
      files += growth.files;
      if (size >= CHUNK_SIZE) names.push(name);
    }
    return { bytes, files, count: all.size, latest: this.#latest, names };
  }

  /**
   * What a client may have claimed from a look on, when the catalog has answered. The last one of a name is not counted:
   * a further file of the name takes its place.
   */
  sum(clientId: Bytes, before: Look, name: string): Sum {
    const all = this.#of(clientId);
    let { bytes, files } = before;
    let isEnding = false;
    let added = 0;
    let replaced: Claim | undefined;
    for (const claim of all) {
      isEnding ||= claim.isEnding;
      if (claim.name === name) replaced = claim;
      if (claim.number <= before.latest) continue;
      bytes += claim.growth.bytes;
      files += claim.growth.files;
      added++;
    }
    const hasEnded = before.count + added > all.size;
    return {
      bytes: bytes - (replaced?.growth.bytes ?? 0),
      files: files - (replaced?.growth.files ?? 0),
      isExact: added === 0 && !hasEnded && !isEnding,
    };
  }

  /** Resolves when those claims have ended that are about to. */
  async settle(clientId: Bytes): Promise<void> {
    const ending = [...this.#of(clientId)].filter(({ isEnding }) => isEnding);
    await Promise.all(ending.map(({ ended }) => ended));
  }

  #of(clientId: Bytes): ReadonlySet<Claim> {
    return this.#byClient.get(toHex(clientId)) ?? NONE;
  }
}

const NONE: ReadonlySet<Claim> = new Set();
