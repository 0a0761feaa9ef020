/** xfer itself, over either protocol. */
import { listStored } from "../../server/operator/list_files.ts";
import type { StoredContent } from "../../server/catalog/files.ts";
import { DataFolder } from "../../server/data_folder/data_folder.ts";
import { invocation } from "../../tests/support/processes.ts";
import { PERMISSION_FLAGS } from "../release/permissions.ts";
import type { PrepareOptions, Ready } from "./contender.ts";
import { Distance } from "./distance.ts";
import { run, soon, stop } from "./processes.ts";
import { readContent } from "../../server/data_folder/stored_content.ts";

export interface ReadyXfer extends Ready {
  /** The plain port. */
  readonly port: number;
  /** The port of protocol 4. */
  readonly securePort: number;
  /** Directs the client's commands to this port from now on. */
  lead(port: number): Promise<void>;
}

/** The environment variable with an earlier version: an executable, or the path of its `main.ts`. */
export const BEFORE = "XFER_BEFORE";

interface XferOptions extends PrepareOptions {
  readonly isBefore?: boolean;
}

export async function prepareXfer(
  folder: string,
  protocol: 3 | 4,
  { roundTripMs, isBefore = false }: XferOptions = {},
): Promise<ReadyXfer> {
  const data = `${folder}/data`;
  const cwd = `${folder}/client`;
  await Deno.mkdir(cwd, { mode: 0o700 });
  const program = isBefore ? before : now;
  const distance = roundTripMs === undefined ? undefined : Distance.of(roundTripMs, 2);
  const server = await startServer(
    folder,
    program([
      ...["server", "--listen", "127.0.0.1:0", "--data", data, "--log-format", "json"],
      // The server would read large files again in the background, beside the next contender.
      ...(isBefore ? [] : ["--confirm-rate", "0"]),
      ...(distance === undefined ? [] : ["--advertise", `127.0.0.1:${distance.ports.join(",")}`]),
    ]),
  );
  const { process, location } = server;
  await distance?.lead([server.port, server.securePort]);
  const [port, securePort] = distance?.ports ?? [server.port, server.securePort];
  const client = (args: readonly string[]): readonly string[] => {
    return program(["client", "--protocol", `${protocol}`, ...args]);
  };
  const lead = (port: number) => {
    const line = protocol === 3 ? `127.0.0.1:${port}` : location.replace(/:\d+#/, `:${port}#`);
    return Deno.writeTextFile(`${cwd}/transfer.info`, `${line}\nAlice\n`);
  };
  await lead(port as number);
  await Deno.writeTextFile(`${cwd}/first.txt`, "registers the name");
  await run(client(["put", "first.txt"]), cwd);
  let stored: Promise<Stored> | undefined;
  return {
    ...{ serverPid: process.pid, cwd, port: port as number, securePort: securePort as number },
    lead,
    put: (paths) => client(["put", ...paths]),
    get: (name, target) => client(["get", name, "--recursive", "-o", target]),
    // An earlier version may keep its data in another form.
    ...(isBefore ? {} : {
      async find(name: string) {
        stored ??= readStored(data);
        return await whereIs(await stored, name, `${folder}/copy`);
      },
    }),
    async [Symbol.asyncDispose]() {
      await (await stored)?.store[Symbol.asyncDispose]();
      await distance?.[Symbol.asyncDispose]();
      await stop(process);
    },
  };
}

function now(args: readonly string[]): readonly string[] {
  const { executable, args: all } = invocation(args);
  return [executable, ...all];
}

function before(args: readonly string[]): readonly string[] {
  const path = Deno.env.get(BEFORE) ?? "";
  if (!path.endsWith(".ts")) return [path, ...args];
  return [Deno.execPath(), "run", "--quiet", "--no-check", ...PERMISSION_FLAGS, path, ...args];
}

/** The log goes to a file, as under a service manager, so that no process has to read it. */
async function startServer(folder: string, command: readonly string[]) {
  const log = `${folder}/server.log`;
  const process = new Deno.Command("sh", {
    args: ["-c", 'exec "$@" 2>"$0"', log, ...command],
    ...{ stdin: "null", stdout: "null", stderr: "null" },
  }).spawn();
  const logged = async (event: string) => {
    const text = await Deno.readTextFile(log).catch(() => "");
    const line = text.split("\n").slice(0, -1).find((line) => line.includes(`"${event}"`));
    return line === undefined ? undefined : JSON.parse(line) as Record<string, unknown>;
  };
  const plain = await soon("the server listens", () => logged("server.listening"));
  const secure = await soon("protocol 4 is served", () => logged("server.listening-securely"));
  return {
    ...{ process, port: Number(plain["port"]), securePort: Number(secure["port"]) },
    location: `${secure["location"]}`,
  };
}

interface Stored {
  readonly store: DataFolder;
  /** Where contents are, by the files' names. */
  readonly contents: ReadonlyMap<string, StoredContent>;
}

async function readStored(data: string): Promise<Stored> {
  const [account] = await listStored(data);
  const contents = new Map(account?.files.map(({ name, content }) => [name, content]));
  return { store: await DataFolder.openToRead(data, Deno), contents };
}

/** The path of a stored file's content. Content in the catalog is written to `copy` first. */
async function whereIs({ store, contents }: Stored, name: string, copy: string): Promise<string> {
  const content = contents.get(name);
  if (content === undefined) throw new Error(`xfer has not stored ${name}`);
  if (content.kind === "blob") return `${store.path}/${content.id}`;
  using file = Deno.openSync(copy, { write: true, create: true, truncate: true });
  for await (const piece of readContent(store, { content })) file.writeSync(piece);
  return copy;
}
