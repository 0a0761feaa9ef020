/**
 * What several commands say alike.
 *
 * @module
 */
import type { Command } from "commander";
import type { Retry, SourceFile } from "../client/mod.ts";
import { printable } from "../protocol/text.ts";

const MIB = 2 ** 20;

/** Behind a command's help. */
export function example(...lines: readonly string[]): string {
  return `\nExample:\n${lines.map((line) => `  $ ${line}`).join("\n")}`;
}

export function sending({ path, size }: SourceFile, attempt: number): string {
  const again = attempt > 1 ? `, attempt ${attempt}` : "";
  return `Sending ${printable(path)}, ${size} bytes${again}`;
}

export function goingOn(name: string, bytes: number): string {
  return `Going on at ${Math.floor(bytes / MIB)} MiB of ${printable(name)}`;
}

export function retrying({ error, delayMs, retry, retries }: Retry): string {
  return `${printable(error.message)} [${error.code}]; ` +
    `trying again in ${(delayMs / 1000).toFixed(1)} s, ${retry} of ${retries}`;
}

export function tightened(path: string): string {
  return `Warning: ${printable(path)} could be read by others; it is only yours now (mode 0600)`;
}

export function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** A time, to the second. */
export function time(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

/** The data folder that a command below `xfer server` is about. */
export function dataOf(command: Command): string {
  return command.optsWithGlobals<{ data: string }>().data;
}
