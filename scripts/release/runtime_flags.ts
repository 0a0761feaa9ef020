/**
 * The options of the runtime in the executable, and of xfer from source.
 *
 * @module
 */
import { PERMISSION_FLAGS } from "./permissions.ts";

/**
 * The largest part of the young generation, in MiB. The default of V8 grows to 16 and more in each thread, and most of
 * it is garbage: a client that uploads 100,000 files takes 230 MiB with it, and 150 with this, in the same time.
 */
const SEMI_SPACE = 2;

export const RUNTIME_FLAGS: readonly string[] = [
  `--v8-flags=--max-semi-space-size=${SEMI_SPACE}`,
  ...PERMISSION_FLAGS,
];
