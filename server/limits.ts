/**
 * Every bound that the server keeps, in one table: what it is, its default and the reason for that.
 *
 * @module
 */
import { RefusedError } from "../protocol/mod.ts";

export interface LimitDefinition {
  /** Times are in milliseconds, sizes in bytes, rates in bytes a second. `Infinity`: no limit. */
  readonly unit: "time" | "size" | "rate" | "count";
  readonly default: number;
  /** The option of `xfer server`, without its dashes. */
  readonly option: string;
  readonly what: string;
  readonly reason: string;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const KIB = 1024;
const MIB = 1024 * KIB;

export const LIMITS = {
  maxConnections: {
    ...{ unit: "count", default: 4096, option: "max-connections" },
    what: "open connections",
    reason: "each takes a descriptor and 4 KiB, or about 1 MiB while a file arrives",
  },
  maxConnectionsPerAddress: {
    ...{ unit: "count", default: 1024, option: "max-connections-per-address" },
    what: "open connections of one address (IPv6: one /64 network)",
    reason: "a whole lab may sit behind one address; still nobody takes all connections alone",
  },
  idleTimeoutMs: {
    ...{ unit: "time", default: 2 * MINUTE, option: "idle-timeout" },
    what: "wait for a request on a connection, the first one too",
    reason: "dead peers don't pile up; clients that compute in between are not cut off",
  },
  requestTimeoutMs: {
    ...{ unit: "time", default: MINUTE, option: "request-timeout" },
    what: "wait for the rest of a request's header and fixed part once it has begun",
    reason: "they are a few hundred bytes, which any network carries in that time",
  },
  stallTimeoutMs: {
    ...{ unit: "time", default: MINUTE, option: "stall-timeout" },
    what: "wait for the next bytes of a file, and for the peer to take an answer",
    reason: "survives a network that is gone for a moment",
  },
  minRate: {
    ...{ unit: "rate", default: KIB, option: "min-rate" },
    what: "bytes a second at which a file arrives on average, after a stall's time to begin",
    reason: "a peer that drips bytes is cut off; the slowest links in use are faster",
  },
  maxRequestsPerConnection: {
    ...{ unit: "count", default: 100_000, option: "max-requests-per-connection" },
    what: "requests on one connection; a file counts once, however many packets it has",
    reason: "about 30,000 files in one run of a client of protocol 3, 100,000 of protocol 4",
  },
  maxRegistrationsPerHour: {
    ...{ unit: "count", default: 1000, option: "max-registrations-per-hour" },
    what: "requests to register from one address (IPv6: one /64 network) in an hour",
    reason: "a lab registers at once through one address; the catalog is not filled up",
  },
  maxFileSize: {
    ...{ unit: "size", default: Infinity, option: "max-file-size" },
    what: "size of a file",
    reason: "the protocol itself ends at 4 GiB − 273 bytes",
  },
  quota: {
    ...{ unit: "size", default: Infinity, option: "quota" },
    what: "bytes stored for one user",
    reason: "for the operator to decide",
  },
  quotaFiles: {
    ...{ unit: "count", default: Infinity, option: "quota-files" },
    what: "files stored for one user",
    reason: "for the operator to decide",
  },
  versions: {
    ...{ unit: "count", default: 1, option: "versions" },
    what: "versions of a file that are kept, the current one among them",
    reason: "each takes its room on the disk, and counts in its user's quota",
  },
  inlineSize: {
    ...{ unit: "size", default: 16 * KIB, option: "inline-size" },
    what:
      "size of a file of protocol 4 that the catalog keeps itself, rather than a file of its own",
    reason: "many small files take one sync together; larger ones are written once, not twice",
  },
  minFree: {
    ...{ unit: "size", default: 256 * MIB, option: "min-free" },
    what: "free bytes on the data folder's disk that are left, whatever arrives",
    reason: "the catalog and the log must still be written when files fill the disk",
  },
  maxStagedPerClient: {
    ...{ unit: "count", default: 1024, option: "max-staged-per-client" },
    what: "files of one client that are arriving or not judged yet",
    reason: "each takes a staging file; by protocol 4 many come on each of some connections",
  },
  maxPartialsPerClient: {
    ...{ unit: "count", default: 64, option: "max-partials-per-client" },
    what: "uploads of one client that were broken off and are kept; the oldest makes room",
    reason: "each takes a staging file; a client that comes back goes on with them",
  },
  partialTtlMs: {
    ...{ unit: "time", default: 7 * 24 * HOUR, option: "partial-expiry" },
    what: "keep an upload that was broken off and is not gone on with",
    reason: "survives a long weekend; what is given up does not take room for ever",
  },
  maxUnverifiedPerClient: {
    ...{ unit: "count", default: 16, option: "max-unverified-per-client" },
    what: "files of one client that have arrived and are not judged yet; the oldest makes room",
    reason: "clients that leave files unjudged can go on",
  },
  unverifiedTtlMs: {
    ...{ unit: "time", default: 10 * MINUTE, option: "unverified-ttl" },
    what:
      "keep a file whose checksum the client does not judge, or whose next packet does not come",
    reason: "some clients connect anew to judge it",
  },
  maxParked: {
    ...{ unit: "count", default: 256, option: "max-parked" },
    what: "files between two packets that come on connections of their own; the oldest makes room",
    reason: "for the few clients that send so; each takes a descriptor",
  },
  maxParkedPerClient: {
    ...{ unit: "count", default: 4, option: "max-parked-per-client" },
    what: "such files of one client; the oldest makes room",
    reason: "no client pushes out those of others",
  },
  registrationTtlMs: {
    ...{ unit: "time", default: 10 * MINUTE, option: "registration-ttl" },
    what: "keep a registered name whose key exchange does not come",
    reason: "a client that died in between can have its name again",
  },
  maxReservations: {
    ...{ unit: "count", default: 4096, option: "max-reservations" },
    what: "ids held for denied clients; the oldest makes room",
    reason: "held until used, at most for a registration's time",
  },
  sessionTtlMs: {
    ...{ unit: "time", default: HOUR, option: "session-ttl" },
    what: "keep an AES key that is not used",
    reason: "it is needed only while its client is at work",
  },
  maxSessions: {
    ...{ unit: "count", default: 65_536, option: "max-sessions" },
    what: "AES keys in memory; the one unused for longest makes room",
    reason: "about 200 bytes each",
  },
  maxAddresses: {
    ...{ unit: "count", default: 65_536, option: "max-addresses" },
    what: "addresses whose registrations are counted; the oldest makes room",
    reason: "about 100 bytes each",
  },
} as const satisfies Readonly<Record<string, LimitDefinition>>;

export type LimitName = keyof typeof LIMITS;
export type Limits = Readonly<Record<LimitName, number>>;

export const LIMIT_NAMES = Object.keys(LIMITS) as LimitName[];

export const DEFAULT_LIMITS: Limits = Object.fromEntries(
  LIMIT_NAMES.map((name) => [name, LIMITS[name].default]),
) as Limits;

/** A peer has gone over a limit: it gets a general error, and its connection ends. */
export class LimitError extends RefusedError {
  readonly limit: LimitName;

  constructor(limit: LimitName, value: number) {
    super("limit-reached", `over the limit ${limit}: ${LIMITS[limit].what}, ${value}`);
    this.limit = limit;
  }
}
