/** xfer with its files in PostgreSQL and an object store, with a balancer in front of its servers. */
import { readContent } from "../../server/data_folder/stored_content.ts";
import type { Store } from "../../server/data_folder/data_folder.ts";
import { invocation } from "../../tests/support/processes.ts";
import { Cluster } from "../cluster/cluster.ts";
import type { Ready } from "./contender.ts";
import { run } from "./processes.ts";

/** The programs of the object store and the balancer. */
export const CLUSTER_NEEDS: readonly string[] = ["swift-proxy-server", "haproxy"];

/** Everything is durable, as on one disk. The CPU time of the server is that of all xfer servers. */
export async function prepareCluster(folder: string, servers: number): Promise<Ready> {
  await using preparing = new AsyncDisposableStack();
  const cluster = preparing.use(
    await Cluster.start({
      ...{ servers, isDurable: true },
      // The servers would read large files again in the background, beside the next contender.
      args: ["--confirm-rate", "0"],
    }),
  );
  const store = preparing.use(await cluster.openStores());
  const cwd = `${folder}/client`;
  await Deno.mkdir(cwd, { mode: 0o700 });
  const client = (args: readonly string[]): readonly string[] => {
    const { executable, args: all } = invocation(["client", "--accept-new", ...args]);
    return [executable, ...all];
  };
  await Deno.writeTextFile(`${cwd}/transfer.info`, `127.0.0.1:${cluster.plain.port}\nAlice\n`);
  await Deno.writeTextFile(`${cwd}/first.txt`, "registers the name");
  await run(client(["put", "first.txt"]), cwd);
  const [serverPid, ...otherServerPids] = cluster.nodes.flatMap(({ pid }) => pid ?? []);
  const ready = preparing.move();
  return {
    ...{ serverPid, otherServerPids, cwd },
    put: (paths) => client(["put", ...paths]),
    get: (name, target) => client(["get", name, "--recursive", "-o", target]),
    find: (name) => copyOf(store, name, `${folder}/copy`),
    [Symbol.asyncDispose]: () => ready.disposeAsync(),
  };
}

/** Writes a stored file to a path. */
async function copyOf(store: Store, name: string, path: string): Promise<string> {
  const account = await store.catalog.accounts.find({ name: "Alice" });
  const file = account && await store.catalog.files.find(account.id, name);
  if (file === undefined) throw new Error(`the cluster has not stored ${name}`);
  using copy = Deno.openSync(path, { write: true, create: true, truncate: true });
  for await (const piece of readContent(store, file)) copy.writeSync(piece);
  return path;
}
