/** A catalog for tests of batches. */
import { DatabaseSync } from "node:sqlite";
import type { CommittedFile, StoredFile } from "../../../../server/catalog/files.ts";
import { SqliteCatalog } from "../../../../server/catalog/sqlite/sqlite_catalog.ts";
import { pseudoRandomBytes } from "../../../support/bytes.ts";
import { TemporaryFolder } from "../../../support/temporary_folder.ts";
import { blobId } from "../../../support/store/ids.ts";

export const storedProfile = { edition: "2023c", quirks: [] };
/** The account. */
export const id = pseudoRandomBytes(16, 1);

/** A file of the account. */
export const file = (name: string, size = 1): StoredFile & CommittedFile => ({
  ...{
    accountId: id,
    name,
    content: { kind: "blob", id: blobId(`files/1/${name}`) },
    size,
    crc: 0,
    storedAt: 1,
    verified: true,
  },
});

/** A catalog whose statements are watched, and fail on demand. */
export interface BatchingFixture {
  readonly path: string;
  readonly catalog: SqliteCatalog;
  /** Statements that end transactions, in order. */
  readonly executed: string[];
  /** Makes the next statement with this text fail. */
  readonly fail: (sql: string) => void;
  /** Makes the statement with this path as an orphan end the transaction, like one on a full disk. */
  readonly fillUp: (orphan: string) => void;
}

/** Runs a test with a catalog that has one account. */
export async function fixture(body: (fixture: BatchingFixture) => Promise<void>) {
  await using folder = await TemporaryFolder.create();
  const executed: string[] = [];
  const failing = new Set<string>();
  let full: string | undefined;
  const open = (path: string) => {
    const database = new DatabaseSync(path);
    const exec = database.exec.bind(database);
    const prepare = database.prepare.bind(database);
    database.prepare = (sql: string) => {
      const statement = prepare(sql);
      const run = statement.run.bind(statement);
      statement.run = (...values: unknown[]) => {
        if (values[0] === full) {
          exec("ROLLBACK");
          throw new Error("database or disk is full");
        }
        return run(...values as Parameters<typeof run>);
      };
      return statement;
    };
    database.exec = (sql: string) => {
      executed.push(sql);
      if (failing.delete(sql)) throw new Error("disk I/O error");
      exec(sql);
    };
    return database;
  };
  await using catalog = SqliteCatalog.open(folder.join("catalog.db"), open);
  const registration = {
    id,
    name: "Alice",
    now: 1,
    storedProfile,
    expiredBefore: 0,
    claimedIds: [],
  };
  await catalog.accounts.registerV3(registration);
  executed.length = 0;
  await body({
    path: folder.join("catalog.db"),
    catalog,
    executed,
    fail: (sql) => failing.add(sql),
    fillUp: (orphan) => full = orphan,
  });
}
