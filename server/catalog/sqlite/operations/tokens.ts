/**
 * Tokens: invitations and link tokens.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { LoginFault, Principal, RevocationReason } from "../../accounts.ts";
import { MAX_INVITATIONS, MAX_LINKS } from "../../bounds.ts";
import type { Token } from "../../tokens.ts";
import type { Database } from "../database.ts";
import { toToken } from "../../rows.ts";
import { read, write } from "./operation.ts";

/** The time for which expired tokens are remembered, so that a client learns the reason: 30 days in milliseconds. */
const REMEMBERED_MS = 30 * 24 * 60 * 60_000;

const GOOD_INVITATION = "client_id IS NULL AND uses_left > 0 AND expires_at > ?";

export const TOKEN_OPERATIONS = {
  add: write((database, token: Token, by?: Bytes): boolean => {
    const { hash, accountId, label, usesLeft, used, expiresAt, madeAt } = token;
    if (accountId !== undefined && by !== undefined) {
      if (revocationReason(database, { accountId, key: by }) !== undefined) return false;
    }
    database.run("DELETE FROM tokens WHERE expires_at < ?", madeAt - REMEMBERED_MS);
    if (accountId !== undefined) {
      database.run(
        `DELETE FROM tokens WHERE hash IN (SELECT hash FROM tokens WHERE client_id = ?
         ORDER BY made_at DESC, rowid DESC LIMIT -1 OFFSET ?)`,
        ...[accountId, MAX_LINKS - 1],
      );
    } else if (countInvitations(database, madeAt) >= MAX_INVITATIONS) return false;
    database.run(
      `INSERT INTO tokens (hash, client_id, label, uses_left, used, expires_at, made_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      ...[hash, accountId ?? null, label ?? null, usesLeft, used, expiresAt, madeAt],
    );
    return true;
  }),
  invitations: read((database, now: number): Token[] =>
    database.all(`SELECT * FROM tokens WHERE ${GOOD_INVITATION} ORDER BY made_at, rowid`, now)
      .map(toToken)
  ),
  remove: write((database, hash: Bytes): void => {
    database.run("DELETE FROM tokens WHERE hash = ?", hash);
  }),
};

/** A token that can be used, or the reason why it cannot. */
export function findGoodToken(database: Database, hash: Bytes, now: number): Token | LoginFault {
  const [row] = database.all("SELECT * FROM tokens WHERE hash = ?", hash);
  if (row === undefined) return "token-unknown";
  const token = toToken(row);
  if (token.usesLeft <= 0) return "token-used-up";
  return token.expiresAt <= now ? "token-expired" : token;
}

export function useToken(database: Database, { hash }: Token): void {
  database.run("UPDATE tokens SET uses_left = uses_left - 1, used = used + 1 WHERE hash = ?", hash);
}

/** Removes all link tokens of an account. */
export function dropLinks(database: Database, accountId: Bytes): void {
  database.run("DELETE FROM tokens WHERE client_id = ?", accountId);
}

/** The reason why a session must end; `undefined` if it can continue. */
export function revocationReason(
  database: Database,
  { accountId, key }: Principal,
): RevocationReason | undefined {
  const query = `SELECT disabled FROM keys JOIN clients ON clients.id = keys.client_id
    WHERE keys.client_id = ? AND key = ?`;
  const [row] = database.all(query, accountId, key);
  if (row === undefined) return "gone";
  return row["disabled"] === 0 ? undefined : "disabled";
}

function countInvitations(database: Database, now: number): number {
  const query = `SELECT count(*) AS count FROM tokens WHERE ${GOOD_INVITATION}`;
  return database.all(query, now)[0]?.["count"] as number;
}
