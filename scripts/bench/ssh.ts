/** The contenders over ssh: scp, rsync and restic. */
import type { PrepareOptions, Ready } from "./contender.ts";
import { Distance } from "./distance.ts";
import { freePort, run, startServer, stop } from "./processes.ts";

/** The options of ssh. The option for the port differs between programs. */
export type SshOptions = (portOption: string) => readonly string[];

export interface SshServer extends AsyncDisposable {
  readonly pid: number;
  /** `USER@HOST`. */
  readonly login: string;
  readonly options: SshOptions;
}

interface SshPrepareOptions extends PrepareOptions {
  /** After the name of a folder to download, so that its contents come under the name of the target. */
  readonly endsContents?: string;
}

/** Starts an sshd with temporary keys. `move` is the command without source and target. */
export async function prepareSsh(
  folder: string,
  move: (options: SshOptions) => readonly string[],
  { endsContents = "", ...options }: SshPrepareOptions,
): Promise<Ready> {
  const server = await startSsh(folder, options);
  await Deno.mkdir(`${folder}/target`);
  const command = move(server.options);
  const target = `${server.login}:${folder}/target/`;
  const isFolder = (name: string) => Deno.statSync(`${folder}/target/${name}`).isDirectory;
  return {
    ...{ serverPid: server.pid, cwd: folder },
    put: (paths) => [...command, ...paths, target],
    get: (name, path) => {
      return [...command, `${target}${name}${isFolder(name) ? endsContents : ""}`, path];
    },
    find: (name) => Promise.resolve(`${folder}/target/${name}`),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Starts an sshd with temporary keys in `folder`. */
export async function startSsh(
  folder: string,
  { roundTripMs }: PrepareOptions,
): Promise<SshServer> {
  const port = freePort();
  for (const name of ["host", "user"]) {
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${folder}/${name}`]);
  }
  await Deno.writeTextFile(
    `${folder}/sshd.conf`,
    [
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${folder}/host`,
      `AuthorizedKeysFile ${folder}/user.pub`,
      "StrictModes no",
      "UsePAM no",
      "PidFile none",
      "Subsystem sftp internal-sftp",
      "",
    ].join("\n"),
  );
  // sshd needs its chroot folder, which only root can create and only root needs.
  if (Deno.uid() === 0) await Deno.mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const server = await startServer(["sshd", "-D", "-f", `${folder}/sshd.conf`], port);
  const distance = roundTripMs === undefined ? undefined : Distance.of(roundTripMs, 1);
  await distance?.lead([port]);
  const { stdout } = await new Deno.Command("id", { args: ["-un"] }).output();
  return {
    pid: server.pid,
    login: `${new TextDecoder().decode(stdout).trim()}@127.0.0.1`,
    options: (portOption) => [
      ...[portOption, `${distance?.ports[0] ?? port}`, "-i", `${folder}/user`],
      ...["-o", "LogLevel=ERROR", "-o", "StrictHostKeyChecking=no"],
      ...["-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-F", "none"],
    ],
    async [Symbol.asyncDispose]() {
      await distance?.[Symbol.asyncDispose]();
      await stop(server);
    },
  };
}

/** The command with which a program reaches the server. */
export function remoteShell(options: SshOptions): string {
  return `ssh ${options("-p").join(" ")}`;
}
