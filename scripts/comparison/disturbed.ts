/** Rows that need a disturbed network, or a process that is killed in the middle of a transfer. */
import type { Direction, Rig } from "./rig.ts";
import type { Way } from "./tools.ts";

const SIZE = 200_000_000;
const CUT = 160_000_000;
/** A repeated transfer that carries less than this has resumed. */
const RESUMED = 0.6 * SIZE;
const MAKE_LARGE = `mkdir src && head -c ${SIZE} /dev/urandom >src/large`;
const SAME = "cmp src/large back/large";

type Attempt = (rig: Rig, way: Way) => Promise<boolean>;

/** Kills a client in the middle, runs its command again, and counts the bytes of the second run. */
async function killClient(rig: Rig, command: string, direction: Direction): Promise<number> {
  const line = rig.watch(direction);
  line.cutAfter = CUT;
  await rig.sh(`exec ${command}`, (process) => line.onCut = () => process.kill("SIGKILL"));
  const again = rig.watch(direction);
  await rig.sh(command);
  return again.passed;
}

/** Cuts the connection in the middle; runs the command again only if it failed. */
async function cut(rig: Rig, command: string, direction: Direction): Promise<number> {
  const line = rig.watch(direction);
  line.cutAfter = CUT;
  if (await rig.sh(command) !== 0) await rig.sh(command);
  return line.passed - CUT;
}

/** Kills the server in the middle and starts it again; runs the command again only if it failed. */
async function killServer(rig: Rig, command: string, direction: Direction): Promise<number> {
  const line = rig.watch(direction);
  line.cutAfter = CUT;
  let restarted: Promise<void> | undefined;
  line.onCut = () => restarted = rig.stopServer("SIGKILL").then(() => rig.startServer());
  const code = await rig.sh(command);
  await restarted;
  if (code !== 0) await rig.sh(command);
  return line.passed - CUT;
}

async function resumed(rig: Rig, bytes: number): Promise<boolean> {
  console.error(`${rig.path}: ${(bytes / SIZE).toFixed(2)} of the file sent again`);
  return await rig.sh(SAME) === 0 && bytes < RESUMED;
}

export const DISTURBED: Readonly<Record<string, Attempt>> = {
  "an upload of a large file, after the client was killed": async (rig, { put, get }) => {
    await rig.sh(MAKE_LARGE);
    const bytes = await killClient(rig, put, "up");
    await rig.sh(get);
    return await resumed(rig, bytes);
  },
  "a download of a large file, after the client was killed": async (rig, { put, get }) => {
    await rig.sh(MAKE_LARGE);
    await rig.sh(put);
    return await resumed(rig, await killClient(rig, get, "down"));
  },
  "an upload of a large file, after the server was killed": async (rig, { put, get }) => {
    await rig.sh(MAKE_LARGE);
    const bytes = await killServer(rig, put, "up");
    await rig.sh(get);
    return await resumed(rig, bytes);
  },
  "a download of a large file, after the server was killed": async (rig, { put, get }) => {
    await rig.sh(MAKE_LARGE);
    await rig.sh(put);
    return await resumed(rig, await killServer(rig, get, "down"));
  },
  "an upload of a large file, after the connection was cut": async (rig, { put, get }) => {
    await rig.sh(MAKE_LARGE);
    const bytes = await cut(rig, put, "up");
    await rig.sh(get);
    return await resumed(rig, bytes);
  },
  "a download of a large file, after the connection was cut": async (rig, { put, get }) => {
    await rig.sh(MAKE_LARGE);
    await rig.sh(put);
    return await resumed(rig, await cut(rig, get, "down"));
  },
  "only changed parts of a large file are sent": async (rig, { put, get }) => {
    await rig.sh(MAKE_LARGE);
    await rig.sh(put);
    await rig.sh(
      "printf changed | dd of=src/large bs=1 seek=100000000 conv=notrunc; echo >>src/large",
    );
    const line = rig.watch("up");
    await rig.sh(put);
    const { passed } = line;
    await rig.sh(get);
    return await resumed(rig, passed);
  },
  "a byte that is changed in transit is found during the upload": async (rig, { put, get }) => {
    await rig.sh("mkdir src && head -c 3000000 /dev/urandom >src/large");
    rig.watch("up").flipAt = 1_500_000;
    const code = await rig.sh(put);
    rig.watch("up");
    await rig.sh(get);
    return code !== 0 || await rig.sh(SAME) === 0;
  },
  "contents encrypted in transit": async (rig, { put }) => {
    await rig.sh("mkdir src && echo $MARKER >src/file");
    const line = rig.watch("up");
    return await rig.sh(put) === 0 && !line.sawMarker;
  },
};
