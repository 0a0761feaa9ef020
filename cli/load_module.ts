/**
 * Loads modules that few commands need.
 *
 * @module
 */

/**
 * Loads a module whose type is `M`. Before a program starts, Deno reads every module that an import names by a literal.
 * This import names none, so `compile` in deno.json must list the module.
 */
export function loadModule<M>({ href }: URL): Promise<M> {
  return import(href);
}

/** Downloads over protocol 4. */
export function loadDownloads(): Promise<typeof import("../client/v4/downloads.ts")> {
  return loadModule(new URL("../client/v4/downloads.ts", import.meta.url));
}

/** Uploads over protocol 3. */
export function loadProtocol3(): Promise<typeof import("../client/v3/mod.ts")> {
  return loadModule(new URL("../client/v3/mod.ts", import.meta.url));
}
