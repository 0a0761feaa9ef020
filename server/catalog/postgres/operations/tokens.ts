/**
 * Tokens: invitations and link tokens.
 *
 * @module
 */
import type { Bytes } from "../../../../protocol/bytes.ts";
import type { LoginFault, Principal, RevocationReason } from "../../accounts.ts";
import { MAX_INVITATIONS, MAX_LINKS } from "../../bounds.ts";
import { toToken } from "../../rows.ts";
import type { Token, Tokens } from "../../tokens.ts";
import type { Queries } from "../database.ts";
import { type OperationsOf, read, repeatable, wholeTime, write } from "./operation.ts";

/** The time for which expired tokens are remembered, so that a client learns the reason: 30 days in milliseconds. */
const REMEMBERED_MS = 30 * 24 * 60 * 60_000;
/** The lock of a transaction that counts invitations, the letters "xinv". */
const INVITATIONS_LOCK = 0x78696e76;

const GOOD_INVITATION = "client_id IS NULL AND uses_left > 0 AND expires_at > $1";

export const TOKEN_OPERATIONS: OperationsOf<Tokens> = {
  add: write(async (transaction, token: Token, by?: Bytes) => {
    const { hash, accountId, label, usesLeft, used, expiresAt, madeAt } = token;
    if (accountId === undefined) {
      await transaction.run("SELECT pg_advisory_xact_lock($1)", INVITATIONS_LOCK);
    } else {
      await transaction.run("SELECT 1 FROM clients WHERE id = $1 FOR NO KEY UPDATE", accountId);
      if (by !== undefined) {
        const [reason] = await revocationsOf(transaction, [{ accountId, key: by }]);
        if (reason !== undefined) return false;
      }
    }
    await transaction.run(
      "DELETE FROM tokens WHERE expires_at < $1",
      wholeTime(madeAt - REMEMBERED_MS),
    );
    if (accountId !== undefined) {
      await transaction.run(
        `DELETE FROM tokens WHERE hash IN (SELECT hash FROM tokens WHERE client_id = $1
         ORDER BY made_at DESC, id DESC OFFSET $2)`,
        ...[accountId, MAX_LINKS - 1],
      );
    } else if (await countInvitations(transaction, madeAt) >= MAX_INVITATIONS) return false;
    await transaction.run(
      `INSERT INTO tokens (hash, client_id, label, uses_left, used, expires_at, made_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      ...[hash, accountId, label, usesLeft, used, expiresAt, madeAt],
    );
    return true;
  }),
  invitations: read(async (queries, now: number) => {
    const query = `SELECT * FROM tokens WHERE ${GOOD_INVITATION} ORDER BY made_at, id`;
    return (await queries.all(query, now)).map(toToken);
  }),
  remove: repeatable(async (queries, hash: Bytes) => {
    await queries.run("DELETE FROM tokens WHERE hash = $1", hash);
  }),
};

/** A token that can be used, locked until the end of the transaction, or the reason why it cannot. */
export async function findGoodToken(
  queries: Queries,
  hash: Bytes,
  now: number,
): Promise<Token | LoginFault> {
  const row = await queries.get("SELECT * FROM tokens WHERE hash = $1 FOR UPDATE", hash);
  if (row === undefined) return "token-unknown";
  const token = toToken(row);
  if (token.usesLeft <= 0) return "token-used-up";
  return token.expiresAt <= now ? "token-expired" : token;
}

export async function useToken(queries: Queries, { hash }: Token): Promise<void> {
  const query = "UPDATE tokens SET uses_left = uses_left - 1, used = used + 1 WHERE hash = $1";
  await queries.run(query, hash);
}

/** Removes all link tokens of an account. */
export async function dropLinks(queries: Queries, accountId: Bytes): Promise<void> {
  await queries.run("DELETE FROM tokens WHERE client_id = $1", accountId);
}

/** The reasons why sessions must end; `undefined` for those that can continue. */
export async function revocationsOf(
  queries: Queries,
  principals: readonly Principal[],
): Promise<(RevocationReason | undefined)[]> {
  const rows = await queries.all(
    `SELECT keys.key, disabled
     FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS one (client_id, key, at)
     LEFT JOIN keys ON keys.client_id = one.client_id AND keys.key = one.key
     LEFT JOIN clients ON clients.id = keys.client_id ORDER BY at`,
    ...[principals.map(({ accountId }) => accountId), principals.map(({ key }) => key)],
  );
  return rows.map((row) => {
    if (row["key"] === null) return "gone";
    return row["disabled"] === true ? "disabled" : undefined;
  });
}

async function countInvitations(queries: Queries, now: number): Promise<number> {
  const query = `SELECT count(*) AS count FROM tokens WHERE ${GOOD_INVITATION}`;
  return (await queries.get(query, now))?.["count"] as number;
}
