/**
 * Temporary files beside downloads. Their names are random, so that no later run continues them. A later run removes
 * those of killed ones.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";

const PREFIX = ".xfer-";
const SUFFIX = ".tmp";
const NAME = /^\.xfer-[0-9a-f-]{36}\.tmp$/;
/** The characters of a random UUID before its last group, which numbers the names that share them. */
const SHARED = 24;
const COUNT_DIGITS = 12;

/** The path of a temporary file in the folder of `target`. */
export function temporaryPath(target: string): string {
  return join(dirname(target), `${PREFIX}${crypto.randomUUID()}${SUFFIX}`);
}

/** Names of many temporary files, which no other run has. */
export class TemporaryNames {
  readonly #shared = crypto.randomUUID().slice(0, SHARED);
  #count = 0;

  next(): string {
    const count = (++this.#count).toString(16).padStart(COUNT_DIGITS, "0");
    return `${PREFIX}${this.#shared}${count}${SUFFIX}`;
  }
}

/** Whether a file name is that of a temporary file. */
export function isTemporaryName(name: string): boolean {
  return NAME.test(name);
}

/** In milliseconds. No download pauses this long, so an older file that no run can find was left by a killed one. */
const LEFT_MS = 24 * 3_600_000;

/** Whether a killed run has left a file that no other run uses. */
export async function isLeftover(path: string): Promise<boolean> {
  if (!isTemporaryName(basename(path))) return false;
  const info = await Deno.lstat(path).catch(() => undefined);
  if (info === undefined || info.isDirectory) return false;
  // A download gets the file's time just before its end. The time of change is always that of this system.
  const changed = info.ctime ?? info.mtime;
  return changed !== null && Date.now() - changed.getTime() > LEFT_MS;
}

/** Removes what killed runs have left in a folder. Errors don't matter: a later run tries again. */
export async function removeLeftovers(folder: string): Promise<void> {
  try {
    for await (const { name } of Deno.readDir(folder)) {
      const path = join(folder, name);
      if (await isLeftover(path)) await Deno.remove(path);
    }
  } catch {
    return;
  }
}
