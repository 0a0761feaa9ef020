/**
 * Paths that a user names.
 *
 * @module
 */

/** Returns the path without links, or `undefined` if nothing is there. The caller learns why when it opens the path. */
export async function realPath(path: string): Promise<string | undefined> {
  return await Deno.realPath(path).catch(() => undefined);
}

/** A path that a user names, and what it leads to. */
export interface NamedPath {
  readonly path: string;
  /** The path without links; `undefined` if nothing is there. */
  readonly real: string | undefined;
  readonly info: Deno.FileInfo | undefined;
}

/** Inspects a path that a user named. Never throws: the caller learns of an error when it opens the path. */
export async function inspectPath(path: string): Promise<NamedPath> {
  const real = await realPath(path);
  const info = real === undefined ? undefined : await Deno.stat(real).catch(() => undefined);
  return { path, real, info };
}
