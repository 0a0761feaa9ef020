/** The contenders: xfer and its alternatives. Each has its own server on the loopback interface. */
import type { Contender, Ready } from "./contender.ts";
import { prepareNginx } from "./nginx.ts";
import { which } from "./processes.ts";
import { prepareSsh } from "./ssh.ts";
import { prepareXfer } from "./xfer.ts";

const SSH = ["sshd", "ssh-keygen"];

export const CONTENDERS = {
  "xfer, protocol 4": { needs: [], prepare: (folder) => prepareXfer(folder, 4) },
  "xfer, protocol 3": { needs: [], prepare: (folder) => prepareXfer(folder, 3) },
  "scp": {
    needs: ["scp", ...SSH],
    prepare: (folder) => prepareSsh(folder, (ssh) => ["scp", "-q", "-r", ...ssh("-P")]),
  },
  "scp, aes128-gcm": {
    needs: ["scp", ...SSH],
    prepare: (folder) =>
      prepareSsh(folder, (ssh) => {
        return ["scp", "-q", "-r", "-c", "aes128-gcm@openssh.com", ...ssh("-P")];
      }),
  },
  "rsync -a over ssh": {
    needs: ["rsync", "ssh", ...SSH],
    prepare: (folder) => prepareSsh(folder, (ssh) => ["rsync", "-a", ...RSYNC, remoteShell(ssh)]),
  },
  "rsync -a --fsync over ssh": {
    needs: ["rsync", "rsync --fsync", "ssh", ...SSH],
    prepare: (folder) =>
      prepareSsh(folder, (ssh) => ["rsync", "-a", "--fsync", ...RSYNC, remoteShell(ssh)]),
  },
  "curl to nginx, TLS": { needs: ["curl", "nginx", "openssl"], prepare: prepareNginx },
  "cp": { needs: ["cp"], prepare: prepareCp },
} satisfies Readonly<Record<string, Contender>>;

export type ContenderName = keyof typeof CONTENDERS;

const RSYNC = ["--whole-file", "-e"];

function remoteShell(ssh: (portOption: string) => readonly string[]): string {
  return `ssh ${ssh("-p").join(" ")}`;
}

/** The missing requirements of a contender. */
export async function missing({ needs }: Contender): Promise<string[]> {
  const found = await Promise.all(needs.map(isThere));
  return needs.filter((_, i) => !found[i]);
}

async function isThere(need: string): Promise<boolean> {
  const [program = "", option] = need.split(" ");
  if (await which(program) === undefined) return false;
  if (option === undefined) return true;
  const { stdout } = await new Deno.Command(program, { args: ["--help"] }).output();
  return new TextDecoder().decode(stdout).includes(option);
}

async function prepareCp(folder: string): Promise<Ready> {
  await Deno.mkdir(`${folder}/target`);
  return {
    ...{ serverPid: undefined, cwd: folder },
    put: (paths) => ["cp", "-r", ...paths, `${folder}/target/`],
    find: (name) => Promise.resolve(`${folder}/target/${name}`),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
