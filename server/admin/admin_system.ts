/**
 * The parts of a server that its operator sees.
 *
 * @module
 */
import type { FileCheck } from "../check/background_check.ts";
import type { Context } from "../context.ts";
import type { ReportedHooks } from "../hooks/hook_settings.ts";

/** The age up to which the state of the check of stored files is shown again, in milliseconds. */
export const CHECK_FRESH_MS = 10_000;

/** A setting, its value and where that comes from. */
export interface ShownSetting {
  /** Its option without the dashes. */
  readonly name: string;
  /** As a text, without passwords. */
  readonly value: string;
  /** `default`, or `--quota`, `XFER_QUOTA`, `server.toml`. */
  readonly origin: string;
}

export interface AdminSystem {
  readonly context: Context;
  /** The name of this server among several. */
  readonly name: string;
  /** The number of this start among servers that share a catalog. */
  readonly epoch: () => number | undefined;
  /** The free bytes of the disk with the catalog or the contents; `Infinity` if both are elsewhere. */
  readonly freeSpace: () => Promise<number>;
  /** Whether the server accepts no more connections. */
  readonly isStopping: () => boolean;
  /** Why clients are not served since other servers have removed this one; `undefined` while it belongs to them. */
  readonly whyRemoved: () => string | undefined;
  /** The line 1 of `transfer.info` for clients; `undefined` without protocol 4. */
  readonly location: () => string | undefined;
  /** The effective settings, for the page. */
  readonly settings: () => readonly ShownSetting[];
  /** The check of all stored files. */
  readonly check: FileCheck;
  /** The events for a receiver; `undefined` without one. */
  readonly hooks: ReportedHooks | undefined;
}
