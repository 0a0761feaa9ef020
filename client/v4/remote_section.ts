/**
 * The server's entries for the local entries of a section.
 *
 * @module
 */
import { RefusedError } from "../../protocol/errors.ts";
import { comparedForm } from "../../protocol/v4/path_name.ts";
import type { LocalSection } from "./collect_files.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import type { FoundEntry } from "./found_entry.ts";
import { RemoteCursor } from "./remote_cursor.ts";
import type { RemoteFile } from "./remote_file.ts";

export class RemoteSection implements Disposable {
  readonly #cursor: RemoteCursor | undefined;
  /** Entries that were asked for by name. */
  readonly #named: ReadonlyMap<string, RemoteFile>;

  private constructor(cursor: RemoteCursor | undefined, named: ReadonlyMap<string, RemoteFile>) {
    this.#cursor = cursor;
    this.#named = named;
  }

  /** Of a client that has no account. */
  static readonly NONE = new RemoteSection(undefined, new Map());

  /** Lists what is in the folder of a section, and asks for the folder itself, or for other entries, by name. */
  static async open(
    pool: ConnectionPool,
    { folder, entries }: LocalSection,
  ): Promise<RemoteSection> {
    if (folder === undefined) {
      const names = Iterator.from(entries).map(({ remoteName }) => remoteName);
      return new RemoteSection(undefined, await findNamed(pool, [...names]));
    }
    // The answer about the folder itself could come after a list that waits.
    const named = findNamed(pool, folder === "" ? [] : [folder]);
    const cursor = new RemoteCursor(pool, folder === "" ? "" : `${folder}/`, named);
    try {
      return new RemoteSection(cursor, await named);
    } catch (error) {
      cursor[Symbol.dispose]();
      throw error;
    }
  }

  /** Whether the list waits until some of its entries are compared, so that its connection delivers nothing else. */
  get isAhead(): boolean {
    return this.#cursor?.isAhead ?? false;
  }

  /** Resolves when the list has ended, or waits. */
  async settled(): Promise<void> {
    await this.#cursor?.settled();
  }

  /** Moves to a local entry, which comes after those before. Returns `false` if `more` must arrive first. */
  seek({ form }: FoundEntry): boolean {
    return this.#named.has(form) || (this.#cursor?.seek(form) ?? true);
  }

  /** Resolves when more entries have arrived. Throws as {@link ConnectionPool.list} does. */
  async more(): Promise<void> {
    await this.#cursor?.more();
  }

  /** The server's entry of a local one that was just sought. A damaged one is none: it is uploaded again. */
  found({ form }: FoundEntry): RemoteFile | undefined {
    return this.#named.get(form) ?? this.#cursor?.found(form);
  }

  [Symbol.dispose](): void {
    this.#cursor?.[Symbol.dispose]();
  }
}

/** Asks for entries by name, all at once: no round trip waits for another. */
async function findNamed(
  pool: ConnectionPool,
  names: readonly string[],
): Promise<Map<string, RemoteFile>> {
  const found = new Map<string, RemoteFile>();
  const left = new Set(names);
  if (left.size === 0) return found;
  await pool.use(0, async (client) => {
    const asked = [...left].map(async (name) => {
      // The server has no such entry, or a damaged one. A folder without an entry has no version.
      const file = await client.stat(name).catch(unlessRefused);
      if (file !== undefined && file.version > 0) found.set(comparedForm(name), file);
      left.delete(name);
      pool.advance();
    });
    await Promise.allSettled(asked);
    await Promise.all(asked);
  });
  return found;
}

function unlessRefused(error: unknown): undefined {
  if (!(error instanceof RefusedError)) throw error;
}
