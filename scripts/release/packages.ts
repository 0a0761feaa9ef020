/**
 * Which npm packages the executable holds: those that its modules import, and theirs, as deno.lock pins them.
 *
 * @module
 */
export interface Package {
  /** As deno.lock names it. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** Of the archive that the registry serves, as in `sha512-…`. */
  readonly integrity: string;
  /** Whether our own code imports it. */
  readonly direct: boolean;
  /** Ids of the packages that it needs. */
  readonly dependencies: readonly string[];
}

/** What we use of deno.lock. */
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

/** Throws `Error` where the lock is of a version that is not known here. */
export function parseLock(text: string): Lock {
  const lock = JSON.parse(text) as Lock;
  if (lock.version === LOCK_VERSION) return lock;
  throw new Error(
    `Cannot read deno.lock: its version is ${lock.version}, known is ${LOCK_VERSION}`,
  );
}

/**
 * The packages behind specifiers such as `npm:commander@15.1.0`, sorted by id. Throws `Error` for one that the lock
 * does not have.
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

/** The lock without all that these specifiers don't need. */
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

/** The lock leaves the version out where it has only one of that name. */
function idOf(lock: Lock, nameOrId: string): string {
  if (nameOrId in lock.npm) return nameOrId;
  return Object.keys(lock.npm).find((id) => id.startsWith(`${nameOrId}@`)) ?? missing(nameOrId);
}

function missing(what: string): never {
  throw new Error(`Cannot find ${what} in deno.lock: run deno install`);
}
