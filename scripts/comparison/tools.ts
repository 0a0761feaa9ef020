/** The tools of the comparison: how each serves, uploads and downloads. Commands are for sh. */

/** Ports of a server, and those of the proxy that its clients use. */
export interface Ports {
  readonly server: number;
  readonly secure: number;
  readonly client: number;
  readonly clientSecure: number;
}

/** One command that uploads the folder src, and one that downloads it as the folder back. */
export interface Way {
  readonly put: string;
  readonly get: string;
}

/** By the options that differ from the plain way, which comes first and is called "". */
export type Ways = Readonly<Record<string, Way>>;

export interface Tool {
  /** Prints the version. */
  readonly version: string;
  /** Prepares the folder before the server starts. */
  readonly before: (ports: Ports) => string;
  readonly serve: (ports: Ports) => string;
  /** Prepares the client once the server listens. */
  readonly after: string;
  readonly env: (ports: Ports) => Readonly<Record<string, string>>;
  /** The ways to keep more of a tree. */
  readonly keeping: Ways;
  /** The ways to resume. */
  readonly resuming: Ways;
}

const HOST = "127.0.0.1";

const XFER: Way = { put: "xfer client put src", get: "xfer client get src --recursive -o back" };
const RESTIC: Way = { put: "restic backup src", get: "restic restore latest --target out" };

function rsync(options: string): Way {
  return { put: `rsync ${options} src $R/`, get: `rsync ${options} $R/src/ back/` };
}

function rclone(options: string): Way {
  return { put: `rclone copy ${options}src r:src`, get: `rclone copy ${options}r:src back` };
}

export const TOOLS = {
  xfer: {
    version: "xfer --version",
    before: () => "",
    serve: ({ server, secure, client, clientSecure }) =>
      `xfer server --listen ${HOST}:${server} --tls-listen ${HOST}:${secure} ` +
      `--advertise ${HOST}:${client},${clientSecure} --data store`,
    after: `until grep -q 'transfer.info: xfer' server.log; do sleep 0.1; done
grep -o 'xfer://[^,]*' server.log | head -1 >transfer.info
echo Alice >>transfer.info`,
    env: () => ({}),
    keeping: {
      "": XFER,
      "--preserve-special": { ...XFER, get: `${XFER.get} --preserve-special` },
    },
    resuming: { "": XFER },
  },
  rsync: {
    version: "rsync --version | head -1",
    before: ({ server }) =>
      `mkdir store
printf '%s\\n' 'port = ${server}' 'address = ${HOST}' 'use chroot = no' 'uid = 0' 'gid = 0' \\
  '[m]' "path = $PWD/store" 'read only = no' >rsyncd.conf`,
    serve: () => "rsync --daemon --no-detach --config=rsyncd.conf --log-file=/dev/stderr",
    after: "",
    env: ({ client }) => ({ R: `rsync://${HOST}:${client}/m` }),
    keeping: { "": rsync("-a"), "-HAXS": rsync("-aHAXS") },
    resuming: { "": rsync("-a"), "--partial": rsync("-a --partial") },
  },
  restic: {
    version: "restic version",
    before: () => "mkdir store",
    serve: ({ server }) => `rclone serve restic --addr ${HOST}:${server} store`,
    after: "restic init && ln -s out/src back",
    env: ({ client }) => ({
      RESTIC_REPOSITORY: `rest:http://${HOST}:${client}/`,
      RESTIC_PASSWORD: "secret",
    }),
    keeping: { "": RESTIC },
    resuming: { "": RESTIC },
  },
  rclone: {
    version: "rclone version | head -1",
    before: () => "mkdir store",
    serve: ({ server }) =>
      `rclone serve sftp --addr ${HOST}:${server} --user u --pass secret store`,
    after: "rclone config create r sftp host=$HOST port=$PORT user=u pass=secret &&\n" +
      "rclone config create c crypt remote=r:hidden password=secret",
    env: ({ client }) => ({ HOST, PORT: `${client}` }),
    keeping: {
      "": rclone(""),
      "--links --create-empty-src-dirs": rclone("--links --create-empty-src-dirs "),
    },
    resuming: { "": rclone("") },
  },
} as const satisfies Readonly<Record<string, Tool>>;

export type ToolName = keyof typeof TOOLS;
