/**
 * When log files are rotated.
 *
 * @module
 */

export const ROTATIONS = ["none", "hourly", "daily"] as const;
export type Rotation = (typeof ROTATIONS)[number];

export interface RotationOptions {
  /** The size in bytes at which a file is rotated. `Infinity`: none. */
  readonly size: number;
  /** At full hours, or at midnight, of the local time. */
  readonly every: Rotation;
  /** The number of old files to keep, at least 1. */
  readonly keep: number;
}
