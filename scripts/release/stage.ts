/**
 * The sources of the executable, set apart.
 *
 * `deno compile` takes in all that deno.lock names, tools of the tests as well, and notes times and places of files on the
 * machine that it runs on. So the modules that are really used are copied to a folder of their own, with a deno.json
 * and a deno.lock that name no more than they need, and the packages from npm are stripped to their code. All of it is
 * of one time: then the same sources give the same executable, byte for byte, on whatever machine.
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
/** Deno tries to read as code all that is in a package, and keeps the words, and so the paths, of what it can't. */
const CODE = /^[^.].*\.([cm]?js|json|wasm|node)$/;
/** Deno's own notes on the folder of packages; they have paths in them. */
const NOTES: readonly string[] = [".setup-cache.bin", ".deno.lock"];
/** And its mark on a package that is unpacked, without which it would unpack it again. */
const UNPACKED = ".initialized";

interface Config {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** `include`: threads, which no import names. */
  readonly compile: { readonly include: readonly string[] };
  readonly imports: Readonly<Record<string, string>>;
  readonly unstable?: readonly string[];
}

export class Stage implements AsyncDisposable {
  readonly path: string;
  readonly config: Config;
  /** What is taken from npm. */
  readonly packages: readonly Package[];

  private constructor(path: string, config: Config, packages: readonly Package[]) {
    this.path = path;
    this.config = config;
    this.packages = packages;
  }

  /** Throws `Error` where a module can't be found, or comes from elsewhere than this project and npm. */
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

  /** Runs `deno compile` on it. Throws `DenoError` if that fails. */
  async compile(flags: readonly string[], env?: Readonly<Record<string, string>>): Promise<void> {
    await run(this.path, [
      ...["compile", "--quiet", "--frozen", "--no-check"],
      // It would be kept in the folder for temporary files under a name that anybody can guess, and so can forge.
      "--no-code-cache",
      ...NOTES.map((name) => `--exclude=${PACKAGES}/.deno/${name}`),
      // Not every version of Deno reads it from deno.json by itself.
      ...this.config.compile.include.map((path) => `--include=${path}`),
      ...flags,
      MAIN,
    ], env);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** What `deno info` says of a module. */
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
  for (const entry of entries) {
    const text = await run(ROOT, ["info", "--json", "--no-npm", "--no-lock", entry]);
    const { modules } = JSON.parse(text) as { modules: readonly Module[] };
    for (const { specifier, error, dependencies = [] } of modules) {
      if (!specifier.startsWith(root)) continue;
      if (error !== undefined) throw new Error(`Cannot read ${specifier}: ${error}`);
      files.add(specifier.slice(root.length));
      for (const { code } of dependencies) {
        if (code === undefined) continue; // a type, which is not compiled in
        const { specifier: needed = "" } = code;
        const [, npmPackage] = /^npm:\/?(@?[^@]+@[^/]+)/.exec(needed) ?? [];
        if (npmPackage !== undefined) specifiers.add(`npm:${npmPackage}`);
        else if (!needed.startsWith("node:") && !needed.startsWith(root)) {
          throw new Error(`Cannot list what ${specifier} needs: ${needed} is not of npm`);
        }
      }
    }
  }
  return { files, specifiers };
}

/** Leaves nothing but code in a folder of packages. */
async function strip(folder: string): Promise<void> {
  for await (const { name, isFile, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) await strip(path);
    if (!isFile || name === UNPACKED || NOTES.includes(name)) continue;
    const content = await Deno.readFile(path);
    await Deno.remove(path); // it may be the very file of Deno's cache, which must stay as it is
    if (CODE.test(name) && !name.startsWith(".")) await Deno.writeFile(path, content);
  }
}

/** Makes all files in a folder of one time. */
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

/** What Deno printed when it failed. */
export class DenoError extends Error {
  override readonly name = "DenoError";
}

function toJson(value: unknown): string {
  return JSON.stringify(value, undefined, 2) + "\n";
}
