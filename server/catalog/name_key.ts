/**
 * The form in which a catalog compares and orders names, by code points: that of protocol 4.
 *
 * @module
 */
export { comparedForm as nameKey } from "../../protocol/v4/path_name.ts";
