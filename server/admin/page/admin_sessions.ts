/**
 * Sign-ins to the operator's page: links that work once, and the sessions that they begin.
 *
 * @module
 */
import { createHash, randomBytes } from "node:crypto";
import { isSame } from "../admin_access.ts";
import type { AdminLinks } from "../admin_links.ts";

const MINUTE_MS = 60_000;
/** The longest life of a session, and how long it lasts without a request. */
const SESSION_LIFE_MS = 12 * 60 * MINUTE_MS;
const IDLE_MS = 60 * MINUTE_MS;
/** The most sessions; a new one replaces the oldest. */
const MAX_SESSIONS = 32;
/** Bytes of a secret. */
const SECRET_SIZE = 32;

export interface AdminSession {
  /** Names the session in the log, without giving it away. */
  readonly name: string;
  /** Every form of the session contains it, so that no other site can send one. */
  readonly formToken: string;
  readonly expiresAt: number;
  usedAt: number;
  /** Aborts when the session ends before its time. */
  readonly ended: AbortSignal;
}

/** A session, and its end. */
interface OwnedSession {
  readonly session: AdminSession;
  readonly end: AbortController;
}

export class AdminSessions {
  readonly #links: Pick<AdminLinks, "accept">;
  readonly #clock: () => number;
  /** By the hash of the cookie, oldest first. */
  readonly #sessions = new Map<string, OwnedSession>();

  /** `clock`: milliseconds since the epoch. */
  constructor(links: Pick<AdminLinks, "accept">, clock: () => number) {
    this.#links = links;
    this.#clock = clock;
  }

  /** Begins a session. Returns its cookie; `undefined` if the token is not good. */
  begin(token: string): { readonly cookie: string; readonly session: AdminSession } | undefined {
    if (!this.#links.accept(token)) return undefined;
    const now = this.#clock();
    const cookie = newSecret();
    const end = new AbortController();
    const session = {
      ...{ name: `page ${hash(cookie).slice(0, 8)}`, formToken: newSecret() },
      ...{ expiresAt: now + SESSION_LIFE_MS, usedAt: now, ended: end.signal },
    };
    this.#sessions.set(hash(cookie), { session, end });
    const [oldest] = this.#sessions.keys();
    if (oldest !== undefined && this.#sessions.size > MAX_SESSIONS) this.#end(oldest);
    return { cookie, session };
  }

  /** The session of a cookie. */
  find(cookie: string | undefined): AdminSession | undefined {
    if (cookie === undefined) return undefined;
    const key = hash(cookie);
    const session = this.#sessions.get(key)?.session;
    if (session === undefined) return undefined;
    if (!this.isOpen(session)) {
      this.#end(key);
      return undefined;
    }
    session.usedAt = this.#clock();
    return session;
  }

  /** Whether a session has not ended. To ask is no use of it. */
  isOpen({ ended, expiresAt, usedAt }: AdminSession): boolean {
    const now = this.#clock();
    return !ended.aborted && now < expiresAt && now < usedAt + IDLE_MS;
  }

  end(cookie: string): void {
    this.#end(hash(cookie));
  }

  #end(key: string): void {
    this.#sessions.get(key)?.end.abort();
    this.#sessions.delete(key);
  }
}

/**
 * The name of the cookie for a `Host`. Browsers send the cookies of a host to all its ports: each port has its own, so that
 * a sign-in to one server does not replace that to another.
 */
export function cookieName(host: string, isSecure: boolean): string {
  const [, port = ""] = /:(\d{1,5})$/.exec(host) ?? [];
  return `${isSecure ? "__Host-" : ""}xfer-admin${port === "" ? "" : `-${port}`}`;
}

/** Whether a form was sent by a page of the session. */
export function isOwnForm({ formToken }: AdminSession, given: unknown): boolean {
  return typeof given === "string" && isSame(given, formToken);
}

function newSecret(): string {
  return randomBytes(SECRET_SIZE).toString("base64url");
}

/** Secrets are looked up by their hash, so that the time of a look-up tells nothing about them. */
function hash(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
