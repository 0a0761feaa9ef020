/**
 * Clients, their names and their keys.
 *
 * @module
 */
import type { SQLInputValue } from "node:sqlite";
import { type Bytes, equalBytes } from "../../../protocol/mod.ts";
import {
  type Client,
  PROTOCOL_4,
  type RegisterClient,
  type RegisterKey,
  type SetPublicKey,
  type Speech,
} from "../catalog.ts";
import type { Database } from "../database.ts";
import { toClient } from "../rows.ts";
import { read, write } from "./operation.ts";
import { addOrphan } from "./orphans.ts";

export const ACCOUNT_OPERATIONS = {
  registerClient: write((database, registration: RegisterClient): boolean => {
    const { id, name, now, speech, expiredBefore, claimedIds } = registration;
    const holder = findBy(database, "name = ?", name);
    if (holder !== undefined) {
      if (!mayYield(holder, expiredBefore, claimedIds)) return false;
      database.run("DELETE FROM clients WHERE id = ?", holder.id);
    }
    insert(database, { id, name, publicKey: null, now, speech });
    return true;
  }),
  setPublicKey: write((database, change: SetPublicKey): "unknown" | "set" | "replaced" => {
    const { id, name, publicKey, now, speech, expiredBefore, reservedFor } = change;
    const client = findBy(database, "id = ? AND name = ?", id, name);
    if (client?.speech.edition === PROTOCOL_4) return "unknown";
    const expired = client?.publicKey === undefined && (client?.firstSeen ?? 0) < expiredBefore;
    if (client !== undefined && !expired) {
      const query = "UPDATE clients SET public_key = ?, last_seen = ? WHERE id = ?";
      database.run(query, publicKey, now, id);
      const before = client.publicKey;
      return before === undefined || equalBytes(before, publicKey) ? "set" : "replaced";
    }
    if (reservedFor === undefined) return "unknown";
    const holder = findBy(database, "name = ?", name);
    if (holder !== undefined && !mayYield(holder, expiredBefore, [reservedFor])) return "unknown";
    database.run("DELETE FROM clients WHERE name = ?", name);
    insert(database, { id, name, publicKey, now, speech });
    return "set";
  }),
  registerKey: write((database, registration: RegisterKey): Bytes | undefined => {
    const { id, name, key, now, expiredBefore } = registration;
    const holder = findBy(database, "name = ?", name);
    if (holder !== undefined) {
      // The answer to its registration was lost.
      if (findKey(database, holder.id, key) !== undefined) return holder.id;
      if (!mayYield(holder, expiredBefore, [])) return undefined;
      database.run("DELETE FROM clients WHERE id = ?", holder.id);
    }
    insert(database, {
      id,
      name,
      publicKey: null,
      now,
      speech: { edition: PROTOCOL_4, habits: [] },
    });
    database.run("INSERT INTO keys (client_id, key, added_at) VALUES (?, ?, ?)", id, key, now);
    return id;
  }),
  findKeyHolder: read((database, id: Bytes, key: Bytes): Client | undefined =>
    findKey(database, id, key)
  ),
  expireRegistrations: write((database, before: number): void => {
    const query =
      "DELETE FROM clients WHERE public_key IS NULL AND edition <> ? AND first_seen < ?";
    database.run(query, PROTOCOL_4, before);
  }),
  findClient: read((database, id: Bytes): Client | undefined => findBy(database, "id = ?", id)),
  findClientByName: read((database, name: string): Client | undefined =>
    findBy(database, "name = ?", name)
  ),
  noteSeen: write((database, id: Bytes, now: number): void => {
    database.run("UPDATE clients SET last_seen = ? WHERE id = ?", now, id);
  }),
  noteSpeech: write((database, id: Bytes, { edition, habits }: Speech): void => {
    const query = "UPDATE clients SET edition = ?, habits = ? WHERE id = ?";
    database.run(query, edition, habits.join(" "), id);
  }),
  listClients: read((database): Client[] =>
    database.all("SELECT * FROM clients ORDER BY name").map(toClient)
  ),
  removeClient: write((database, id: Bytes): string[] => {
    const paths = database.all("SELECT path FROM files WHERE client_id = ?", id)
      .map((row) => row["path"] as string);
    for (const path of paths) addOrphan(database, path);
    database.run("DELETE FROM clients WHERE id = ?", id);
    return paths;
  }),
};

function findBy(
  database: Database,
  condition: string,
  ...values: SQLInputValue[]
): Client | undefined {
  return database.all(`SELECT * FROM clients WHERE ${condition}`, ...values).map(toClient)[0];
}

/** The client with an id, if it has a key. */
function findKey(database: Database, id: Bytes, key: Bytes): Client | undefined {
  return findBy(database, "id = ? AND id IN (SELECT client_id FROM keys WHERE key = ?)", id, key);
}

interface NewClient {
  readonly id: Bytes;
  readonly name: string;
  readonly publicKey: Bytes | null;
  readonly now: number;
  readonly speech: Speech;
}

function insert(database: Database, { id, name, publicKey, now, speech }: NewClient): void {
  database.run(
    `INSERT INTO clients (id, name, public_key, first_seen, last_seen, edition, habits)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ...[id, name, publicKey, now, now, speech.edition, speech.habits.join(" ")],
  );
}

/** Whether a registration gives way to a new one. */
function mayYield(holder: Client, expiredBefore: number, claimedIds: readonly Bytes[]): boolean {
  if (holder.publicKey !== undefined || holder.speech.edition === PROTOCOL_4) return false;
  return holder.firstSeen < expiredBefore || claimedIds.some((id) => equalBytes(id, holder.id));
}
