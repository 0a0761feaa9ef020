/**
 * The state of a server as JSON, for the operator's commands.
 *
 * @module
 */
import type { CheckStatus, FileCheck } from "../check/background_check.ts";
import type { Context } from "../context.ts";
import type { ReportedHooks } from "../hooks/hook_settings.ts";
import type { HookReport } from "../hooks/hook_settings.ts";
import { LIMITS } from "../limits/limits.ts";
import type { CheckReport } from "./check_report.ts";
import type { LiveConnection } from "../monitor/live_connection.ts";
import type { LiveTransfer } from "../monitor/live_transfer.ts";
import { DIRECTIONS, type TransferDirection } from "../monitor/traffic.ts";

/** A file that is being transferred. */
export interface TransferStatus {
  readonly direction: TransferDirection;
  readonly file: string;
  /** Bytes; `null` if the client does not know it in advance. */
  readonly size: number | null;
  /** The bytes of the file that have arrived. */
  readonly progress: number;
  /** Bytes per second since the transfer began. */
  readonly rate: number;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** An open connection. */
export interface SessionStatus {
  readonly id: string;
  readonly protocol: 3 | 4;
  /** `HOST:PORT`. */
  readonly address: string;
  /** The user name; `null` before the client has signed in. */
  readonly user: string | null;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly uploadedFiles: number;
  readonly uploadedBytes: number;
  readonly downloadedFiles: number;
  readonly downloadedBytes: number;
  readonly transfers: readonly TransferStatus[];
}

/** Files and bytes of one direction since the start. */
export interface TrafficStatus {
  readonly direction: TransferDirection;
  /** The number of files in progress. */
  readonly open: number;
  readonly files: number;
  readonly failed: number;
  readonly bytes: number;
}

/** A running server. */
export interface RunningServer {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly now: number;
  readonly connections: number;
  /** The number of signed-in accounts. */
  readonly users: number;
  readonly traffic: readonly TrafficStatus[];
  /** Line 1 of `transfer.info` for clients of protocol 4; missing if the server does not offer it. */
  readonly location?: string | undefined;
  /** How often each limit was reached, by option without its dashes. */
  readonly limitsReached: Readonly<Record<string, number>>;
  /** The check of all stored files. */
  readonly check?: CheckSummary | undefined;
  /** Events for a receiver; missing without one. */
  readonly hooks?: HookReport | undefined;
}

/** The check in few words. */
export type CheckSummary = Pick<CheckReport, "state" | "progress" | "damaged">;

/** The parts of a server that its state comes from. */
export interface StatusSource {
  readonly context: Context;
  readonly check: FileCheck;
  readonly location: () => string | undefined;
  /** The events for a receiver; `undefined` without one. */
  readonly hooks?: ReportedHooks | undefined;
}

/** The whole state of a server. `status`: that of its check, if it was read already. */
export async function readStatus(
  { context, check, location, hooks }: StatusSource,
  status?: CheckStatus,
): Promise<RunningServer> {
  const state = statusOf(context, status ?? await check.status());
  return { ...state, location: location(), hooks: await hooks?.report() };
}

export function sessionsOf({ monitor, clock }: Context): SessionStatus[] {
  const now = clock();
  return [...monitor.connections.values()].map((connection) => toSession(connection, now));
}

export function statusOf(
  { monitor, clock, limitLog }: Context,
  check?: CheckStatus,
): RunningServer {
  const connections = [...monitor.connections.values()];
  const transfers = connections.flatMap((connection) => [...connection.transfers]);
  const users = new Set(connections.flatMap(({ user }) => user === undefined ? [] : [user.client]));
  return {
    ...{ startedAt: monitor.startedAt, now: clock() },
    ...{ connections: connections.length, users: users.size },
    traffic: DIRECTIONS.map((direction) => {
      const { completed: files, ...total } = monitor.traffic.total(direction);
      const open = transfers.filter((transfer) => transfer.direction === direction).length;
      return { direction, open, files, ...total };
    }),
    limitsReached: Object.fromEntries(
      [...limitLog.counts].map(([name, count]) => [LIMITS[name].option, count]),
    ),
    ...check && {
      check: {
        ...{ state: check.state, progress: check.progress ?? null, damaged: check.damaged },
      },
    },
  };
}

function toSession(connection: LiveConnection, now: number): SessionStatus {
  const { id, protocol, address, user, since } = connection;
  const [uploaded, downloaded] = [connection.total("upload"), connection.total("download")];
  return {
    ...{ id, protocol, address, user: user?.name ?? null, since },
    ...{ uploadedFiles: uploaded.files, uploadedBytes: uploaded.bytes },
    ...{ downloadedFiles: downloaded.files, downloadedBytes: downloaded.bytes },
    transfers: [...connection.transfers].map((transfer) => toTransfer(transfer, now)),
  };
}

function toTransfer(
  { direction, file, size, progress, bytes, since }: LiveTransfer,
  now: number,
): TransferStatus {
  const rate = Math.round(1000 * bytes / Math.max(1, now - since));
  return { direction, file, size: size ?? null, progress, rate, since };
}
