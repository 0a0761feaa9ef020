/**
 * The forms of the operator's page: where they come from, and their fields.
 *
 * @module
 */
import type { Context } from "hono";
import type { Quota } from "../../catalog/accounts.ts";
import { ActionError } from "./operator_store.ts";

/** The unit of quotas in forms, in bytes. */
export const GIB = 1024 ** 3;

/** Whether a page of this port has sent the form. One of another site has another origin, or none that it may name. */
export function isFromThisPage(c: Context): boolean {
  const origin = c.req.header("origin");
  const site = c.req.header("sec-fetch-site") ?? "same-origin";
  const isOwn = origin === undefined || hostOfOrigin(origin) === c.req.header("host");
  return isOwn && site === "same-origin";
}

/**
 * A field of a form as it was sent; an empty text if it is missing. A form in another encoding has no fields, since
 * reading one that is malformed fails.
 */
export async function fieldOf(c: Context, name: string): Promise<string> {
  return new URLSearchParams(await c.req.text()).get(name) ?? "";
}

/** Throws `ActionError`. */
export function wholeNumber(text: string, least: number, most: number, what: string): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most) return number;
  throw new ActionError(`${what}: expected a whole number from ${least} to ${most}.`);
}

/** An empty text means the server's default. Throws `ActionError`. */
export function quotaOf(gib: string, files: string): Quota {
  if (gib !== "" && !/^\d{1,9}(?:\.\d{1,3})?$/.test(gib)) {
    throw new ActionError("GiB: expected a number, such as 10 or 0.5.");
  }
  return {
    ...(gib === "" ? {} : { bytes: Math.round(Number(gib) * GIB) }),
    ...(files === "" ? {} : { files: wholeNumber(files, 0, Number.MAX_SAFE_INTEGER, "Files") }),
  };
}

/** The host and port of an origin; `undefined` if it names none. */
function hostOfOrigin(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}
