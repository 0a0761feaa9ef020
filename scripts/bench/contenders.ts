/** Who moves files: xfer, and what people would use in its place. Each has a server of its own on the loopback. */
import { listStored } from "../../mod.ts";
import {
  invocation,
  ServerProcess,
  writeTransferInfo,
  xfer,
} from "../../tests/helpers/processes.ts";
import { FailedError, freePort, listening, which } from "./processes.ts";

/** A contender with its server running, ready to move files. */
export interface Ready extends AsyncDisposable {
  /** The process that takes the files, if it is another than the one that moves them. */
  readonly serverPid: number | undefined;
  /** The command that moves files, and the folder that it runs in. */
  command(paths: readonly string[]): { readonly command: readonly string[]; readonly cwd: string };
  /** Where a file is after it was moved. */
  find(name: string): Promise<string>;
}

export interface Contender {
  readonly name: string;
  /** What it takes, beside xfer itself. */
  readonly programs: readonly string[];
  /** Makes its keys, starts its server; `folder` is empty and its own. */
  prepare(folder: string): Promise<Ready>;
}

export const CONTENDERS: readonly Contender[] = [
  { name: "xfer, protocol 3", programs: [], prepare: (folder) => prepareXfer(folder, 3) },
  { name: "xfer, protocol 4", programs: [], prepare: (folder) => prepareXfer(folder, 4) },
  {
    name: "scp",
    programs: ["scp", "sshd", "ssh-keygen"],
    prepare: (folder) => prepareSsh(folder, (ssh) => ["scp", "-q", ...ssh("-P")]),
  },
  {
    name: "scp, aes128-gcm",
    programs: ["scp", "sshd", "ssh-keygen"],
    prepare: (folder) =>
      prepareSsh(folder, (ssh) => ["scp", "-q", "-c", "aes128-gcm@openssh.com", ...ssh("-P")]),
  },
  {
    name: "rsync over ssh",
    programs: ["rsync", "sshd", "ssh-keygen"],
    prepare: (folder) =>
      prepareSsh(folder, (ssh) => ["rsync", "--whole-file", "-e", `ssh ${ssh("-p").join(" ")}`]),
  },
  { name: "curl to nginx, TLS", programs: ["curl", "nginx", "openssl"], prepare: prepareNginx },
  { name: "cp", programs: ["cp"], prepare: prepareCp },
];

/** The programs that a contender lacks here. */
export async function missing({ programs }: Contender): Promise<string[]> {
  const found = await Promise.all(programs.map(which));
  return programs.filter((_, i) => found[i] === undefined);
}

async function prepareXfer(folder: string, protocol: 3 | 4): Promise<Ready> {
  const data = `${folder}/data`;
  const client = `${folder}/client`;
  await Deno.mkdir(client);
  const server = await ServerProcess.start(data);
  await Deno.writeTextFile(`${client}/first.txt`, "registers the name");
  await writeTransferInfo(client, { port: server.port, file: "first.txt" });
  if (protocol === 4) {
    const { location } = await server.logged("server.listening-securely");
    await Deno.writeTextFile(`${client}/transfer.info`, `${location}\nAlice\nfirst.txt\n`);
  }
  const { code, stderr } = await xfer(["client", "--protocol", `${protocol}`], client);
  if (code !== 0) throw new FailedError(stderr);
  return {
    serverPid: server.pid,
    command(paths) {
      const { executable, args } = invocation([
        "client",
        "--protocol",
        `${protocol}`,
        "put",
        ...paths,
      ]);
      return { command: [executable, ...args], cwd: client };
    },
    async find(name) {
      const [account] = await listStored(data);
      return `${data}/${account?.files.find((file) => file.name === name)?.path}`;
    },
    async [Symbol.asyncDispose]() {
      await server.stop();
    },
  };
}

type SshOptions = (portOption: string) => string[];

