/** The contenders: xfer and its alternatives. Each has its own server on the loopback interface. */
import { CLUSTER_NEEDS, prepareCluster } from "./cluster.ts";
import { type Contender, type Ready, thenSync } from "./contender.ts";
import { prepareNginx } from "./nginx.ts";
import { which } from "./processes.ts";
import { prepareRestic } from "./restic.ts";
import { prepareSsh, remoteShell } from "./ssh.ts";
import { BEFORE, prepareXfer } from "./xfer.ts";

const SSH = ["sshd", "ssh-keygen"];

const SCP: Contender = {
  needs: ["scp", ...SSH],
  prepare: (folder, options) =>
    prepareSsh(folder, (ssh) => ["scp", "-q", "-r", ...ssh("-P")], options),
};

const SCP_GCM: Contender = {
  needs: ["scp", ...SSH],
  prepare: (folder, options) =>
    prepareSsh(folder, (ssh) => {
      return ["scp", "-q", "-r", "-c", "aes128-gcm@openssh.com", ...ssh("-P")];
    }, options),
};

const RSYNC: Contender = rsync([]);

const CURL: Contender = { needs: ["curl", "nginx", "openssl"], prepare: prepareNginx };

export const CONTENDERS = {
  "xfer, protocol 4": {
    needs: [],
    prepare: (folder, options) => prepareXfer(folder, 4, options),
  },
  "xfer, protocol 3": {
    needs: [],
    prepare: (folder, options) => prepareXfer(folder, 3, options),
  },
  // An earlier version, to compare with in one run.
  "xfer before, protocol 4": {
    needs: [`$${BEFORE}`],
    prepare: (folder, options) => prepareXfer(folder, 4, { ...options, isBefore: true }),
  },
  "xfer before, protocol 3": {
    needs: [`$${BEFORE}`],
    prepare: (folder, options) => prepareXfer(folder, 3, { ...options, isBefore: true }),
  },
  "xfer on PostgreSQL and S3": {
    needs: CLUSTER_NEEDS,
    prepare: (folder) => prepareCluster(folder, 1),
  },
  "three xfer servers on PostgreSQL and S3": {
    needs: CLUSTER_NEEDS,
    prepare: (folder) => prepareCluster(folder, 3),
  },
  "scp": SCP,
  "scp, then sync": thenSync(SCP),
  "scp, aes128-gcm": SCP_GCM,
  "scp, aes128-gcm, then sync": thenSync(SCP_GCM),
  "rsync -a over ssh": RSYNC,
  "rsync -a over ssh, then sync": thenSync(RSYNC),
  "rsync -a --fsync over ssh": rsync(["--fsync"]),
  "restic backup over sftp": { needs: ["restic", "ssh", ...SSH], prepare: prepareRestic },
  "curl to nginx, TLS": CURL,
  "curl to nginx, TLS, then sync": thenSync(CURL),
  "cp": { needs: ["cp"], prepare: prepareCp },
} satisfies Readonly<Record<string, Contender>>;

export type ContenderName = keyof typeof CONTENDERS;

function rsync(options: readonly string[]): Contender {
  return {
    needs: ["rsync", ...options.map((option) => `rsync ${option}`), "ssh", ...SSH],
    prepare: (folder, prepareOptions) =>
      prepareSsh(
        folder,
        (ssh) => ["rsync", "-a", ...options, "--whole-file", "-e", remoteShell(ssh)],
        { ...prepareOptions, endsContents: "/" },
      ),
  };
}

/** The missing requirements of a contender. */
export async function missing({ needs }: Contender): Promise<string[]> {
  const found = await Promise.all(needs.map(isThere));
  return needs.filter((_, i) => !found[i]);
}

async function isThere(need: string): Promise<boolean> {
  if (need.startsWith("$")) return Deno.env.get(need.slice(1)) !== undefined;
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
