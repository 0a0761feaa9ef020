/**
 * The answer of servers of protocol 3 to what they don't know.
 *
 * @module
 */
import { EDITIONS } from "./editions/mod.ts";
import { type ResponseHeader, VERSION } from "../header.ts";

const GENERAL_ERRORS = EDITIONS.flatMap(({ responses }) => responses.generalError?.code ?? []);

/** Whether it is what servers of protocol 3 say to a request that they don't know; some of them name an older version. */
export function isGeneralError({ version, code }: ResponseHeader): boolean {
  return version <= VERSION && GENERAL_ERRORS.includes(code);
}
