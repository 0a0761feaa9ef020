/**
 * The parts of a server that its operator sees.
 *
 * @module
 */
import type { Context } from "../context.ts";

export interface AdminSystem {
  readonly context: Context;
  /** The name of this server among several. */
  readonly name: string;
  /** The bytes that can still be stored; `Infinity` if nobody can tell. */
  readonly freeSpace: () => Promise<number>;
  /** Whether the server accepts no more connections. */
  readonly isStopping: () => boolean;
  /** Whether other servers have removed this one, which has not joined again. */
  readonly isRemoved: () => boolean;
}
