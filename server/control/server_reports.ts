/**
 * Reports of servers that share a catalog, and requests to end a connection wherever it is. Servers report only while an
 * operator looks.
 *
 * @module
 */
import { printable } from "../../protocol/printable.ts";
import type { NodeReport, OperatorRows } from "../catalog/operator_rows.ts";
import { isImport } from "../catalog/shared_catalog.ts";
import { type CheckReport, checkReport } from "./check_report.ts";
import {
  readStatus,
  type RunningServer,
  sessionsOf,
  type SessionStatus,
  type StatusSource,
} from "./server_status.ts";

/** The subject of the request to report. All others are ids of connections. */
export const REPORT = "report";
/** The subject of the request to read all files. */
export const CHECK = "check";
/** The age up to which the state of the check is reported again, in milliseconds. */
const CHECK_FRESH_MS = 1000;
/** The time for which servers report after an operator has looked, in milliseconds. */
const LOOK_MS = 10_000;
/** The time that servers have to answer, in milliseconds: several looks at the requests. */
const PATIENCE_MS = 5000;
/** The interval at which an operator looks for an answer, in milliseconds. */
const RETRY_MS = 200;
/** Changes with the form of a report, so that servers of two versions do not misread each other. */
const FORM = 1;
/** The most characters of the sessions in a report. Those without a transfer are left out first. */
const MAX_REPORT = 256 * 1024;
/** The most transfers of a session in a report. */
const MAX_TRANSFERS = 16;

export interface ServerReport {
  readonly status: RunningServer;
  readonly sessions: readonly SessionStatus[];
  /** The number of open connections that are left out. */
  readonly omitted: number;
  /** The check of stored files, at the server that does it. */
  readonly check?: CheckReport | undefined;
  /** The subjects of the requests that the server had looked at before. */
  readonly looked: readonly string[];
}

/** A server of the catalog. */
export interface ServerState {
  /** Its name, for people. */
  readonly name: string;
  readonly epoch: number;
  /** `undefined` if it has not reported: it is paused, or of another version. */
  readonly report: ServerReport | undefined;
}

/** The report of a server as a text. `looked`: the subjects of requests that it has looked at. */
export async function writeReport(
  source: StatusSource,
  looked: readonly string[],
): Promise<string> {
  const all = sessionsOf(source.context).toSorted((a, b) =>
    b.transfers.length - a.transfers.length
  );
  const sessions: SessionStatus[] = [];
  let size = 0;
  for (const session of all) {
    const one = { ...session, transfers: session.transfers.slice(0, MAX_TRANSFERS) };
    size += JSON.stringify(one).length;
    if (size > MAX_REPORT) break;
    sessions.push(one);
  }
  const omitted = all.length - sessions.length;
  const found = await source.check.status(CHECK_FRESH_MS);
  const status = await readStatus(source, found);
  const { store } = source.context;
  const check = found.state === "elsewhere" ? undefined : await checkReport(store.catalog, found);
  const report: ServerReport = { status, sessions, omitted, check, looked };
  return JSON.stringify({ form: FORM, ...report });
}

/** Its texts are safe to show, even if others have changed the database. */
function readReport(text: string | undefined): ServerReport | undefined {
  if (text === undefined) return undefined;
  try {
    const safe = (_: string, value: unknown) =>
      typeof value === "string" ? printable(value) : value;
    const { form, ...report } = JSON.parse(text, safe) as ServerReport & { readonly form: unknown };
    return form === FORM ? report : undefined;
  } catch {
    return undefined;
  }
}

/** Asks all servers to report, and returns what they have reported up to now. */
export async function lookAtServers(rows: OperatorRows, operator: string): Promise<ServerState[]> {
  await rows.ask({ subject: REPORT, operator }, LOOK_MS);
  return toStates(await serversIn(rows), LOOK_MS);
}

/** Asks all servers to report, and waits for it. Returns each; without a report, if it does not answer. */
export async function askServers(
  rows: OperatorRows,
  operator: string,
  patienceMs: number = PATIENCE_MS,
): Promise<ServerState[]> {
  const begin = performance.now();
  await rows.ask({ subject: REPORT, operator }, LOOK_MS);
  for (;;) {
    const passed = performance.now() - begin;
    const servers = await serversIn(rows);
    if (servers.every(({ ageMs }) => ageMs <= passed) || passed >= patienceMs) {
      return toStates(servers, passed);
    }
    await sleep(RETRY_MS);
  }
}

/** Ends a connection at whichever server has it. Returns `false` if none has. */
export async function endAtServers(
  rows: OperatorRows,
  id: string,
  operator: string,
  patienceMs: number = PATIENCE_MS,
): Promise<boolean> {
  if (id === REPORT || id === CHECK) return false;
  const begin = performance.now();
  await rows.ask({ subject: id, operator }, LOOK_MS);
  await rows.ask({ subject: REPORT, operator }, LOOK_MS);
  for (;;) {
    // An older report can name an earlier request for this connection.
    const passed = performance.now() - begin;
    const states = toStates(await serversIn(rows), passed);
    if (!(await rows.isAsked(id))) return true;
    const isNowhere = states.every(({ report }) => report?.looked.includes(id));
    if (isNowhere || passed >= patienceMs) return !(await rows.endRequest(id));
    await sleep(RETRY_MS);
  }
}

/** Lets the server that does the housekeeping read all files. Returns `false` if none has begun. */
export async function beginCheckAtServers(
  rows: OperatorRows,
  operator: string,
  patienceMs: number = PATIENCE_MS,
): Promise<boolean> {
  const begin = performance.now();
  await rows.ask({ subject: CHECK, operator }, LOOK_MS);
  while (await rows.isAsked(CHECK)) {
    if (performance.now() - begin >= patienceMs) return !(await rows.endRequest(CHECK));
    await sleep(RETRY_MS);
  }
  return true;
}

/** An import has a lease, too, but does not report. */
async function serversIn(rows: OperatorRows): Promise<NodeReport[]> {
  return (await rows.reports()).filter(({ name }) => !isImport(name));
}

/** Without reports that are older than `maxAgeMs`. */
function toStates(reports: readonly NodeReport[], maxAgeMs: number): ServerState[] {
  return reports.map(({ name, epoch, report, ageMs }) => ({
    ...{ name: printable(name), epoch },
    report: ageMs <= maxAgeMs ? readReport(report) : undefined,
  }));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
