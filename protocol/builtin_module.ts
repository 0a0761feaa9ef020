/**
 * Modules of Node, loaded on first use. Importing one takes time and memory in every thread: `node:process` 4 MiB,
 * `node:crypto` 5 MiB.
 *
 * @module
 */
import type * as nodeCrypto from "node:crypto";
import type * as nodeZlib from "node:zlib";

interface Modules {
  readonly "node:crypto": typeof nodeCrypto;
  readonly "node:zlib": typeof nodeZlib;
}

export function builtinModule<N extends keyof Modules>(name: N): Modules[N] {
  const { process } = globalThis as unknown as {
    readonly process: { getBuiltinModule(name: string): unknown };
  };
  return process.getBuiltinModule(name) as Modules[N];
}
