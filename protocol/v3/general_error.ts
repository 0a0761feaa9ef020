/**
 * The general error, with which servers of protocol 3 answer unknown requests.
 *
 * @module
 */
import { EDITIONS } from "./editions/mod.ts";
import { type ResponseHeader, VERSION } from "../header.ts";

const GENERAL_ERRORS = EDITIONS.flatMap(({ responses }) => responses.generalError?.code ?? []);

/** Whether a response is a general error in any edition. Some servers put an older version into the header. */
export function isGeneralError({ version, code }: ResponseHeader): boolean {
  return version <= VERSION && GENERAL_ERRORS.includes(code);
}
