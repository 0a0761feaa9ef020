/** The configuration files of OpenStack Swift with its S3 interface, on one machine. */

/** The servers of Swift, in the order of their start. */
export const SWIFT_SERVERS = ["account", "container", "object", "proxy", "small-proxy"] as const;
export type SwiftServer = (typeof SWIFT_SERVERS)[number];

export interface SwiftSettings {
  /** The folder of configuration, data and logs. */
  readonly folder: string;
  /** The user that the servers run as. */
  readonly user: string;
  readonly ports: Readonly<Record<SwiftServer, number>>;
  /** The smallest size of a part that is not the last, in bytes, at the proxy for tests of small files. */
  readonly smallPart: number;
}

export const REGION = "us-east-1";
export const ACCESS_KEY = "test:tester";
export const SECRET_KEY = "testing";

/** The smallest size of a part that is not the last, in bytes: that of S3. */
const MIN_PART_SIZE = 5 * 1024 * 1024;

/** The program that reads the file of a server. */
export function programOf(server: SwiftServer): string {
  return `/usr/bin/swift-${server === "small-proxy" ? "proxy" : server}-server`;
}

/** All files, by name. */
export function swiftFiles(settings: SwiftSettings): Readonly<Record<string, string>> {
  return {
    "swift.conf": sections({
      "swift-hash": { swift_hash_path_suffix: "xfer", swift_hash_path_prefix: "xfer" },
      "storage-policy:0": { name: "only", default: "yes" },
    }),
    "account.conf": storage("account", settings),
    "container.conf": storage("container", settings),
    "object.conf": storage("object", settings),
    "proxy.conf": proxy(settings, "proxy", MIN_PART_SIZE),
    "small-proxy.conf": proxy(settings, "small-proxy", settings.smallPart),
  };
}

/** Each answer is durable: Swift syncs before it. */
function storage(server: "account" | "container" | "object", settings: SwiftSettings): string {
  return sections({
    DEFAULT: {
      ...common(server, settings),
      ...{ devices: `${settings.folder}/devices`, mount_check: "false" },
      ...{ disable_fallocate: "true", fallocate_reserve: 0 },
      // A list shows an object from its PUT on: no updater adds it later.
      ...(server === "object" ? { container_update_timeout: 60 } : {}),
    },
    "pipeline:main": { pipeline: `${server}-server` },
    [`app:${server}-server`]: { use: `egg:swift#${server}` },
  });
}

function proxy(settings: SwiftSettings, server: SwiftServer, minPartSize: number): string {
  const filters = ["catch_errors", "healthcheck", "cache", "listing_formats", "bulk", "s3api"]
    .concat("tempauth", "copy", "slo", "dlo");
  const filter = (name: string, options = {}) => ({
    [`filter:${name}`]: { use: `egg:swift#${name}`, ...options },
  });
  return sections({
    DEFAULT: common(server, settings),
    "pipeline:main": { pipeline: [...filters, "proxy-server"].join(" ") },
    "app:proxy-server": {
      ...{ use: "egg:swift#proxy", account_autocreate: "true" },
      // A busy machine is slow. Its only device must not be taken for broken.
      ...{ conn_timeout: 10, node_timeout: 120, client_timeout: 300 },
      error_suppression_limit: 1_000_000,
    },
    ...filter("catch_errors"),
    ...filter("healthcheck"),
    // tempauth requires a cache. Nobody listens at port 1, which is asked once an hour.
    "filter:cache": {
      ...{ use: "egg:swift#memcache", memcache_servers: "127.0.0.1:1", connect_timeout: 0.05 },
      ...{ error_suppression_limit: 1, error_suppression_interval: 3600 },
    },
    ...filter("listing_formats"),
    ...filter("bulk"),
    ...filter("s3api", {
      ...{ location: REGION, dns_compliant_bucket_names: "true", check_bucket_owner: "false" },
      ...{ allow_multipart_uploads: "true", min_segment_size: minPartSize },
      ...{ max_upload_part_num: 10_000, allow_no_owner: "true", auth_pipeline_check: "true" },
    }),
    ...filter("tempauth", { [`user_${ACCESS_KEY.replace(":", "_")}`]: `${SECRET_KEY} .admin` }),
    ...filter("copy"),
    ...filter("slo", { max_manifest_segments: 10_000 }),
    ...filter("dlo"),
  });
}

function common(server: SwiftServer, { folder, user, ports }: SwiftSettings) {
  return {
    ...{ bind_ip: "127.0.0.1", bind_port: ports[server], workers: 0, user },
    // Without a socket for the system's log, the servers write to standard error.
    ...{ swift_dir: folder, log_address: `${folder}/none`, log_level: "WARNING" },
  };
}

function sections(
  all: Readonly<Record<string, Readonly<Record<string, string | number>>>>,
): string {
  const lines = Object.entries(all).flatMap(([title, options]) => [
    `[${title}]`,
    ...Object.entries(options).map(([name, value]) => `${name} = ${value}`),
  ]);
  return lines.join("\n") + "\n";
}