/** An sshd of our own, with throw-away keys. `move` is the command without files and target. */
async function prepareSsh(
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
  // sshd wants the folder into which it locks itself up; only root can make it, and only root needs it.
  if (Deno.uid() === 0) await Deno.mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const server = await start(["sshd", "-D", "-f", `${folder}/sshd.conf`], port);
  const options: SshOptions = (portOption) => [
    ...[portOption, `${port}`, "-i", `${folder}/user`, "-o", "LogLevel=ERROR"],
    ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"],
    ...["-o", "IdentitiesOnly=yes", "-F", "none"],
  ];
  const { stdout } = await new Deno.Command("id", { args: ["-un"] }).output();
  const target = `${new TextDecoder().decode(stdout).trim()}@127.0.0.1:${folder}/target/`;
  return {
    serverPid: server.pid,
    command: (paths) => ({ command: [...move(options), ...paths, target], cwd: folder }),
    find: (name) => Promise.resolve(`${folder}/target/${name}`),
    [Symbol.asyncDispose]: () => stop(server),
  };
}

async function prepareNginx(folder: string): Promise<Ready> {
  const port = freePort();
  const certificate = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await run([
    ...["openssl", "req", ...certificate, "-subj", "/CN=localhost", "-days", "2"],
    ...["-addext", "subjectAltName=IP:127.0.0.1"],
    ...["-keyout", `${folder}/key.pem`, "-out", `${folder}/cert.pem`],
  ]);
  for (const name of ["target", "temporary"]) await Deno.mkdir(`${folder}/${name}`);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `  ${name}_temp_path ${folder}/temporary/${name};`);
  await Deno.writeTextFile(
    `${folder}/nginx.conf`,
    [
      "daemon off;",
      ...(Deno.uid() === 0 ? ["user root;"] : []),
      `pid ${folder}/nginx.pid;`,
      `error_log ${folder}/error.log;`,
      "events {}",
      "http {",
      "  access_log off;",
      ...temporary,
      "  client_max_body_size 0;",
      "  server {",
      `    listen 127.0.0.1:${port} ssl;`,
      "    ssl_protocols TLSv1.3;",
      `    ssl_certificate ${folder}/cert.pem;`,
      `    ssl_certificate_key ${folder}/key.pem;`,
      `    location / { root ${folder}/target; dav_methods PUT; }`,
      "  }",
      "}",
      "",
    ].join("\n"),
  );
  const server = await start(
    ["nginx", "-e", `${folder}/error.log`, "-c", `${folder}/nginx.conf`],
    port,
  );
  return {
    serverPid: server.pid,
    command: (paths) => ({
      command: [
        ...["curl", "--silent", "--show-error", "--fail", "--cacert", `${folder}/cert.pem`],
        // One after another over one connection, as xfer does.
        ...paths.flatMap((path) => ["-T", path, `https://127.0.0.1:${port}/`]),
      ],
      cwd: folder,
    }),
    find: (name) => Promise.resolve(`${folder}/target/${name}`),
    [Symbol.asyncDispose]: () => stop(server),
  };
}

async function prepareCp(folder: string): Promise<Ready> {
  await Deno.mkdir(`${folder}/target`);
  return {
    serverPid: undefined,
    command: (paths) => ({ command: ["cp", ...paths, `${folder}/target/`], cwd: folder }),
    find: (name) => Promise.resolve(`${folder}/target/${name}`),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function run([executable = "", ...args]: readonly string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(executable, { args }).output();
  if (code !== 0) throw new FailedError(`${executable}: ${new TextDecoder().decode(stderr)}`);
}

async function start(
  [name = "", ...args]: readonly string[],
  port: number,
): Promise<Deno.ChildProcess> {
  const options: Deno.CommandOptions = { args, stdin: "null", stdout: "null", stderr: "null" };
  const process = new Deno.Command(await which(name) ?? name, options).spawn();
  await listening(port);
  return process;
}

async function stop(process: Deno.ChildProcess): Promise<void> {
  process.kill("SIGTERM");
  await process.status;
}
