/**
 * The paths that a user names.
 *
 * @module
 */

/** The real path, or `undefined` if nothing is there; whoever opens it reports that. */
export async function realPath(path: string): Promise<string | undefined> {
  return await Deno.realPath(path).catch(() => undefined);
}

/** A path that a user names, and what is there. */
export interface NamedPath {
  readonly path: string;
  /** Without links, where there is anything. */
  readonly real: string | undefined;
  readonly info: Deno.FileInfo | undefined;
}

/** Looks at a path that a user named; whoever opens it reports what is wrong with it. */
export async function inspectPath(path: string): Promise<NamedPath> {
  const real = await realPath(path);
  const info = real === undefined ? undefined : await Deno.stat(real).catch(() => undefined);
  return { path, real, info };
}
