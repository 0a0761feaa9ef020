/** What a server may have of a client's files, by all that the client has asked for and was told. */
import assert from "node:assert/strict";
import { type Bytes, equalBytes } from "../../protocol/bytes.ts";
import { cksum } from "../../protocol/crc/cksum.ts";

/** Contents by name. */
export type World = ReadonlyMap<string, Bytes>;
/** What a request makes of a world; `undefined` where it can't be done in that. */
export type Effect = (world: World) => World | undefined;

/** A request that was sent. As long as nobody says what came of it, it may be done or not. */
export interface Asked {
  done(): void;
  notDone(): void;
}

/** Some names, and all that may be of them. */
interface Part {
  readonly names: ReadonlySet<string>;
  worlds: readonly World[];
}

/** Names that no request ties together are apart: what may be of each does not multiply. */
export class Belief {
  readonly #owner: string;
  #parts: Part[] = [];

  constructor(owner: string) {
    this.#owner = owner;
  }

  /** What a file is, where that is sure. */
  sure(name: string): Bytes | undefined {
    const { worlds: [world, ...others] } = this.#about([name]);
    assert.deepEqual(others, [], `${this.#owner}/${name} is not sure`);
    return world?.get(name);
  }

  /** Names of files that are there, where all is sure. */
  get names(): string[] {
    return this.#parts.flatMap(({ worlds }) => [...worlds[0]?.keys() ?? []]);
  }

  /** Something is asked for that concerns these names alone. */
  ask(names: readonly string[], effect: Effect): Asked {
    const part = this.#about(names);
    const before = part.worlds;
    const after = before.map(effect).filter((world) => world !== undefined);
    part.worlds = [...before, ...after];
    return {
      done: () => {
        assert.ok(after.length > 0, `${this.#owner}: done, though it can't be: ${names}`);
        part.worlds = after;
      },
      notDone: () => part.worlds = before,
    };
  }

  /** Compares with what there is, and takes that for what is sure from now on. */
  settle(found: World = new Map()): void {
    for (const { names, worlds } of this.#parts) {
      const there = new Map([...found].filter(([name]) => names.has(name)));
      assert.ok(
        worlds.some((world) => sameWorlds(world, there)),
        `${this.#owner}: found ${shown(there)}, allowed ${worlds.map(shown).join(" or ")}`,
      );
    }
    const known = new Set(this.#parts.flatMap(({ names }) => [...names]));
    const strange = [...found.keys()].filter((name) => !known.has(name));
    assert.deepEqual(strange, [], `${this.#owner}: files that nobody has sent`);
    this.#parts = [...found].map(([name, content]) => ({
      names: new Set([name]),
      worlds: [new Map([[name, content]])],
    }));
  }

  /** The part that has all these names, which are tied together from now on. */
  #about(names: readonly string[]): Part {
    const [touched, others] = [true, false].map((touches) =>
      this.#parts.filter((part) => names.some((name) => part.names.has(name)) === touches)
    ) as [Part[], Part[]];
    if (touched.length === 1 && names.every((name) => touched[0]?.names.has(name))) {
      return touched[0] as Part;
    }
    const worlds = touched.reduce<readonly World[]>(
      (all, part) =>
        all.flatMap((world) => part.worlds.map((more) => new Map([...world, ...more]))),
      [new Map()],
    );
    const joined = [...names, ...touched.flatMap((part) => [...part.names])];
    const part = { names: new Set(joined), worlds };
    this.#parts = [...others, part];
    return part;
  }
}

function sameWorlds(a: World, b: World): boolean {
  return a.size === b.size && [...a].every(([name, content]) => {
    const other = b.get(name);
    return other !== undefined && equalBytes(content, other);
  });
}

function shown(world: World): string {
  const files = [...world].map(([name, content]) =>
    `${name}: ${content.length} bytes (${cksum(content)})`
  );
  return `{${files.join(", ")}}`;
}
