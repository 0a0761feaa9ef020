/**
 * A database and a store of contents that a server serves from.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { printable } from "../../protocol/printable.ts";
import { clusterState } from "../accounts/cluster_state.ts";
import type { BlobStore } from "../blobs/blob_store.ts";
import type { SharedCatalog, SharedValues } from "../catalog/shared_catalog.ts";
import { type ClusterSecret, readClusterSecret } from "../cluster/cluster_secret.ts";
import { NodeLease } from "../cluster/node_lease.ts";
import { prepareBlobFolder } from "../data_folder/blob_folder.ts";
import { finishRepairs } from "../data_folder/quarantine.ts";
import type { FileSystem } from "../fs/file_system.ts";
import type { Log } from "../limits/server_log.ts";
import { closeBlobs, openBlobs, OPENERS, type StoreOpeners } from "./open_stores.ts";
import type { ServedStore, StoreSystem } from "./served_store.ts";
import { dataFolderOf, nameOf, type StoreSettings } from "./store_settings.ts";
import { loadSharedIdentity } from "./shared_identity.ts";

/** The name of the catalog's id among the shared values. */
const CATALOG_ID = "catalog-id";
/** The name of a value that only the secret of the cluster decrypts. */
const SECRET_CHECK = "cluster-secret";

/**
 * Opens the catalog at a URL and its store of contents, and joins the servers that use it. Throws `ConfigurationError`
 * `catalog-in-use`, `blobs-of-other-catalog`, and as the stores do.
 */
export async function serveCluster(
  catalogUrl: string,
  settings: StoreSettings,
  system: StoreSystem,
  log: Log,
): Promise<ServedStore> {
  const { fileSystem, freeSpace, openers = OPENERS, clusterSecret = readClusterSecret } = system;
  await using opening = new AsyncDisposableStack();
  const catalog = opening.use(await openers.catalog(catalogUrl));
  const isOnDisk = settings.blobs === undefined;
  const node = {
    name: system.serverName ?? nodeName(),
    onRemoved: (name: string) =>
      log.warn("Removed server {node}, whose lease has ended", {
        event: "node.removed",
        node: printable(name),
      }),
  };
  // Two servers could be given two folders.
  const join = isOnDisk ? NodeLease.joinAlone : NodeLease.join;
  const lease = opening.use(await join(catalog.nodes, node));
  const secret = await clusterSecret();
  await checkSecret(catalog.values, secret);
  const blobs = await openBlobsOf(catalog, settings, openers, fileSystem);
  opening.defer(() => closeBlobs(blobs));
  const identity = () => loadSharedIdentity(catalog.values, secret);
  const free = () => isOnDisk ? freeSpace(dataFolderOf(settings)) : Promise.resolve(Infinity);
  const open = opening.move();
  return {
    ...{ catalog, blobs, name: nameOf(settings), lease },
    sharedState: (limits) => clusterState(catalog.state, secret, limits),
    loadIdentity: identity,
    readIdentity: identity,
    ...{ freeSpace: free, diskSpace: free },
    async recover(sweep) {
      if (isOnDisk) await finishRepairs({ catalog, blobs });
      // Others sweep at their start, or from time to time.
      if (lease.isOldest) await sweep();
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** Opens the store of contents of a catalog; a folder for it is created if it is missing. */
export async function openBlobsOf(
  catalog: SharedCatalog,
  settings: StoreSettings,
  openers: StoreOpeners,
  fs: FileSystem,
): Promise<BlobStore> {
  if (settings.blobs === undefined) {
    await prepareBlobFolder(dataFolderOf(settings), await idOf(catalog.values), fs);
  }
  return await openBlobs(settings, openers, fs, { creates: true });
}

/** The id of a catalog, 16 random bytes. */
async function idOf(values: SharedValues): Promise<Bytes> {
  return await values.find(CATALOG_ID) ??
    await values.keep(CATALOG_ID, crypto.getRandomValues(new Uint8Array(16)));
}

/** Throws `ConfigurationError` `cluster-secret-wrong` if other servers have another secret. */
async function checkSecret(values: SharedValues, secret: ClusterSecret): Promise<void> {
  const wrapped = await values.find(SECRET_CHECK) ??
    await values.keep(SECRET_CHECK, await secret.wrap(SECRET_CHECK, new Uint8Array(0)));
  await secret.unwrap(SECRET_CHECK, wrapped);
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
