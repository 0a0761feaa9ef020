/**
 * All limits of the server in one table, each with its meaning, its default and the reason for it.
 *
 * @module
 */
import { RefusedError } from "../../protocol/errors.ts";

/** A limit of the server. */
export interface LimitDefinition {
  /**
   * Times and ages are in milliseconds, sizes in bytes, rates in bytes per second. `Infinity`: no limit. An age is compared
   * with stored times, and can be 0.
   */
  readonly unit: "time" | "age" | "size" | "rate" | "count";
  /** The value if the operator sets none. */
  readonly default: number;
  /** The option of `xfer server`, without its dashes. */
  readonly option: string;
  /** The smallest allowed value; 0 if it is missing. */
  readonly least?: number;
  /** Whether only protocol 3 needs the limit. */
  readonly isOfProtocol3?: boolean;
  /** Its meaning, as a phrase. */
  readonly what: string;
  /** The reason for the default. */
  readonly reason: string;
  /** The message to a client that exceeds the limit. `{}` stands for the value, times with their unit. */
  readonly message?: string;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * All limits by name. `option` stands by itself in each row so that its type is a literal, by which settings are looked
 * up.
 */
export const LIMITS = {
  quota: {
    option: "quota",
    ...{ unit: "size", default: Infinity },
    what: "bytes that an account may store",
    reason: "for the operator to decide",
    message: "the upload would exceed your quota of {} bytes",
  },
  quotaFiles: {
    option: "quota-files",
    ...{ unit: "count", default: Infinity },
    what: "files that an account may store",
    reason: "for the operator to decide",
    message: "your quota of {} files is used up",
  },
  maxFileSize: {
    option: "max-file-size",
    ...{ unit: "size", default: Infinity },
    what: "maximum size of a file in bytes",
    reason: "protocol 3 itself ends at 4 GiB − 273 bytes",
    message: "the server accepts files of up to {} bytes",
  },
  historyMs: {
    option: "history",
    ...{ unit: "age", default: 30 * 24 * HOUR },
    what: "time to keep replaced and removed versions while there is room (0: none)",
    reason: "a mistake is noticed within weeks; history never causes a refusal",
  },
  maxConnections: {
    option: "max-connections",
    ...{ unit: "count", default: 4096, least: 1 },
    what: "maximum number of open connections",
    reason:
      "each takes a descriptor and 4 KiB; about 1 MiB during an upload, 3 MiB during a download",
    message: "the server has reached its connection limit",
  },
  maxConnectionsPerAddress: {
    option: "max-connections-per-address",
    ...{ unit: "count", default: 1024, least: 1 },
    what: "maximum number of open connections from one address (IPv6: one /64 network)",
    reason: "a whole lab can share one address, but no address takes all connections",
    message: "your address already has {} connections, the maximum",
  },
  idleTimeoutMs: {
    option: "idle-timeout",
    ...{ unit: "time", default: 2 * MINUTE, least: 1 },
    what: "time to wait for a request on a connection, including the first",
    reason: "dead peers don't pile up; clients that compute between requests stay connected",
    message: "no request arrived for {}",
  },
  requestTimeoutMs: {
    option: "request-timeout",
    ...{ unit: "time", default: MINUTE, least: 1 },
    what: "time to wait for the rest of a request's header and fixed part once it has begun",
    reason: "they are a few hundred bytes, which any network carries in that time",
    message: "the rest of a request did not arrive within {}",
  },
  stallTimeoutMs: {
    option: "stall-timeout",
    ...{ unit: "time", default: MINUTE, least: 1 },
    what: "time to wait for the next bytes of a file, and for the peer to take an answer",
    reason: "survives a short network outage",
    message: "the transfer stalled for {}",
  },
  minRate: {
    option: "min-rate",
    ...{ unit: "rate", default: KIB },
    what: "minimum average rate of an upload in bytes per second, after an initial stall-timeout",
    reason: "disconnects a peer that drips bytes; the slowest links in use are faster",
    message: "the upload was slower than {} bytes per second",
  },
  maxRequestsPerConnection: {
    option: "max-requests-per-connection",
    ...{ unit: "count", default: 100_000, least: 1 },
    what:
      "maximum number of requests on one connection; a file counts once, however many packets it has",
    reason: "about 30,000 files in one run of a client over protocol 3, 100,000 over protocol 4",
    message: "a connection can make at most {} requests",
  },
  maxRegistrationsPerHour: {
    option: "max-registrations-per-hour",
    ...{ unit: "count", default: 1000 },
    what: "maximum number of registrations per hour from one address (IPv6: one /64 network)",
    reason: "a lab registers at once through one address, but the catalog does not fill up",
    message: "your address can register at most {} accounts per hour",
  },
  maxFailedSignIns: {
    option: "max-failed-sign-ins",
    ...{ unit: "count", default: 100, least: 1 },
    what:
      "maximum number of failed sign-ins from one address (IPv6: one /64 network) before it is refused for a while",
    reason: "a whole lab can share one address; answers after the tenth failure are delayed",
    message: "your address has failed to sign in {} times",
  },
  signInBanMs: {
    option: "sign-in-ban",
    ...{ unit: "time", default: 10 * MINUTE, least: 1 },
    what: "time without a failed sign-in after which an address can sign in again",
    reason: "slows down guessing; a mistake is over soon",
  },
  maxRate: {
    option: "max-rate",
    ...{ unit: "rate", default: 0 },
    what:
      "maximum rate of all uploads together in bytes per second, and of all downloads (0: no limit)",
    reason: "for the operator to decide",
  },
  maxRatePerUser: {
    option: "max-rate-per-user",
    ...{ unit: "rate", default: 0 },
    what:
      "maximum rate of an account's uploads in bytes per second, and of its downloads (0: no limit)",
    reason: "for the operator to decide",
  },
  hookRetryMs: {
    option: "hook-retry",
    ...{ unit: "time", default: 72 * HOUR, least: 1 },
    what: "time after which the server gives up on an event that its receiver does not accept",
    reason: "survives a weekend without anybody looking",
  },
  maxHooks: {
    option: "max-hooks",
    ...{ unit: "count", default: 100_000, least: 1 },
    what: "events that can wait for their receiver; a new one drops the oldest",
    reason: "about 500 bytes each in the catalog",
  },
  maxHookBytes: {
    option: "max-hook-bytes",
    ...{ unit: "size", default: 64 * MIB, least: 1 },
    what: "bytes of events that can wait; new ones drop the oldest",
    reason: "names can be long; the catalog's disk must not fill up",
  },
  inlineSize: {
    option: "inline-size",
    ...{ unit: "size", default: 64 * KIB },
    what: "maximum size of a protocol 4 file that is kept in the catalog, not in a file of its own",
    reason:
      "small files share one sync and one transaction; larger files are written once, not twice",
  },
  confirmRate: {
    option: "confirm-rate",
    ...{ unit: "rate", default: 64 * MIB },
    what:
      "bytes per second that the server reads while it is idle, to confirm files stored over protocol 4 (0: none)",
    reason: "takes a tenth of a processor, and less of most disks",
  },
  checkIntervalMs: {
    option: "check-interval",
    ...{ unit: "age", default: 30 * 24 * HOUR },
    what: "time within which every stored file is read again and compared (0: never)",
    reason: "finds files that decay on the disk while a backup still has them",
  },
  checkRate: {
    option: "check-rate",
    ...{ unit: "rate", default: 16 * MIB, least: 1 },
    what: "maximum rate of the check of stored files in bytes per second",
    reason: "reads 38 TiB in 27 days, and takes a fortieth of a processor",
  },
  minFree: {
    option: "min-free",
    ...{ unit: "size", default: 256 * MIB },
    what: "bytes to keep free on the data folder's disk",
    reason: "the catalog and the log must still be writable when files fill the disk",
    message: "the server's disk is full",
  },
  maxStagedPerClient: {
    option: "max-staged-per-client",
    ...{ unit: "count", default: 1024, least: 1 },
    what: "maximum number of uploads per account that are in progress or not yet confirmed",
    reason:
      "each takes a staging file; over protocol 4, many arrive on each of several connections",
    message: "you can have at most {} uploads in progress",
  },
  maxPartialsPerClient: {
    option: "max-partials-per-client",
    ...{ unit: "count", default: 64 },
    what: "interrupted uploads to keep per account; a new one discards the oldest",
    reason: "each takes a staging file; clients resume them",
  },
  partialTtlMs: {
    option: "partial-expiry",
    ...{ unit: "time", default: 7 * 24 * HOUR },
    what: "time to keep an interrupted upload that is not resumed",
    reason: "survives a long weekend; abandoned uploads don't take space forever",
  },
  maxUnverifiedPerClient: {
    option: "max-unverified-per-client",
    isOfProtocol3: true,
    ...{ unit: "count", default: 16, least: 1 },
    what:
      "received files to keep per account until the client confirms them; a new one discards the oldest",
    reason: "clients that leave files unconfirmed can continue",
  },
  unverifiedTtlMs: {
    option: "unverified-ttl",
    isOfProtocol3: true,
    ...{ unit: "time", default: 10 * MINUTE, least: 1 },
    what:
      "time to keep a file whose checksum is not confirmed, or whose next packet does not arrive",
    reason: "some clients open a new connection to confirm it",
  },
  maxParked: {
    option: "max-parked",
    isOfProtocol3: true,
    ...{ unit: "count", default: 256 },
    what:
      "files to keep whose packets arrive on separate connections; a new one discards the oldest",
    reason: "for the few clients that send this way; each takes a descriptor",
  },
  maxParkedPerClient: {
    option: "max-parked-per-client",
    isOfProtocol3: true,
    ...{ unit: "count", default: 4 },
    what: "files to keep per account whose packets arrive on separate connections",
    reason: "no client pushes out the files of others",
  },
  registrationTtlMs: {
    option: "registration-ttl",
    isOfProtocol3: true,
    ...{ unit: "time", default: 10 * MINUTE, least: 1 },
    what: "time to keep a registered name whose key exchange does not follow",
    reason: "a client that died in between can register its name again",
  },
  maxReservations: {
    option: "max-reservations",
    isOfProtocol3: true,
    ...{ unit: "count", default: 4096 },
    what: "ids to reserve for denied clients; a new one discards the oldest",
    reason: "kept until used, at most for the registration-ttl",
  },
  sessionTtlMs: {
    option: "session-ttl",
    isOfProtocol3: true,
    ...{ unit: "time", default: HOUR, least: 1 },
    what: "time to keep an unused AES key",
    reason: "needed only while its client is active",
  },
  maxSessions: {
    option: "max-sessions",
    isOfProtocol3: true,
    ...{ unit: "count", default: 65_536, least: 1 },
    what: "AES keys to keep in memory; a new one discards the least recently used",
    reason: "about 200 bytes each",
  },
  maxAddresses: {
    option: "max-addresses",
    ...{ unit: "count", default: 65_536, least: 1 },
    what: "addresses whose registrations are counted; a new one discards the oldest",
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

/** An upload that has exceeded a limit. Its texts are printable. */
export interface LimitedUpload {
  /** The user name; `undefined` if the account is not known. */
  readonly user: string | undefined;
  /** The id of the account. */
  readonly client: string;
  /** Its name. */
  readonly file: string;
}

/** A peer has exceeded a limit. Its connection ends with an error. */
export class LimitError extends RefusedError {
  /** The name of the limit. */
  readonly limit: LimitName;
  /**
   * The account and the file, for the log.
   *
   * @internal
   */
  subject: LimitedUpload | undefined;

  /**
   * The message is for the client. It contains the value and `detail`, such as what is used, but not the name of the
   * option.
   */
  constructor(limit: LimitName, value: number, detail?: string) {
    const { message, what, unit }: LimitDefinition = LIMITS[limit];
    const amount = unit === "time" ? `${value / SECOND} seconds` : `${value}`;
    const words = message ?? `a limit of the server was reached: ${what}, {}`;
    const all = detail === undefined ? words : `${words}: ${detail}`;
    super("limit-reached", all.replace("{}", amount));
    this.limit = limit;
  }
}
