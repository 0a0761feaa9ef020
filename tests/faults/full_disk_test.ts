/** A disk that really fills up: a small tmpfs, in a mount namespace that ends with its process. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { tiedCommand } from "../support/tied_processes.ts";

const PROGRAM = fileURLToPath(new URL("./full_disk.ts", import.meta.url));
const DISK_SIZE = 4 * 1024 * 1024;

/** Runs a command with a small disk at `mountPoint`. Returns its standard error and its exit code. */
async function onSmallDisk(mountPoint: string, command: readonly string[]) {
  const script = `mount -t tmpfs -o size=${DISK_SIZE} none "$0" && exec "$@"`;
  const { code, stderr } = await tiedCommand("unshare", {
    args: ["--user", "--map-root-user", "--mount", "sh", "-c", script, mountPoint, ...command],
    stdin: "null",
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

/** Whether this machine allows such a disk. */
async function isPossible(): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  await using folder = await TemporaryFolder.createOnDisk();
  try {
    return (await onSmallDisk(folder.path, ["true"])).code === 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false; // unshare is missing.
    throw error;
  }
}

Deno.test({
  name:
    "full disk: files that do not fit are refused, stored ones stay, and freed space helps at once",
  ignore: !(await isPossible()),
  fn: async () => {
    await using folder = await TemporaryFolder.createOnDisk();
    const { code, stderr } = await onSmallDisk(folder.path, [
      ...[Deno.execPath(), "run", "--quiet", "--no-check", "--allow-all"],
      ...[PROGRAM, folder.path, `${DISK_SIZE}`],
    ]);
    assert.equal(code, 0, stderr);
  },
});
