/**
 * The lifetime of a token on the command line.
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import { TOKEN_LIFE_MS } from "../../server/mod.ts";
import { formatQuantity, parseQuantity } from "./quantities.ts";

/** The lifetime of a token, in milliseconds. Throws commander's `InvalidArgumentError`. */
export function parseLifetime(text: string): number {
  const { min, max } = TOKEN_LIFE_MS;
  const value = parseQuantity(text, "lifetime");
  if (value >= min && value <= max) return value;
  const [from, to] = [min, max].map((bound) => formatQuantity(bound, "lifetime"));
  throw new InvalidArgumentError(`Expected a time from ${from} to ${to}.`);
}
