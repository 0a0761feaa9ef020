/**
 * The identity that all servers of a cluster show: in the catalog, encrypted with the secret of the cluster.
 *
 * @module
 */
import { ConfigurationError } from "../../protocol/errors.ts";
import type { SharedValues } from "../catalog/shared_catalog.ts";
import type { ClusterSecret } from "../cluster/cluster_secret.ts";
import { parseIdentity, type TlsIdentity } from "../listen/tls/identity.ts";

/** The name of the identity among the shared values. */
export const TLS_IDENTITY = "tls-identity";

/**
 * The identity in a catalog, created by the first server. Of servers that start at the same time, the first to store its
 * own decides. Throws `ConfigurationError` `cluster-secret-wrong`.
 */
export async function loadSharedIdentity(
  values: SharedValues,
  secret: ClusterSecret,
): Promise<TlsIdentity> {
  const wrapped = await values.find(TLS_IDENTITY) ?? await makeShared(values, secret);
  const text = new TextDecoder().decode(await secret.unwrap(TLS_IDENTITY, wrapped));
  return await parseIdentity(text, (cause) =>
    new ConfigurationError(
      "bad-tls-identity",
      "the catalog does not contain the servers' key and certificate",
      { hint: "Restore the database from a backup.", cause },
    ));
}

async function makeShared(values: SharedValues, secret: ClusterSecret) {
  const { makeIdentity } = await import("../listen/tls/x509.ts");
  const made = new TextEncoder().encode(await makeIdentity());
  return await values.keep(TLS_IDENTITY, await secret.wrap(TLS_IDENTITY, made));
}
