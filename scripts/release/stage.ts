/**
 * Copies the sources of the executable to a separate folder.
 *
 * `deno compile` includes everything that deno.lock names, even tools of the tests, and records times and paths of files
 * on the build machine. So the modules that are used are copied to a separate folder, with a deno.json and a deno.lock
 * that name only what they need, and npm packages are stripped to their code. All files get the same time. The same
 * sources therefore give the same executable, byte for byte, on every machine.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Package, packagesBehind, parseLock, reduceLock } from "./packages.ts";

export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));

const MAIN = "main.ts";
const CONFIG = "deno.json";
const LOCK = "deno.lock";
const PACKAGES = "node_modules";
const EPOCH = new Date(0);
/** Deno tries to parse every file of a package as code, and records the error, with the path, of those that fail. */
const CODE = /^[^.].*\.([cm]?js|json|wasm|node)$/;
/** Deno's notes on the package folder, which contain paths. */
const NOTES: readonly string[] = [".setup-cache.bin", ".deno.lock"];
/** Deno's mark of an unpacked package. Without it, Deno would unpack the package again. */
const UNPACKED = ".initialized";

interface Config {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** `include` lists the modules of threads, which no import names. */
  readonly compile: { readonly include: readonly string[] };
  readonly imports: Readonly<Record<string, string>>;
  readonly unstable?: readonly string[];
}

export class Stage implements AsyncDisposable {
  readonly path: string;
  readonly config: Config;
  /** The packages from npm. */
  readonly packages: readonly Package[];

  private constructor(path: string, config: Config, packages: readonly Package[]) {
    this.path = path;
    this.config = config;
    this.packages = packages;
  }

  /** Throws `Error` if a module cannot be found, or is from neither this project nor npm. */
  static async make(): Promise<Stage> {
    const config = JSON.parse(await Deno.readTextFile(join(ROOT, CONFIG))) as Config;
    const lock = parseLock(await Deno.readTextFile(join(ROOT, LOCK)));
    const { files, specifiers } = await modulesOf([MAIN, ...config.compile.include]);
    const { name, version, license, compile, unstable } = config;
    const imports = Object.fromEntries(
      Object.entries(config.imports).filter(([, specifier]) => specifiers.has(specifier)),
    );
    const path = await Deno.makeTempDir({ prefix: "xfer-stage-" });
    const stage = new Stage(path, config, packagesBehind(lock, specifiers));
    try {
      await stage.#fill(files, {
        ...{ name, version, license, compile, imports, nodeModulesDir: "auto" },
        ...(unstable && { unstable }),
      }, reduceLock(lock, specifiers));
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
    return stage;
  }

  async #fill(files: Iterable<string>, config: unknown, lock: unknown): Promise<void> {
    for (const file of files) {
      await Deno.mkdir(dirname(join(this.path, file)), { recursive: true });
      await Deno.copyFile(join(ROOT, file), join(this.path, file));
    }
    await Deno.writeTextFile(join(this.path, CONFIG), toJson(config));
    await Deno.writeTextFile(join(this.path, LOCK), toJson(lock));
    await run(this.path, ["install", "--quiet", "--frozen"]);
    await strip(join(this.path, PACKAGES));
    await unify(this.path);
  }

  /** Runs `deno compile` in the staged folder. Throws `DenoError` if that fails. */
  async compile(flags: readonly string[], env?: Readonly<Record<string, string>>): Promise<void> {
    await run(this.path, [
      ...["compile", "--quiet", "--frozen", "--no-check"],
      // The cache would be in the folder for temporary files, under a name that anyone can guess and forge.
      "--no-code-cache",
      ...NOTES.map((name) => `--exclude=${PACKAGES}/.deno/${name}`),
      // Not every version of Deno reads this from deno.json.
      ...this.config.compile.include.map((path) => `--include=${path}`),
      ...flags,
      MAIN,
    ], env);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** A module as `deno info` describes it. */
interface Module {
  readonly specifier: string;
  readonly error?: string;
  readonly dependencies?: readonly { readonly code?: { readonly specifier?: string } }[];
}

/** The project's own files that these modules need, and the specifiers of npm packages that they import. */
async function modulesOf(
  entries: readonly string[],
): Promise<{ files: ReadonlySet<string>; specifiers: ReadonlySet<string> }> {
  const files = new Set<string>();
  const specifiers = new Set<string>();
  const root = pathToFileURL(ROOT).href;
  const imports = entries.map((entry) => `import ${JSON.stringify(root + entry)};`).join("");
  const all = `data:application/typescript,${encodeURIComponent(imports)}`;
  const text = await run(ROOT, ["info", "--json", "--no-npm", "--no-lock", all]);
  const { modules } = JSON.parse(text) as { modules: readonly Module[] };
  for (const { specifier, error, dependencies = [] } of modules) {
    if (!specifier.startsWith(root)) continue;
    if (error !== undefined) throw new Error(`Cannot read ${specifier}: ${error}`);
    files.add(specifier.slice(root.length));
    for (const { code } of dependencies) {
      if (code === undefined) continue; // a type, which is not compiled
      const { specifier: needed = "" } = code;
      const [, npmPackage] = /^npm:\/?(@?[^@]+@[^/]+)/.exec(needed) ?? [];
      if (npmPackage !== undefined) specifiers.add(`npm:${npmPackage}`);
      else if (!needed.startsWith("node:") && !needed.startsWith(root)) {
        throw new Error(`Cannot list the dependencies of ${specifier}: ${needed} is not from npm`);
      }
    }
  }
  return { files, specifiers };
}

/** Removes everything but code from a folder of packages. */
async function strip(folder: string): Promise<void> {
  for await (const { name, isFile, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) await strip(path);
    if (!isFile || name === UNPACKED || NOTES.includes(name)) continue;
    const content = await Deno.readFile(path);
    await Deno.remove(path); // the file may be shared with Deno's cache, which must not change
    if (CODE.test(name) && !name.startsWith(".")) await Deno.writeFile(path, content);
  }
}

/** Sets the same time on all files in a folder. */
async function unify(folder: string): Promise<void> {
  for await (const { name, isFile, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) await unify(path);
    else if (isFile) await Deno.utime(path, EPOCH, EPOCH);
  }
}

/** Runs Deno and returns what it printed. Throws `DenoError` if it fails. */
async function run(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = Deno.env.toObject(),
): Promise<string> {
  const options = { args: [...args], cwd, clearEnv: true, env: { ...env, NO_COLOR: "1" } };
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), options).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new DenoError(decoder.decode(stderr));
}

/** A failed run of Deno, with its output. */
export class DenoError extends Error {
  override readonly name = "DenoError";
}

function toJson(value: unknown): string {
  return JSON.stringify(value, undefined, 2) + "\n";
}
