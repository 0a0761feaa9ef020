/**
 * Signatures of events: Standard Webhooks, https://www.standardwebhooks.com, symmetric signatures `v1`.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { ConfigurationError } from "../../protocol/errors.ts";

/** A secret. */
const FORM = /^whsec_([A-Za-z0-9+/]+={0,2})$/;
/** The least and the most bytes of a secret. */
const [LEAST, MOST] = [24, 64];
/** The most secrets. The second is for the time in which they change. */
const MAX_SECRETS = 4;

/** The parts of a delivery that are signed. */
export interface SignedHook {
  readonly delivery: string;
  readonly body: string;
}

export class HookSigner {
  readonly #secrets: readonly Buffer[];

  /** `text`: secrets, one per line. Throws `ConfigurationError` `bad-hook-secret`. */
  constructor(text: string) {
    this.#secrets = text.split(/\s+/).filter((word) => word !== "").map(parseSecret);
    if (this.#secrets.length === 0) throw badSecret("none is set");
    if (this.#secrets.length > MAX_SECRETS) throw badSecret(`more than ${MAX_SECRETS} are set`);
  }

  /** The headers of a delivery at a time, in seconds since the epoch. Each secret gives a signature. */
  headers({ delivery, body }: SignedHook, seconds: number): Readonly<Record<string, string>> {
    const signatures = this.#secrets.map((secret) => {
      const hmac = createHmac("sha256", secret).update(`${delivery}.${seconds}.${body}`);
      return `v1,${hmac.digest("base64")}`;
    });
    return {
      "webhook-id": delivery,
      "webhook-timestamp": `${seconds}`,
      "webhook-signature": signatures.join(" "),
    };
  }
}

function parseSecret(text: string): Buffer {
  const [, base64] = FORM.exec(text) ?? [];
  if (base64 === undefined) throw badSecret("it is not whsec_ and base64");
  const secret = Buffer.from(base64, "base64");
  if (secret.length >= LEAST && secret.length <= MOST) return secret;
  throw badSecret(`it has ${secret.length} bytes, not ${LEAST} to ${MOST}`);
}

/** The error about a secret, without the secret. */
export function badSecret(reason: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError("bad-hook-secret", `cannot use the secret of hooks: ${reason}`, {
    hint:
      "Set hook-secret-file to a file that 'echo whsec_$(openssl rand -base64 32)' has written.",
    cause,
  });
}
