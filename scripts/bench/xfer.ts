/** xfer itself, over either protocol. */
import { listStored } from "../../server/operator/list_files.ts";
import type { StoredContent } from "../../server/catalog/files.ts";
import { DataFolder } from "../../server/data_folder/data_folder.ts";
import { invocation } from "../../tests/support/processes.ts";
import type { Ready } from "./contender.ts";
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

export async function prepareXfer(folder: string, protocol: 3 | 4): Promise<ReadyXfer> {
  const data = `${folder}/data`;
  const cwd = `${folder}/client`;
  await Deno.mkdir(cwd, { mode: 0o700 });
  const { process, port, securePort, location } = await startServer(folder, data);
  const client = (args: readonly string[]): readonly string[] => {
    const { executable, args: all } = invocation(["client", "--protocol", `${protocol}`, ...args]);
    return [executable, ...all];
  };
  const lead = (port: number) => {
    const line = protocol === 3 ? `127.0.0.1:${port}` : location.replace(/:\d+#/, `:${port}#`);
    return Deno.writeTextFile(`${cwd}/transfer.info`, `${line}\nAlice\n`);
  };
  await lead(port);
  await Deno.writeTextFile(`${cwd}/first.txt`, "registers the name");
  await run(client(["put", "first.txt"]), cwd);
  let stored: Promise<Stored> | undefined;
  return {
    ...{ serverPid: process.pid, cwd, port, securePort, lead },
    put: (paths) => client(["put", ...paths]),
    get: (name, target) => client(["get", name, "-o", target]),
    async find(name) {
      stored ??= readStored(data);
      return await whereIs(await stored, name, `${folder}/copy`);
    },
    async [Symbol.asyncDispose]() {
      await (await stored)?.store[Symbol.asyncDispose]();
      await stop(process);
    },
  };
}

/** The log goes to a file, as under a service manager, so that no process has to read it. */
async function startServer(folder: string, data: string) {
  const log = `${folder}/server.log`;
  const { executable, args } = invocation([
    ...["server", "--listen", "127.0.0.1:0", "--data", data, "--log-format", "json"],
  ]);
  const process = new Deno.Command("sh", {
    args: ["-c", 'exec "$@" 2>"$0"', log, executable, ...args],
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
