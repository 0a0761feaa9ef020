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
