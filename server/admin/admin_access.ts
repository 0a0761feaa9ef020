/**
 * Access to the operator's port.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import { ConfigurationError } from "../../protocol/errors.ts";
import { type AdminAddress, isLocal, isLoopback } from "./admin_address.ts";

/** The fewest characters of a token, since nothing slows down guessing. */
const MIN_TOKEN = 32;

export class AdminAccess {
  readonly #address: AdminAddress;
  #token: string | undefined;

  /** Throws `ConfigurationError` `bad-admin-token`. */
  constructor(address: AdminAddress, token: string | undefined) {
    this.#address = address;
    this.setToken(token);
  }

  /** Replaces the token. Throws `ConfigurationError` `bad-admin-token`, and keeps the old one. */
  setToken(token: string | undefined): void {
    if (token !== undefined && token.length < MIN_TOKEN) {
      throw new ConfigurationError(
        "bad-admin-token",
        `the token of the admin port has fewer than ${MIN_TOKEN} characters`,
        { hint: "Create one with 'openssl rand -hex 32'." },
      );
    }
    this.#token = token;
  }

  /**
   * Whether a request may read metrics and the reasons of failures: everyone on this machine, and from elsewhere those who
   * have the token.
   */
  mayRead(headers: Headers): boolean {
    return isLocal(this.#address) || this.#hasToken(headers);
  }

  /**
   * Whether a request names this server. On the loopback interface, a web site whose name leads here could read answers
   * otherwise (DNS rebinding).
   */
  isForThisHost(headers: Headers): boolean {
    if ("path" in this.#address || !isLocal(this.#address)) return true;
    return isLoopback(hostOf(headers.get("host") ?? ""));
  }

  #hasToken(headers: Headers): boolean {
    const [scheme = "", given = ""] = (headers.get("authorization") ?? "").split(/ +/);
    if (this.#token === undefined || scheme.toLowerCase() !== "bearer") return false;
    return isSame(given, this.#token);
  }
}

/** Compares secrets in a time that does not depend on where they differ. */
export function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function hostOf(header: string): string {
  return header.replace(/:\d*$/, "").replace(/^\[|\]$/g, "");
}
