/**
 * The key of links to the pages of a cluster's servers, which everyone with the secret of the cluster can derive.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { type ClusterSecret, readClusterSecret } from "./cluster_secret.ts";

/** 32 bytes. Throws as {@link readClusterSecret} does. */
export async function clusterPageKey(
  read: () => Promise<ClusterSecret> = readClusterSecret,
): Promise<Bytes> {
  return await (await read()).keyFor("the operator's page");
}
