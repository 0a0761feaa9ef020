/**
 * Lines of an access log, in the Common Log Format of web servers, which many programs read:
 * `HOST - USER [TIME] "METHOD /NAME XFER/4" STATUS BYTES`.
 *
 * @module
 */
import type { Access, AccessMethod } from "../../server/mod.ts";

interface HttpMethod {
  /** The method of HTTP. */
  readonly name: string;
  /** The status if it succeeds. */
  readonly status: number;
}

const METHODS: Readonly<Record<AccessMethod, HttpMethod>> = {
  get: { name: "GET", status: 200 },
  put: { name: "PUT", status: 201 },
  remove: { name: "DELETE", status: 204 },
  rename: { name: "MOVE", status: 201 },
  restore: { name: "POST", status: 200 },
};

const PARTIAL = 206;
/** The status for any other error. */
const FAILED = 500;
/** By code of the error. */
const STATUSES: Readonly<Record<string, number>> = {
  "not-authenticated": 401,
  "account-disabled": 403,
  "not-allowed": 403,
  "bad-file-name": 400,
  "bad-entry": 400,
  "bad-frame": 400,
  "other-form": 400,
  "mismatch": 400,
  "refused": 400,
  "no-such-file": 404,
  "no-such-transfer": 404,
  "file-exists": 409,
  "file-changed": 409,
  "not-empty": 409,
  // As nginx has it.
  "interrupted": 499,
  "cancelled": 499,
  "unconfirmed": 499,
  "unavailable": 503,
  "over-limit": 507,
};

const MONTHS = [
  ...["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
];

/** `at`: milliseconds since the epoch. */
export function accessLine(access: Access, at: number): string {
  const { method, protocol, user, address, bytes, isPart = false, code } = access;
  const { name: verb, status } = METHODS[method];
  const result = code !== undefined ? STATUSES[code] ?? FAILED : isPart ? PARTIAL : status;
  const host = address.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  const request = `${verb} ${target(access)} XFER/${protocol}`;
  return `${host} - ${escaped(user) || "-"} [${time(at)}] "${request}" ${result} ${bytes}`;
}

function target({ method, name, newName }: Access): string {
  const path = `/${name.split("/").map(escaped).join("/")}`;
  if (newName !== undefined) return `${path}?to=/${newName.split("/").map(escaped).join("/")}`;
  return method === "restore" ? `${path}?restore` : path;
}

/** Only characters of ASCII that mean nothing in the line. */
function escaped(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** `29/Nov/2026:22:05:00 +0000`. */
function time(at: number): string {
  const date = new Date(at);
  const two = (value: number) => `${value}`.padStart(2, "0");
  const day = [two(date.getUTCDate()), MONTHS[date.getUTCMonth()], date.getUTCFullYear()];
  const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two);
  return `${day.join("/")}:${clock.join(":")} +0000`;
}
