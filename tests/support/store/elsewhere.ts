/** Stores of a server that are not in its data folder. */
import { openPostgresCatalog } from "../../../server/catalog/postgres/postgres_catalog.ts";
import type { SharedCatalog } from "../../../server/catalog/shared_catalog.ts";
import { S3BlobStore } from "../../../server/blobs/s3/s3_blob_store.ts";
import { ClusterSecret } from "../../../server/cluster/cluster_secret.ts";
import type { ServerOptions } from "../../../server/lifecycle/server_options.ts";
import type { StoreOpeners } from "../../../server/stores/open_stores.ts";
import { FakeS3 } from "./fake_s3.ts";
import { ObjectBlobStore } from "./object_blob_store.ts";
import { createDatabase } from "./postgres.ts";
import { SharedMemory } from "./shared_memory_catalog.ts";

/** The secret of a cluster in tests. */
export const CLUSTER_SECRET = "a secret of tests, which nobody needs to guess";

export const clusterSecret = (text: string = CLUSTER_SECRET) => () => ClusterSecret.fromText(text);

/** A database and an object store, which several servers can use. */
export interface Elsewhere extends AsyncDisposable {
  readonly openers: StoreOpeners;
  /** The number of blobs and of uploads. */
  readonly counts: { readonly blobs: number; readonly uploads: number };
}

/** The options of a server on such stores. */
export function optionsOf(
  { openers }: Pick<Elsewhere, "openers">,
): Required<Pick<ServerOptions, "catalog" | "blobs" | "openers" | "clusterSecret">> {
  return {
    catalog: "postgres://db.example.org/xfer",
    blobs: "s3://files/xfer",
    openers,
    clusterSecret: clusterSecret(),
  };
}

/** In memory. Time passes there only by {@link SharedMemory.pass}. */
export class ElsewhereInMemory implements Elsewhere {
  readonly memory = new SharedMemory();
  readonly openers: StoreOpeners;
  readonly #blobs: ObjectBlobStore;

  constructor(partSize: number) {
    this.#blobs = new ObjectBlobStore({ partSize });
    this.openers = {
      catalog: () => Promise.resolve(this.memory.connect()),
      blobs: () => Promise.resolve(this.#blobs),
    };
  }

  get counts() {
    return this.#blobs.counts;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** PostgreSQL, and a server with the rules of S3. */
export interface RealElsewhere extends Elsewhere {
  readonly s3: FakeS3;
  /** The number of parts of all uploads in progress. */
  readonly parts: number;
}

export async function elsewhereForReal(partSize: number): Promise<RealElsewhere> {
  await using opening = new AsyncDisposableStack();
  const database = opening.use(await createDatabase());
  const s3 = opening.use(new FakeS3({ minPartSize: partSize, pageSize: 3 }));
  const open = opening.move();
  return {
    s3,
    openers: {
      catalog: (): Promise<SharedCatalog> => openPostgresCatalog(database.options),
      blobs: () =>
        S3BlobStore.open({
          ...{ bucketUrl: s3.bucketUrl(), region: s3.signer.region, prefix: "xfer/" },
          readCredentials: () => Promise.resolve(s3.signer),
          sizes: { part: partSize, minPart: partSize },
        }),
    },
    get counts() {
      return { blobs: s3.objects.size, uploads: s3.uploads.size };
    },
    get parts() {
      return s3.uploads.values().reduce((sum, { parts }) => sum + parts.size, 0);
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}
