/** restic, which keeps backups in a repository at an sshd that is started here. */
import { dirname } from "node:path";
import type { PrepareOptions, Ready } from "./contender.ts";
import { run } from "./processes.ts";
import { remoteShell, startSsh } from "./ssh.ts";

export async function prepareRestic(folder: string, options: PrepareOptions): Promise<Ready> {
  const server = await startSsh(folder, options);
  await Deno.writeTextFile(`${folder}/password`, "bench\n", { mode: 0o600 });
  const restic = [
    ...["restic", "--quiet", "--repo", `sftp:${server.login}:${folder}/repository`],
    ...["--password-file", `${folder}/password`, "--cache-dir", `${folder}/cache`],
    ...["-o", `sftp.command=${remoteShell(server.options)} ${server.login} -s sftp`],
  ];
  await run([...restic, "init"], folder);
  let source = "";
  let restored: Promise<void> | undefined;
  return {
    ...{ serverPid: server.pid, cwd: folder },
    put: (paths) => {
      source = dirname(paths[0] ?? "");
      return [...restic, "backup", ...paths];
    },
    async find(name) {
      restored ??= run([...restic, "restore", "latest", "--target", `${folder}/restored`], folder);
      await restored;
      return `${folder}/restored${source}/${name}`;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
