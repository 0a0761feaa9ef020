/**
 * The entry point of downloads for `cli/`, which loads it only when it needs them.
 *
 * @module
 */
export { getFiles } from "./get_files.ts";
export { getStream } from "./stream_download.ts";
