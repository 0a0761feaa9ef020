/** The states in which a server may have a client's files, given all requests and answers so far. */
import assert from "node:assert/strict";
import type { Bytes } from "../../protocol/bytes.ts";
import { cksum } from "../../protocol/crc/cksum.ts";
import { areEqual } from "../support/bytes.ts";

/** Contents by name. */
export type FileSet = ReadonlyMap<string, Bytes>;
/** The files after an operation. `undefined` if it cannot be done with these files. */
export type Operation = (files: FileSet) => FileSet | undefined;

/** A request that was sent. Until its result is known, it may be done or not. */
export interface Asked {
  done(): void;
  notDone(): void;
}

/** Some names, and all possible states of their files. */
interface Part {
  readonly names: ReadonlySet<string>;
  candidates: readonly FileSet[];
}

/** Keeps names apart that no request connects, so that their possible states do not multiply. */
export class ExpectedState {
  readonly #owner: string;
  #parts: Part[] = [];

  constructor(owner: string) {
    this.#owner = owner;
  }

  /** Whether each part has one possible state. */
  get isCertain(): boolean {
    return this.#parts.every(({ candidates }) => candidates.length === 1);
  }

  /** The content of a file whose state is certain. */
  sure(name: string): Bytes | undefined {
    const { candidates: [files, ...others] } = this.#about([name]);
    assert.deepEqual(others, [], `the state of ${this.#owner}/${name} is uncertain`);
    return files?.get(name);
  }

  /** The names of the stored files, if all states are certain. */
  get names(): string[] {
    return this.#parts.flatMap(({ candidates }) => [...candidates[0]?.keys() ?? []]);
  }

  /** Adds the states after a request that concerns these names only. */
  ask(names: readonly string[], operation: Operation): Asked {
    const part = this.#about(names);
    const before = part.candidates;
    const after = before.map(operation).filter((files) => files !== undefined);
    part.candidates = [...before, ...after];
    return {
      done: () => {
        assert.ok(after.length > 0, `${this.#owner}: done, although it is impossible: ${names}`);
        part.candidates = after;
      },
      notDone: () => part.candidates = before,
    };
  }

  /** Compares with the found files, which are certain from now on. */
  settle(found: FileSet = new Map()): void {
    for (const { names, candidates } of this.#parts) {
      const there = new Map([...found].filter(([name]) => names.has(name)));
      if (candidates.some((files) => areSame(files, there))) continue;
      const allowed = candidates.map(shown).join(" or ");
      assert.fail(`${this.#owner}: found ${shown(there)}, allowed ${allowed}`);
    }
    const known = new Set(this.#parts.flatMap(({ names }) => [...names]));
    const unexpected = [...found.keys()].filter((name) => !known.has(name));
    assert.deepEqual(unexpected, [], `${this.#owner}: files that nobody has sent`);
    this.#parts = [...found].map(([name, content]) => ({
      names: new Set([name]),
      candidates: [new Map([[name, content]])],
    }));
  }

  /** The part with all these names, which are connected from now on. */
  #about(names: readonly string[]): Part {
    const [touched, others] = [true, false].map((touches) =>
      this.#parts.filter((part) => names.some((name) => part.names.has(name)) === touches)
    ) as [Part[], Part[]];
    if (touched.length === 1 && names.every((name) => touched[0]?.names.has(name))) {
      return touched[0] as Part;
    }
    const candidates = touched.reduce<readonly FileSet[]>(
      (all, part) =>
        all.flatMap((files) => part.candidates.map((more) => new Map([...files, ...more]))),
      [new Map()],
    );
    const joined = [...names, ...touched.flatMap((part) => [...part.names])];
    const part = { names: new Set(joined), candidates };
    this.#parts = [...others, part];
    return part;
  }
}

function areSame(a: FileSet, b: FileSet): boolean {
  return a.size === b.size && [...a].every(([name, content]) => {
    const other = b.get(name);
    return other !== undefined && areEqual(content, other);
  });
}

function shown(files: FileSet): string {
  const texts = [...files].map(([name, content]) =>
    `${name}: ${content.length} bytes (${cksum(content)})`
  );
  return `{${texts.join(", ")}}`;
}
