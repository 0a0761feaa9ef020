/**
 * Databases that tests lend each other: emptying one costs a tenth of making one. Names in a folder are the free
 * ones, so that all threads and processes of a test run share them.
 */
import { join } from "node:path";
import type { PostgresDatabase } from "../../../server/catalog/postgres/database.ts";

/** Databases with one schema that no test uses. */
export class LentDatabases {
  readonly #folder: string;

  /** `folder`: exists as long as their server. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Takes one, if one is free. Nobody else gets it. */
  take(): string | undefined {
    for (const name of this.#free()) {
      try {
        Deno.removeSync(join(this.#folder, name));
        return name;
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error; // another test was faster
      }
    }
    return undefined;
  }

  /** Returns one that is empty. */
  giveBack(name: string): void {
    Deno.mkdirSync(this.#folder, { recursive: true });
    Deno.writeTextFileSync(join(this.#folder, name), "");
  }

  #free(): string[] {
    try {
      return [...Deno.readDirSync(this.#folder)].map(({ name }) => name);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }
}

/** The most time that a session has to end, in milliseconds. */
const END_MS = 10_000;
const END_SESSIONS = `SELECT pg_terminate_backend(pid, ${END_MS}) AS ended FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`;
/** A table that never had rows, and has no pages, needs nothing. */
const USED_TABLES = `SELECT string_agg(oid::regclass::text, ', ') AS tables FROM pg_class
  WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    AND relname <> 'schema_version' AND pg_relation_size(oid) > 0`;

/** Ends all other sessions of a database, deletes all rows, and lets numbers begin again. Keeps the schema. */
export async function emptyDatabase(database: PostgresDatabase): Promise<void> {
  await database.read(async (queries) => {
    while ((await queries.all(END_SESSIONS)).length > 0);
  });
  await database.transaction(async (transaction) => {
    const tables = (await transaction.get(USED_TABLES))?.["tables"];
    if (typeof tables === "string") await transaction.run(`TRUNCATE ${tables} CASCADE`);
    await transaction.run("SELECT setval(seqrelid, seqstart, false) FROM pg_sequence");
  });
}
