/**
 * What several commands say alike.
 *
 * @module
 */
import type { Command } from "commander";

/** Behind a command's help. */
export function example(...lines: readonly string[]): string {
  return `\nExample:\n${lines.map((line) => `  $ ${line}`).join("\n")}`;
}

export function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** A time, as events have it. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** The data folder that a command below `xfer server` is about. */
export function dataOf(command: Command): string {
  return command.optsWithGlobals<{ data: string }>().data;
}
