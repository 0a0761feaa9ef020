/**
 * The running servers of a location: one by the socket in its data folder, or all that share a catalog.
 *
 * @module
 */
import { UnavailableError } from "../../protocol/errors.ts";
import { OPENERS, type StoreOpeners } from "../stores/open_stores.ts";
import type { ServerLocation } from "../stores/with_store.ts";
import { callServer } from "./call_server.ts";
import { roundsOf } from "../check/check_schedule.ts";
import type { CheckReport } from "./check_report.ts";
import { askServers, beginCheckAtServers, endAtServers } from "./server_reports.ts";
import type { RunningServer, SessionStatus } from "./server_status.ts";

/** A server as its operator sees it. */
export interface AskedServer<T> {
  /** Its name among the servers of a catalog; `undefined` for one alone. */
  readonly name: string | undefined;
  /** `undefined` if it does not answer. */
  readonly answer: T | undefined;
}

/** The sessions of a server. */
export interface OpenSessions {
  readonly sessions: readonly SessionStatus[];
  /** The number of open connections that are left out. */
  readonly omitted: number;
}

/** Questions of an operator to the running servers of a location. */
export interface RunningServers {
  /** The state of each server. */
  status(): Promise<readonly AskedServer<RunningServer>[]>;
  /** The open connections of each server. */
  sessions(): Promise<readonly AskedServer<OpenSessions>[]>;
  /** Ends a connection. Returns `false` if none has this id. */
  end(id: string): Promise<boolean>;
  /** The check of stored files. */
  check(): Promise<CheckReport>;
  /** Begins a check. Returns `false` if one that an operator has begun is in progress. */
  beginCheck(): Promise<boolean>;
}

/**
 * Asks the running servers of a location. `operator`: who asks. Throws `ConfigurationError` `no-running-server`,
 * `UnavailableError` `unavailable`, and the errors of `work`.
 */
export async function withRunningServers<T>(
  location: ServerLocation,
  operator: string,
  work: (servers: RunningServers) => Promise<T>,
  openers: StoreOpeners = OPENERS,
): Promise<T> {
  const url = typeof location === "string" ? undefined : location.catalog;
  if (url === undefined) return await work(serverAlone(location, operator));
  await using catalog = await openers.catalog(url);
  const rows = catalog.operators;
  return await work({
    status: async () =>
      (await askServers(rows, operator))
        .map(({ name, report }) => ({ name, answer: report?.status })),
    sessions: async () =>
      (await askServers(rows, operator)).map(({ name, report: answer }) => ({ name, answer })),
    end: (id) => endAtServers(rows, id, operator),
    check: async () => {
      const reports = (await askServers(rows, operator)).map(({ report }) => report?.check);
      return reports.find((check) => check !== undefined) ?? noneChecks();
    },
    beginCheck: async () => {
      const isNew = roundsOf(await catalog.checks.list()).current?.isRequested !== true;
      if (isNew && !(await beginCheckAtServers(rows, operator))) noneChecks();
      return isNew;
    },
  });
}

function serverAlone(location: ServerLocation, operator: string): RunningServers {
  return {
    status: async () => [{
      name: undefined,
      answer: await callServer(location, "status") as RunningServer,
    }],
    sessions: async () => {
      const sessions = await callServer(location, "sessions") as readonly SessionStatus[];
      return [{ name: undefined, answer: { sessions, omitted: 0 } }];
    },
    end: async (id) => await callServer(location, "end", { id, operator }) === true,
    check: async () => await callServer(location, "check") as CheckReport,
    beginCheck: async () => await callServer(location, "begin-check", { operator }) === true,
  };
}

function noneChecks(): never {
  throw new UnavailableError(
    "unavailable",
    "none of the servers that share the catalog has answered about the check of stored files",
  );
}
