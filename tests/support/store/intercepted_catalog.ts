import type { Catalog } from "../../../server/catalog/catalog.ts";

/** Does a call: `next` is what the catalog itself does. */
export type Interceptor = (
  method: string,
  args: readonly unknown[],
  next: () => Promise<unknown>,
) => Promise<unknown>;

const AGGREGATES = [
  "accounts",
  "tokens",
  "files",
  "uploads",
  "blobs",
  "repairs",
  "checks",
  "hooks",
] as const;

/** A catalog whose calls go through `intercept`, which gets their names as `files.commit`. */
export function interceptedCatalog(catalog: Catalog, intercept: Interceptor): Catalog {
  const aggregates = AGGREGATES.map((aggregate) => {
    const methods = Object.entries(catalog[aggregate]).map(([name, method]) => [
      name,
      (...args: unknown[]) => intercept(`${aggregate}.${name}`, args, () => method(...args)),
    ]);
    return [aggregate, Object.fromEntries(methods)];
  });
  return { ...catalog, ...Object.fromEntries(aggregates) };
}
