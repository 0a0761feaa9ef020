/**
 * The entry point of uploads over protocol 3 for `cli/`, which loads it only when it needs them.
 *
 * @module
 */
export { sendFiles } from "./send_files.ts";
