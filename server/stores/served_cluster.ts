/**
 * A database and a store of contents that a server serves from.
 *
 * @module
 */
import { hasQuarantine } from "../blobs/blob_store.ts";
import { readClusterSecret } from "../cluster/cluster_secret.ts";
import { NodeLease } from "../cluster/node_lease.ts";
import { finishRepairs } from "../data_folder/quarantine.ts";
import type { Log } from "../limits/server_log.ts";
import { closeBlobs, openBlobs, OPENERS } from "./open_stores.ts";
import type { ServedStore, StoreSystem } from "./served_store.ts";
import { dataFolderOf, nameOf, type StoreSettings } from "./store_settings.ts";
import { loadSharedIdentity } from "./shared_identity.ts";

/**
 * Opens the catalog at a URL and its store of contents, and takes the lease. Throws `ConfigurationError`
 * `catalog-in-use`, and as the stores do.
 */
export async function serveCluster(
  catalogUrl: string,
  settings: StoreSettings,
  { fileSystem, freeSpace, openers = OPENERS, clusterSecret = readClusterSecret }: StoreSystem,
  log: Log,
): Promise<ServedStore> {
  await using opening = new AsyncDisposableStack();
  const catalog = opening.use(await openers.catalog(catalogUrl));
  const lease = opening.use(
    await NodeLease.take(catalog.nodes, {
      name: nodeName(),
      onWait: ({ name, leftMs }) =>
        log.info("Waiting for the lease of {node}, which ends in {seconds} s", {
          event: "server.waiting",
          ...{ node: name, seconds: Math.ceil(leftMs / 1000) },
        }),
    }),
  );
  const blobs = await openBlobs(settings, openers, fileSystem, { creates: true });
  opening.defer(() => closeBlobs(blobs));
  const isOnDisk = settings.blobs === undefined;
  const identity = async () => await loadSharedIdentity(catalog.values, await clusterSecret());
  const open = opening.move();
  return {
    ...{ catalog, blobs, name: nameOf(settings), lost: lease.lost },
    loadIdentity: identity,
    readIdentity: identity,
    freeSpace: () => isOnDisk ? freeSpace(dataFolderOf(settings)) : Promise.resolve(Infinity),
    async recover(sweep) {
      if (isOnDisk && hasQuarantine(blobs)) {
        const path = dataFolderOf(settings);
        await finishRepairs({ path, catalog, blobs }, fileSystem);
      }
      await sweep();
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** The name of this server, for people. */
function nodeName(): string {
  try {
    return `${Deno.hostname()} (process ${Deno.pid})`;
  } catch {
    // Without the permission to ask for the host name.
    return `process ${Deno.pid}`;
  }
}
