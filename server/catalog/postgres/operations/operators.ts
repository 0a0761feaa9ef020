/**
 * Requests of operators to all servers, and reports of these servers.
 *
 * @module
 */
import type { OperatorRows } from "../../operator_rows.ts";
import { epochOf, type OperationsOf, read, write } from "./operation.ts";

export const OPERATOR_OPERATIONS: OperationsOf<OperatorRows> = {
  ask: write(async ({ run }, { subject, operator }, ttlMs) => {
    await run("DELETE FROM operator_requests WHERE until <= clock_timestamp()");
    await run("DELETE FROM node_reports WHERE epoch NOT IN (SELECT epoch FROM nodes)");
    await run(
      `INSERT INTO operator_requests (subject, operator, until)
       VALUES ($1, $2, clock_timestamp() + $3 * interval '1 millisecond')
       ON CONFLICT (subject) DO UPDATE SET operator = excluded.operator, until = excluded.until`,
      ...[subject, operator, ttlMs],
    );
  }),
  asked: read(async ({ all }, limit) => {
    const rows = await all(
      `SELECT subject, operator FROM operator_requests WHERE until > clock_timestamp()
       ORDER BY until LIMIT $1`,
      limit,
    );
    return rows.map((row) => ({
      subject: row["subject"] as string,
      operator: row["operator"] as string,
    }));
  }),
  isAsked: read(async ({ get }, subject) => {
    const asked = "SELECT FROM operator_requests WHERE subject = $1 AND until > clock_timestamp()";
    return await get(asked, subject) !== undefined;
  }),
  endRequest: write(async ({ get }, subject) => {
    const ended = await get(
      "DELETE FROM operator_requests WHERE subject = $1 RETURNING until > clock_timestamp() AS open",
      subject,
    );
    return ended?.["open"] === true;
  }),
  publish: async (database, report) => {
    const publish = `INSERT INTO node_reports (epoch, report, at) VALUES ($1, $2, clock_timestamp())
      ON CONFLICT (epoch) DO UPDATE SET report = excluded.report, at = excluded.at`;
    const epoch = epochOf(database);
    await database.repeatable((one) => one.run(publish, epoch, report));
  },
  reports: read(async ({ all }) => {
    const rows = await all(
      `SELECT nodes.epoch, name, report, extract(epoch FROM clock_timestamp() - at) * 1000 AS age_ms
       FROM nodes LEFT JOIN node_reports USING (epoch)
       WHERE lease_until > clock_timestamp() ORDER BY nodes.epoch`,
    );
    return rows.map((row) => ({
      name: row["name"] as string,
      epoch: row["epoch"] as number,
      report: row["report"] as string | null ?? undefined,
      ageMs: row["age_ms"] as number | null ?? Infinity,
    }));
  }),
};
