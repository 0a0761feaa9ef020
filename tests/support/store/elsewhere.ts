/** Stores of a server that are not in its data folder. */
import { ClusterSecret } from "../../../server/cluster/cluster_secret.ts";
import type { ServerOptions } from "../../../server/server.ts";
import type { StoreOpeners } from "../../../server/stores/open_stores.ts";
import { ObjectBlobStore } from "./object_blob_store.ts";
import { SharedMemory } from "./shared_memory_catalog.ts";

/** The secret of a cluster in tests. */
export const CLUSTER_SECRET = "a secret of tests, which nobody needs to guess";

export const clusterSecret = (text: string = CLUSTER_SECRET) => () => ClusterSecret.fromText(text);

/** A database and an object store in memory. Several servers can use them, one after the other. */
export class Elsewhere {
  readonly memory = new SharedMemory();
  readonly blobs: ObjectBlobStore;
  readonly openers: StoreOpeners;

  constructor(partSize: number) {
    this.blobs = new ObjectBlobStore({ partSize });
    this.openers = {
      catalog: () => Promise.resolve(this.memory.connect()),
      blobs: () => Promise.resolve(this.blobs),
    };
  }

  /** The options of a server. */
  get options(): Pick<ServerOptions, "catalog" | "blobs" | "openers" | "clusterSecret"> {
    return {
      catalog: "postgres://db.example.org/xfer",
      blobs: "s3://files/xfer",
      openers: this.openers,
      clusterSecret: clusterSecret(),
    };
  }
}
