/**
 * The paths that a user names.
 *
 * @module
 */

/** A path without links; `undefined` where there is nothing: that is told by who opens it. */
export async function realPath(path: string): Promise<string | undefined> {
  return await Deno.realPath(path).catch(() => undefined);
}

/** A path that a user names, and what is there. */
export interface Named {
  readonly path: string;
  /** Without links, where there is anything. */
  readonly real: string | undefined;
  readonly info: Deno.FileInfo | undefined;
}

/** Looks at what a user names. What is wrong with it is told by who opens it. */
export async function lookAt(path: string): Promise<Named> {
  const real = await realPath(path);
  const info = real === undefined ? undefined : await Deno.stat(real).catch(() => undefined);
  return { path, real, info };
}
