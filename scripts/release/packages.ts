/**
 * The npm packages in the executable: those that its modules import, and their dependencies, as deno.lock pins them.
 *
 * @module
 */
export interface Package {
  /** The package's id in deno.lock. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** The digest of the registry's archive, as `sha512-…`. */
  readonly integrity: string;
  /** Whether our own code imports this package. */
  readonly direct: boolean;
  /** The ids of its dependencies. */
  readonly dependencies: readonly string[];
}

/** The fields of deno.lock that are used here. */
export interface Lock {
  readonly version: string;
  readonly specifiers: Readonly<Record<string, string>>;
  readonly npm: Readonly<Record<string, LockedPackage>>;
  readonly workspace?: { readonly dependencies?: readonly string[] };
}

interface LockedPackage {
  readonly integrity: string;
  readonly dependencies?: readonly string[];
  readonly optionalDependencies?: readonly string[];
}

const LOCK_VERSION = "5";

/** Throws `Error` if the lock has an unknown version. */
export function parseLock(text: string): Lock {
  const lock = JSON.parse(text) as Lock;
  if (lock.version === LOCK_VERSION) return lock;
  throw new Error(
    `Cannot read deno.lock: its version is ${lock.version}, expected ${LOCK_VERSION}`,
  );
}

/**
 * The packages of specifiers such as `npm:commander@15.1.0`, sorted by id. Throws `Error` if the lock lacks one.
 */
export function packagesBehind(lock: Lock, specifiers: Iterable<string>): readonly Package[] {
  const found = new Map<string, Package>();
  const roots = new Set([...specifiers].map((specifier) => rootOf(lock, specifier)));
  const add = (id: string): void => {
    if (found.has(id)) return;
    const { integrity, dependencies = [], optionalDependencies = [] } = lock.npm[id] ?? missing(id);
    const [, name, version] = /^(@?[^@]+)@([^_]+)/.exec(id) ?? missing(id);
    const needed = [...dependencies, ...optionalDependencies].map((name) => idOf(lock, name));
    found.set(id, {
      ...{ id, name: `${name}`, version: `${version}`, integrity, dependencies: needed },
      direct: roots.has(id),
    });
    needed.forEach(add);
  };
  roots.forEach(add);
  return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The lock, reduced to the entries that these specifiers need. */
export function reduceLock(lock: Lock, specifiers: ReadonlySet<string>): Lock {
  const ids = new Set(packagesBehind(lock, specifiers).map(({ id }) => id));
  const only = <T>(record: Readonly<Record<string, T>>, keys: ReadonlySet<string>) =>
    Object.fromEntries(Object.entries(record).filter(([key]) => keys.has(key)));
  return {
    version: lock.version,
    specifiers: only(lock.specifiers, specifiers),
    npm: only(lock.npm, ids),
    workspace: { dependencies: [...specifiers].sort() },
  };
}

function rootOf(lock: Lock, specifier: string): string {
  const version = lock.specifiers[specifier] ?? missing(specifier);
  const [, name] = /^npm:(@?[^@]+)@/.exec(specifier) ?? missing(specifier);
  return `${name}@${version}`;
}

/** The lock omits the version if it has only one of that name. */
function idOf(lock: Lock, nameOrId: string): string {
  if (nameOrId in lock.npm) return nameOrId;
  return Object.keys(lock.npm).find((id) => id.startsWith(`${nameOrId}@`)) ?? missing(nameOrId);
}

function missing(what: string): never {
  throw new Error(`Cannot find ${what} in deno.lock: run 'deno install'`);
}
