/** The contenders over ssh: scp and rsync. */
import type { Ready } from "./contender.ts";
import { freePort, run, startServer, stop } from "./processes.ts";

/** The options of ssh. The option for the port differs between programs. */
type SshOptions = (portOption: string) => readonly string[];

/** Starts an sshd with temporary keys. `move` is the command without source and target. */
export async function prepareSsh(
  folder: string,
  move: (options: SshOptions) => readonly string[],
): Promise<Ready> {
  const port = freePort();
  for (const name of ["host", "user"]) {
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${folder}/${name}`]);
  }
  await Deno.mkdir(`${folder}/target`);
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
  const command = move((portOption) => [
    ...[portOption, `${port}`, "-i", `${folder}/user`, "-o", "LogLevel=ERROR"],
    ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"],
    ...["-o", "IdentitiesOnly=yes", "-F", "none"],
  ]);
  const { stdout } = await new Deno.Command("id", { args: ["-un"] }).output();
  const target = `${new TextDecoder().decode(stdout).trim()}@127.0.0.1:${folder}/target/`;
  return {
    ...{ serverPid: server.pid, cwd: folder },
    put: (paths) => [...command, ...paths, target],
    get: (name, path) => [...command, `${target}${name}`, path],
    find: (name) => Promise.resolve(`${folder}/target/${name}`),
    [Symbol.asyncDispose]: () => stop(server),
  };
}
