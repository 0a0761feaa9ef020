/**
 * Every bound that the server keeps, in one table: what it is, its default and the reason for that.
 *
 * @module
 */
import { RefusedError } from "../../protocol/errors.ts";

/** A limit of the server. */
export interface LimitDefinition {
  /** Times are in milliseconds, sizes in bytes, rates in bytes per second. `Infinity`: no limit. */
  readonly unit: "time" | "size" | "rate" | "count";
  /** Its value unless an operator sets another. */
  readonly default: number;
  /** The option of `xfer server`, without its dashes. */
  readonly option: string;
  /** The smallest allowed value; 0 if it is missing. */
  readonly least?: number;
  /** What it limits. */
  readonly what: string;
  /** Why the default is what it is. */
  readonly reason: string;
  /** The message to a client that exceeds it; `{}` stands for the value, times with their unit. */
  readonly told?: string;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Every limit by name. `option` stands by itself in each row, so that its type is one text: settings are looked up by
 * it.
 */
export const LIMITS = {
  maxConnections: {
    option: "max-connections",
    ...{ unit: "count", default: 4096, least: 1 },
    what: "open connections",
    reason:
      "each takes a descriptor and 4 KiB; about 1 MiB while a file arrives, 3 MiB while one is sent",
    told: "the server has as many connections as it takes",
  },
  maxConnectionsPerAddress: {
    option: "max-connections-per-address",
    ...{ unit: "count", default: 1024, least: 1 },
    what: "open connections of one address (IPv6: one /64 network)",
    reason: "a whole lab may sit behind one address; still nobody takes all connections alone",
    told: "the server takes {} connections from one address, and has as many from yours",
  },
  idleTimeoutMs: {
    option: "idle-timeout",
    ...{ unit: "time", default: 2 * MINUTE, least: 1 },
    what: "wait for a request on a connection, the first one too",
    reason: "dead peers don't pile up; clients that compute in between are not cut off",
    told: "nothing came from you for {}",
  },
  requestTimeoutMs: {
    option: "request-timeout",
    ...{ unit: "time", default: MINUTE, least: 1 },
    what: "wait for the rest of a request's header and fixed part once it has begun",
    reason: "they are a few hundred bytes, which any network carries in that time",
    told: "the rest of a request did not come within {}",
  },
  stallTimeoutMs: {
    option: "stall-timeout",
    ...{ unit: "time", default: MINUTE, least: 1 },
    what: "wait for the next bytes of a file, and for the peer to take an answer",
    reason: "survives a network that is gone for a moment",
    told: "nothing more came from you, or was taken by you, for {}",
  },
  minRate: {
    option: "min-rate",
    ...{ unit: "rate", default: KIB },
    what: "bytes a second at which a file arrives on average, after a stall's time to begin",
    reason: "a peer that drips bytes is cut off; the slowest links in use are faster",
    told: "the file came more slowly than {} bytes a second",
  },
  maxRequestsPerConnection: {
    option: "max-requests-per-connection",
    ...{ unit: "count", default: 100_000, least: 1 },
    what: "requests on one connection; a file counts once, however many packets it has",
    reason: "about 30,000 files in one run of a client of protocol 3, 100,000 of protocol 4",
    told: "one connection is good for {} requests",
  },
  maxRegistrationsPerHour: {
    option: "max-registrations-per-hour",
    ...{ unit: "count", default: 1000 },
    what: "requests to register from one address (IPv6: one /64 network) in an hour",
    reason: "a lab registers at once through one address; the catalog is not filled up",
    told: "the server registers {} users an hour from one address",
  },
  maxFileSize: {
    option: "max-file-size",
    ...{ unit: "size", default: Infinity },
    what: "size of a file",
    reason: "the protocol itself ends at 4 GiB − 273 bytes",
    told: "the server takes files of up to {} bytes",
  },
  quota: {
    option: "quota",
    ...{ unit: "size", default: Infinity },
    what: "bytes stored for one user",
    reason: "for the operator to decide",
    told: "your quota of {} bytes would be exceeded",
  },
  quotaFiles: {
    option: "quota-files",
    ...{ unit: "count", default: Infinity },
    what: "files stored for one user",
    reason: "for the operator to decide",
    told: "your quota of {} files is used up",
  },
  versions: {
    option: "versions",
    ...{ unit: "count", default: 1, least: 1 },
    what: "versions of a file that are kept, the current one among them",
    reason: "each takes its room on the disk, and counts in its user's quota",
  },
  inlineSize: {
    option: "inline-size",
    ...{ unit: "size", default: 16 * KIB },
    what:
      "size of a file of protocol 4 that the catalog keeps itself, rather than a file of its own",
    reason: "many small files take one sync together; larger ones are written once, not twice",
  },
  minFree: {
    option: "min-free",
    ...{ unit: "size", default: 256 * MIB },
    what: "free bytes on the data folder's disk that are left, whatever arrives",
    reason: "the catalog and the log must still be written when files fill the disk",
    told: "the server's disk is full",
  },
  maxStagedPerClient: {
    option: "max-staged-per-client",
    ...{ unit: "count", default: 1024, least: 1 },
    what: "files of one client that are arriving or not judged yet",
    reason: "each takes a staging file; by protocol 4 many come on each of some connections",
    told: "more than {} files of yours would be on their way at once",
  },
  maxPartialsPerClient: {
    option: "max-partials-per-client",
    ...{ unit: "count", default: 64 },
    what: "uploads of one client that were broken off and are kept; the oldest makes room",
    reason: "each takes a staging file; a client that comes back goes on with them",
  },
  partialTtlMs: {
    option: "partial-expiry",
    ...{ unit: "time", default: 7 * 24 * HOUR },
    what: "keep an upload that was broken off and is not gone on with",
    reason: "survives a long weekend; what is given up does not take room for ever",
  },
  maxUnverifiedPerClient: {
    option: "max-unverified-per-client",
    ...{ unit: "count", default: 16, least: 1 },
    what: "files of one client that have arrived and are not judged yet; the oldest makes room",
    reason: "clients that leave files unjudged can go on",
  },
  unverifiedTtlMs: {
    option: "unverified-ttl",
    ...{ unit: "time", default: 10 * MINUTE, least: 1 },
    what:
      "keep a file whose checksum the client does not judge, or whose next packet does not come",
    reason: "some clients connect anew to judge it",
  },
  maxParked: {
    option: "max-parked",
    ...{ unit: "count", default: 256 },
    what: "files between two packets that come on connections of their own; the oldest makes room",
    reason: "for the few clients that send so; each takes a descriptor",
  },
  maxParkedPerClient: {
    option: "max-parked-per-client",
    ...{ unit: "count", default: 4 },
    what: "such files of one client; the oldest makes room",
    reason: "no client pushes out those of others",
  },
  registrationTtlMs: {
    option: "registration-ttl",
    ...{ unit: "time", default: 10 * MINUTE, least: 1 },
    what: "keep a registered name whose key exchange does not come",
    reason: "a client that died in between can have its name again",
  },
  maxReservations: {
    option: "max-reservations",
    ...{ unit: "count", default: 4096 },
    what: "ids held for denied clients; the oldest makes room",
    reason: "held until used, at most for a registration's time",
  },
  sessionTtlMs: {
    option: "session-ttl",
    ...{ unit: "time", default: HOUR, least: 1 },
    what: "keep an AES key that is not used",
    reason: "it is needed only while its client is at work",
  },
  maxSessions: {
    option: "max-sessions",
    ...{ unit: "count", default: 65_536, least: 1 },
    what: "AES keys in memory; the one unused for longest makes room",
    reason: "about 200 bytes each",
  },
  maxAddresses: {
    option: "max-addresses",
    ...{ unit: "count", default: 65_536, least: 1 },
    what: "addresses whose registrations are counted; the oldest makes room",
    reason: "about 100 bytes each",
  },
} as const satisfies Readonly<Record<string, LimitDefinition>>;

/** The name of a limit. */
export type LimitName = keyof typeof LIMITS;
/** The values of all limits. */
export type Limits = Readonly<Record<LimitName, number>>;

export const LIMIT_NAMES = Object.keys(LIMITS) as LimitName[];

/** The values of all limits by default. */
export const DEFAULT_LIMITS: Limits = Object.fromEntries(
  LIMIT_NAMES.map((name) => [name, LIMITS[name].default]),
) as Limits;

/** A peer has exceeded a limit. Its connection ends with an error. */
export class LimitError extends RefusedError {
  /** Which limit. */
  readonly limit: LimitName;

  /** The message is for the client: it has the value, and not the name of the option. */
  constructor(limit: LimitName, value: number) {
    const { told, what, unit }: LimitDefinition = LIMITS[limit];
    const amount = unit === "time" ? `${value / SECOND} seconds` : `${value}`;
    const words = told ?? `more than the server takes: ${what}, {}`;
    super("limit-reached", words.replace("{}", amount));
    this.limit = limit;
  }
}
