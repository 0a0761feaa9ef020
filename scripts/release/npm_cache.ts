/**
 * Finds the npm packages in Deno's cache.
 *
 * @module
 */
import { join } from "node:path";
import type { Package } from "./packages.ts";

/** Returns a function that finds the folder of an unpacked package. It throws `Error` if the package is missing. */
export async function unpackedPackages(): Promise<(of: Package) => Promise<string>> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout)) as { npmCache: string };
  return async ({ id, name, version }) => {
    for await (const registry of Deno.readDir(npmCache)) {
      const folder = join(npmCache, registry.name, name, version);
      const there = await Deno.stat(join(folder, "package.json")).catch(() => undefined);
      if (there?.isFile) return folder;
    }
    throw new Error(`Cannot find ${id} in ${npmCache}: run 'deno install'`);
  };
}
