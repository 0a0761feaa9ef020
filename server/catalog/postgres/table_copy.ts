/**
 * Copies of a whole catalog: its rows as of one moment, and an empty catalog that becomes a copy of another one.
 *
 * @module
 */
import type { Bytes } from "../../../protocol/bytes.ts";
import { ConfigurationError, StorageError } from "../../../protocol/errors.ts";
import { printable } from "../../../protocol/printable.ts";
import type { BlobId } from "../../blobs/blob_store.ts";
import { INLINE_PREFIX, isInline } from "../inline_ids.ts";
import type { Row } from "../rows.ts";
import {
  COPIED_AT_ONCE,
  COPIED_COLUMNS,
  COPIED_TABLES,
  type CopiedTable,
  type Dumping,
  type Fillable,
  type Filling,
} from "../table_copy.ts";
import type { PostgresDatabase, Queries, Transaction } from "./database.ts";
import { rowTable } from "./files/row_table.ts";
import { insertPartial } from "./insert_partial.ts";

/** The most rows of a page. */
const PAGE = 1000;
/** The time for one statement of a copy, in milliseconds: it can wait for the disk. */
const COPY_MS = 10 * 60_000;

/** The types of columns that are not bigint. */
const TYPES: Readonly<Record<string, string>> = {
  ...{ id: "bytea", client_id: "bytea", public_key: "bytea", key: "bytea", hash: "bytea" },
  ...{ stored_by: "bytea", digest: "bytea", chunks: "bytea", content: "bytea" },
  ...{ name: "text", given: "text", path: "text", damage: "text", label: "text" },
  ...{ edition: "text", habits: "text", access: "text" },
  ...{ disabled: "boolean", current: "boolean", verified: "boolean" },
};

/** The order of the rows of a table, and the values at which the first page begins. */
const ORDERS: Readonly<
  Record<CopiedTable, { readonly columns: readonly string[]; readonly first: readonly unknown[] }>
> = {
  clients: { columns: ["id"], first: [new Uint8Array(0)] },
  keys: { columns: ["client_id", "key"], first: [new Uint8Array(0), new Uint8Array(0)] },
  files: { columns: ["files.id"], first: [0] },
  tokens: { columns: ["tokens.id"], first: [0] },
};

/** The rows of a database. */
export function dumpOf(database: PostgresDatabase): Dumping {
  return {
    async dump(each, restart) {
      let hasBegun = false;
      await database.snapshot(async (queries) => {
        if (hasBegun) await restart?.();
        hasBegun = true;
        for (const table of COPIED_TABLES) {
          for await (const rows of pagesOf(queries, table)) await each({ table, rows });
        }
      }, COPY_MS);
    },
  };
}

async function* pagesOf(queries: Queries, table: CopiedTable): AsyncGenerator<Row[]> {
  const { columns, first } = ORDERS[table];
  const order = columns.join(", ");
  const places = columns.map((_, i) => `place_${i}`).join(", ");
  const aliases = columns.map((column, i) => `${column} AS place_${i}`).join(", ");
  const start = columns.map((_, i) => `$${i + 1}`).join(", ");
  // The sizes are known without reading the values. The first row is in the page whatever its size.
  const size = table === "files"
    ? "coalesce(octet_length(chunks), 0) + coalesce(octet_length(content), 0)"
    : "0";
  const query = `SELECT * FROM (
      SELECT *, sum(row_bytes) OVER (ORDER BY ${places}) - row_bytes AS bytes_before
      FROM (SELECT ${aliases}, ${COPIED_COLUMNS[table].join(", ")}, ${size} AS row_bytes
        FROM ${table} WHERE (${order}) > (${start}) ORDER BY ${order} LIMIT ${PAGE}) AS several
    ) AS page WHERE bytes_before < ${COPIED_AT_ONCE} ORDER BY ${places}`;
  for (let after = first;;) {
    const rows = await queries.all(query, ...after);
    const last = rows.at(-1);
    if (last === undefined) return;
    after = columns.map((_, i) => last[`place_${i}`]);
    yield rows;
  }
}

