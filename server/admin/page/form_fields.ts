/**
 * The forms of the operator's page: where they come from, and their fields.
 *
 * @module
 */
import type { Context } from "hono";
import { formatAmount, parseAmount, SIZES, type Units } from "../../../protocol/units.ts";
import type { Quota } from "../../catalog/accounts.ts";
import { ActionError } from "./operator_store.ts";

/** The word for a quota without a bound. */
const NONE = "none";
const COUNTS: Units = { "": 1 };

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

/** An empty text means the server's default, `none` no bound. Throws `ActionError`. */
export function quotaOf(size: string, files: string): Quota {
  const bytes = boundOf(size, SIZES, "Size: expected one such as 10GB, 500MiB or 4096, or none.");
  const count = boundOf(files, COUNTS, "Files: expected a whole number such as 1000, or none.");
  return {
    ...(bytes === undefined ? {} : { bytes }),
    ...(count === undefined ? {} : { files: count }),
  };
}

function boundOf(text: string, units: Units, fault: string): number | undefined {
  if (text === "") return undefined;
  if (text === NONE) return Infinity;
  const amount = parseAmount(text, units);
  if (amount === undefined) throw new ActionError(fault);
  return amount;
}

/** The fields of a quota, which {@link quotaOf} reads as the same. */
export function fieldsOf(
  { bytes, files }: Quota,
): { readonly size: string; readonly files: string } {
  const text = (bound: number | undefined, units: Units) =>
    bound === undefined ? "" : bound === Infinity ? NONE : formatAmount(bound, units);
  return { size: text(bytes, SIZES), files: text(files, COUNTS) };
}

/** The host and port of an origin; `undefined` if it names none. */
function hostOfOrigin(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}
