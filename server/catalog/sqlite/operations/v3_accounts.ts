/**
 * Clients and their names, and the keys of those of protocol 3.
 *
 * @module
 */
import type { SQLInputValue } from "node:sqlite";
import { type Bytes, equalBytes } from "../../../../protocol/bytes.ts";
import {
  type Account,
  type KeyChange,
  mayYield,
  PROTOCOL_4,
  type RegisterAccount,
  type SetPublicKey,
  type StoredProfile,
} from "../../accounts.ts";
import type { Database } from "../database.ts";
import { toClient } from "../rows.ts";
import { read, write } from "./operation.ts";
import { addOrphan } from "./garbage.ts";

export const ACCOUNT_OPERATIONS = {
  registerClient: write((database, registration: RegisterAccount): boolean => {
    const { id, name, now, storedProfile, expiredBefore, claimedIds } = registration;
    const holder = findBy(database, "name = ?", name);
    if (holder !== undefined) {
      if (!mayYield(holder, expiredBefore, claimedIds)) return false;
      database.run("DELETE FROM clients WHERE id = ?", holder.id);
    }
    insert(database, { id, name, publicKey: null, now, storedProfile });
    return true;
  }),
  setPublicKey: write((database, change: SetPublicKey): KeyChange => {
    const { id, name, publicKey, now, storedProfile, expiredBefore, reservedFor } = change;
    const client = findBy(database, "id = ? AND name = ?", id, name);
    if (client?.storedProfile.edition === PROTOCOL_4) return "unknown";
    if (client?.disabled) return "disabled";
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
    insert(database, { id, name, publicKey, now, storedProfile });
    return "set";
  }),
  expireRegistrations: write((database, before: number): void => {
    const query =
      "DELETE FROM clients WHERE public_key IS NULL AND edition <> ? AND first_seen < ?";
    database.run(query, PROTOCOL_4, before);
  }),
  findClient: read((database, id: Bytes): Account | undefined => findBy(database, "id = ?", id)),
  findClientByName: read((database, name: string): Account | undefined =>
    findBy(database, "name = ?", name)
  ),
  noteSeen: write((database, id: Bytes, now: number): void => {
    database.run("UPDATE clients SET last_seen = ? WHERE id = ?", now, id);
  }),
  setStoredProfile: write((database, id: Bytes, { edition, quirks }: StoredProfile): void => {
    // A connection of protocol 3 may still be open when its account goes over to protocol 4.
    const query = "UPDATE clients SET edition = ?, habits = ? WHERE id = ? AND edition <> ?";
    database.run(query, edition, quirks.join(" "), id, PROTOCOL_4);
  }),
  listClients: read((database): Account[] =>
    database.all("SELECT * FROM clients ORDER BY name").map(toClient)
  ),
  removeClient: write((database, id: Bytes): string[] => {
    const query = `SELECT path FROM files WHERE client_id = ?
      UNION ALL SELECT path FROM partials WHERE client_id = ?`;
    const paths = database.all(query, id, id)
      .map((row) => row["path"] as string);
    for (const path of paths) addOrphan(database, path);
    database.run("DELETE FROM clients WHERE id = ?", id);
    return paths;
  }),
};

export function findBy(
  database: Database,
  condition: string,
  ...values: SQLInputValue[]
): Account | undefined {
  return database.all(`SELECT * FROM clients WHERE ${condition}`, ...values).map(toClient)[0];
}

interface NewClient {
  readonly id: Bytes;
  readonly name: string;
  readonly publicKey: Bytes | null;
  readonly now: number;
  readonly storedProfile: StoredProfile;
}

export function insert(database: Database, client: NewClient): Account {
  const { id, name, publicKey, now, storedProfile } = client;
  database.run(
    `INSERT INTO clients (id, name, public_key, first_seen, last_seen, edition, habits)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ...[id, name, publicKey, now, now, storedProfile.edition, storedProfile.quirks.join(" ")],
  );
  return findBy(database, "id = ?", id) as Account;
}