/** How a database becomes a copy. */
export function fillableOf(database: PostgresDatabase): Fillable {
  return {
    refuseFilling: () => database.read(refuseFilling),
    running: () => database.read(runningServers),
    async reserveAll(ids) {
      await database.repeatable((queries) =>
        queries.run(
          `INSERT INTO orphans (path, reserved) SELECT path, true FROM unnest($1::text[]) AS one (path)
           ORDER BY path ON CONFLICT (path) DO UPDATE SET reserved = true`,
          ids,
        )
      );
    },
    fill: (filling) => database.transaction((one) => fill(one, filling), COPY_MS),
  };
}

async function refuseFilling(queries: Queries): Promise<void> {
  const [running] = await runningServers(queries);
  if (running !== undefined) {
    throw new ConfigurationError(
      "catalog-in-use",
      `the catalog is already served by ${printable(running)}`,
      { hint: "Stop all servers of the cluster first." },
    );
  }
  const query = `SELECT 1 FROM clients UNION ALL SELECT 1 FROM tokens LIMIT 1`;
  if (await queries.get(query) === undefined) return;
  throw new ConfigurationError(
    "target-not-empty",
    "cannot copy into the catalog: it has accounts or invitations already",
    { hint: "Choose a new or empty database." },
  );
}

async function runningServers(queries: Queries): Promise<string[]> {
  const query = "SELECT name FROM nodes WHERE lease_until > clock_timestamp() ORDER BY epoch";
  return (await queries.all(query)).map(({ name }) => name as string);
}

async function fill(
  transaction: Transaction,
  { from, idOf, values, uploads }: Filling,
): Promise<void> {
  // Keeps out registrations, and other copies.
  await transaction.run("LOCK TABLE clients, tokens, files IN EXCLUSIVE MODE");
  await refuseFilling(transaction);
  await from.dump(({ table, rows }) => insertRows(transaction, table, rows, idOf));
  if (uploads !== undefined) {
    for await (const partial of uploads()) await insertPartial(transaction, partial);
  }
  await transaction.run(`INSERT INTO usage (client_id, files, bytes, history_files, history_bytes)
    SELECT client_id, count(*) FILTER (WHERE current), coalesce(sum(size) FILTER (WHERE current), 0),
      count(*) FILTER (WHERE NOT current), coalesce(sum(size) FILTER (WHERE NOT current), 0)
    FROM files GROUP BY client_id`);
  const blobs = await transaction.get(
    `SELECT count(*) AS count FROM files WHERE NOT starts_with(path, '${INLINE_PREFIX}')`,
  );
  const kept = await transaction.run(
    "DELETE FROM orphans USING files WHERE orphans.path = files.path AND orphans.reserved",
  );
  if (kept !== blobs?.["count"]) {
    throw new StorageError("copy-swept", "a server has deleted contents of the copy meanwhile", {
      hint: "Keep all servers of the cluster stopped, and run the same command again.",
    });
  }
  for (const [name, value] of values) {
    await transaction.run(
      `INSERT INTO shared_values (name, value) VALUES ($1, $2)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
      ...[name, value],
    );
  }
}

/** Adds rows in their order, which becomes that of their new numbers. */
async function insertRows(
  transaction: Transaction,
  table: CopiedTable,
  rows: readonly Row[],
  idOf: Filling["idOf"],
): Promise<void> {
  const columns = COPIED_COLUMNS[table];
  const types = Object.fromEntries(columns.map((column) => [column, TYPES[column] ?? "bigint"]));
  const converted = rows.map((row) =>
    Object.fromEntries(columns.map((column) => [column, toPostgres(column, row, idOf)]))
  );
  const { sql, values } = rowTable("one", types, converted);
  await transaction.run(
    `INSERT INTO ${table} (${columns.join(", ")}) SELECT ${
      columns.join(", ")
    } FROM ${sql} ORDER BY at`,
    ...values,
  );
}

function toPostgres(column: string, row: Row, idOf: Filling["idOf"]): unknown {
  const value = row[column];
  if (value === null || value === undefined) return null;
  if (TYPES[column] === "boolean") return Boolean(value);
  if (column !== "path" || isInline(value as string)) return value;
  return idOf({ id: value as BlobId, accountId: row["client_id"] as Bytes });
}
