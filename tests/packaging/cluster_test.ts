/** The examples of a cluster in packaging/, as far as this machine can check them. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { readConfiguration } from "../../cli/configuration/configuration.ts";
import { KEYS, variableOf } from "../../cli/configuration/settings.ts";
import { isLocal } from "../../server/mod.ts";
import { parseQuantity } from "../../cli/arguments/quantities.ts";
import { connectionOptions } from "../../server/catalog/postgres/connection/connection_options.ts";
import { PostgresDatabase } from "../../server/catalog/postgres/database.ts";
import { openPostgresCatalog } from "../../server/catalog/postgres/postgres_catalog.ts";
import { fencesIn } from "../support/markdown.ts";
import { Networks, parseNetwork } from "../../server/listen/networks.ts";
import { enrolV3 } from "../support/store/catalog_suite.ts";
import { NO_SOURCES, PostgresServer } from "../support/store/postgres.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { hasTool, runTool } from "../support/tools.ts";

const ROOT = new URL("../../", import.meta.url);
const pathOf = (name: string) => fileURLToPath(new URL(`packaging/${name}`, ROOT));
const read = (name: string) => Deno.readTextFile(pathOf(name));
/** Variables that are not settings. */
const SECRETS = ["PGPASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "XFER_CLUSTER_SECRET"];

/** Any value of a document. */
// deno-lint-ignore no-explicit-any
type Value = any;

const HAPROXY = Deno.build.os === "windows" ? "haproxy" : "/usr/sbin/haproxy";
const haproxy = hasTool("haproxy") ? "haproxy" : isThere(HAPROXY) ? HAPROXY : undefined;

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

Deno.test({ name: "haproxy.cfg: HAProxy accepts it", ignore: haproxy === undefined }, async () => {
  const { code, stderr } = await runTool(haproxy ?? "", ["-c", "-f", pathOf("haproxy.cfg")]);
  assert.equal(code, 0, stderr);
  // The names of servers exist only beside them.
  const warnings = stderr.split("\n").filter((line) =>
    /WARNING|ALERT/.test(line) && !line.includes("could not resolve address")
  );
  assert.deepEqual(warnings, []);
});

function networkOf(text: string) {
  const network = parseNetwork(text);
  assert.ok(network !== undefined, text);
  return network;
}

/** The settings that a container has. Throws for a variable that is neither a setting nor a secret. */
async function settingsOf(variables: Readonly<Record<string, string>>) {
  const known = new Set([...KEYS.map(variableOf), ...SECRETS]);
  assert.deepEqual(Object.keys(variables).filter((name) => !known.has(name)), []);
  assert.deepEqual(SECRETS.filter((name) => !(name in variables)), []);
  const plain = { ...variables };
  for (const name of SECRETS) delete plain[name];
  return (await readConfiguration({ options: {}, variable: (name) => plain[name] })).settings;
}

/** Checks what every example of servers has in common. */
function assertSettings(settings: Awaited<ReturnType<typeof settingsOf>>): void {
  assert.match(settings.catalog.value ?? "", /^postgres:\/\/xfer@[\w.]+\/xfer/);
  assert.equal(settings.blobs.value, "s3://files/xfer");
  assert.ok(
    settings["proxy-protocol"].value.length > 0 ||
      settings["max-connections-per-address"].value >= settings["max-connections"].value,
    "clients come from the balancer, or it tells their addresses",
  );
  assert.notEqual(settings.advertise.value, undefined);
}

async function grace(): Promise<number> {
  const { settings } = await readConfiguration({ options: {}, variable: () => undefined });
  return settings.grace.value;
}

Deno.test("compose.yaml: settings, ports, secrets and files of its services are consistent", async () => {
  const { services, configs, networks, secrets, volumes }: Value = parse(
    await read("compose.yaml"),
    {
      merge: true,
    },
  );
  const servers = Object.keys(services).filter((name) => name.startsWith("server"));
  const balancer = await read("haproxy.cfg");
  for (const name of servers) {
    const { environment, stop_grace_period: stop } = services[name];
    const variables = Object.fromEntries(
      Object.entries<string>(environment)
        .map(([key, value]) => [key, value.replace(/\$\{\w+:-(.*)\}/, "$1")]),
    );
    assertSettings(await settingsOf(variables));
    for (const secret of SECRETS.filter((one) => one !== "AWS_ACCESS_KEY_ID")) {
      assert.match(variables[secret] ?? "", /^\$\{[A-Z_]+_SECRET:\?\}$/, secret);
    }
    assert.ok(parseQuantity(stop, "time") > await grace());
    for (const port of [1256, 1257]) {
      assert.ok(balancer.includes(` ${name}:${port} send-proxy-v2\n`));
    }
  }
  assert.equal(servers.length, 3);
  assert.deepEqual(services.balancer.ports, ["1256:1256", "1257:1257"]);
  const { XFER_PROXY_PROTOCOL: address } = services.server1.environment;
  assert.equal(services.balancer.networks.default.ipv4_address, address);
  assert.ok(new Networks([networkOf(networks.default.ipam.config[0].subnet)]).has(address));
  const used = new Set<string>();
  for (const service of Object.values<Value>(services)) {
    for (const secret of service.secrets ?? []) assert.ok(secret in secrets, secret);
    for (const need of Object.keys(service.depends_on ?? {})) assert.ok(need in services, need);
    for (const { source } of service.configs ?? []) assert.ok(source in configs, source);
    for (const mount of service.volumes ?? []) {
      const [source] = mount.split(":");
      used.add(source);
      if (source.startsWith("./")) assert.ok(isThere(pathOf(source)), source);
      else assert.ok(source in volumes, source);
    }
  }
  assert.deepEqual([...used].sort(), [
    ...["./bucket-policy.json", "./haproxy.cfg", "./monitoring/alerts.yaml"],
    ...["./monitoring/dashboard.json", "./monitoring/prometheus-compose.yaml", "./postgres.sql"],
    ...["database", "grafana", "metrics", "store"],
  ]);
  const text = await read("compose.yaml");
  const [, names = ""] = /for name in ([A-Z_ ]+); do/.exec(text) ?? [];
  const variables = text.match(/(?<=\$\{)\w+(?=_SECRET:\?\})/g) ?? [];
  assert.deepEqual(
    [...new Set(variables)].sort(),
    names.split(" ").sort(),
    "the commands at the top make each secret",
  );
});

Deno.test("compose.yaml: Prometheus reads each server with the token, by an address with TLS, and Grafana reads Prometheus", async () => {
  const { services, configs, secrets: { metrics } }: Value = parse(await read("compose.yaml"), {
    merge: true,
  });
  const names = Object.keys(services).filter((name) => name.startsWith("server"));
  assert.ok((await read("compose.yaml")).includes(`> ${metrics.file.replace("./", "")}\n`));
  for (const name of names) {
    const { environment, secrets } = services[name];
    assert.equal(environment.XFER_SERVER_NAME, name);
    assert.equal(environment.XFER_ADMIN_TOKEN_FILE, `/run/secrets/${secrets[0]}`);
    const { settings } = await readConfiguration({
      options: {},
      variable: (name) => name.startsWith("XFER_ADMIN") ? environment[name] : undefined,
    });
    const [own, other] = settings["admin-listen"].value;
    assert.ok(own !== undefined && isLocal(own), "for the health check");
    assert.deepEqual(other, { hostname: "0.0.0.0", port: 9257 });
  }
  const { rule_files: rules, scrape_configs: [job] }: Value = parse(
    await read("monitoring/prometheus-compose.yaml"),
  );
  const { prometheus, grafana } = services;
  assert.deepEqual(job.static_configs[0].targets, names.map((name) => `${name}:9257`));
  assert.equal(job.job_name, "xfer", "for the alerts");
  assert.equal(job.scheme, "https");
  assert.equal(job.authorization.credentials_file, `/run/secrets/${prometheus.secrets[0]}`);
  const targets = [...prometheus.volumes, ...grafana.volumes]
    .map((mount: string) => mount.split(":")[1]);
  assert.ok(targets.includes(`/etc/prometheus/${rules[0]}`));
  const { datasources: [source] } = parse(configs.datasource.content);
  assert.deepEqual([source.type, source.url], ["prometheus", "http://prometheus:9090"]);
  const { providers: [{ options: { path } }] } = parse(configs.dashboards.content);
  assert.ok(targets.includes(`${path}/dashboard.json`));
  const home = grafana.environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH;
  assert.equal(home, `${path}/dashboard.json`);
  // Only this machine reaches them: neither has TLS.
  for (const { ports } of [prometheus, grafana]) assert.match(ports.join(), /^127\.0\.0\.1:/);
});

Deno.test("kubernetes.yaml: settings, ports, secrets and labels are consistent", async () => {
  const documents: Value[] = (await read("kubernetes.yaml")).split("\n---\n").map((one) =>
    parse(one)
  );
  const [deployment, service, budget] = documents;
  assert.deepEqual(documents.map(({ kind }) => kind), [
    ...["Deployment", "Service", "PodDisruptionBudget"],
  ]);
  const { metadata: { labels }, spec } = deployment.spec.template;
  for (
    const selector of [
      deployment.spec.selector.matchLabels,
      service.spec.selector,
      budget.spec.selector.matchLabels,
      spec.topologySpreadConstraints[0].labelSelector.matchLabels,
    ]
  ) assert.deepEqual(selector, labels);
  const [{ env, ports }] = spec.containers;
  assertSettings(
    await settingsOf(
      Object.fromEntries(env.map(({ name, value = "" }: Value) => [name, value])),
    ),
  );
  const secrets = env.filter(({ valueFrom }: Value) => valueFrom !== undefined);
  assert.deepEqual(secrets.map(({ name }: Value) => name).sort(), [...SECRETS].sort());
  const head = (await read("kubernetes.yaml")).split("apiVersion")[0] ?? "";
  for (const { valueFrom: { secretKeyRef: { name, key } } } of secrets) {
    assert.equal(name, "xfer");
    assert.ok(head.includes(`--from-literal=${key}=`), key);
  }
  assert.deepEqual(ports.map(({ containerPort }: Value) => containerPort), [1256, 1257, 9257]);
  for (const { targetPort, port } of service.spec.ports) {
    const target = ports.find(({ name }: Value) => name === targetPort);
    assert.equal(target?.containerPort, port);
  }
  assert.ok(spec.terminationGracePeriodSeconds * 1000 > await grace());
  const user = await read("Containerfile");
  assert.ok(user.includes(`USER ${spec.securityContext.runAsUser}:`));
});

Deno.test("kubernetes.yaml: probes and Prometheus ask the operator's port, which has TLS and a token", async () => {
  const text = await read("kubernetes.yaml");
  const deployment: Value = parse(text.split("\n---\n")[0] ?? "");
  const { metadata: { labels, annotations }, spec } = deployment.spec.template;
  const [{ env, ports, readinessProbe, livenessProbe, volumeMounts: [mount] }] = spec.containers;
  const { settings } = await readConfiguration({
    options: {},
    variable: (wanted) =>
      wanted.startsWith("XFER_ADMIN")
        ? env.find(({ name }: Value) => name === wanted)?.value
        : undefined,
  });
  const [own, other] = settings["admin-listen"].value;
  assert.ok(own !== undefined && isLocal(own), "for commands in the container");
  const { name, containerPort } = ports.at(-1);
  assert.deepEqual(other, { hostname: "0.0.0.0", port: containerPort });
  for (const [probe, path] of [[readinessProbe, "/readyz"], [livenessProbe, "/healthz"]]) {
    assert.deepEqual(probe.httpGet, { scheme: "HTTPS", path, port: name });
  }
  assert.equal(annotations["prometheus.io/port"], `${containerPort}`);
  const [{ name: volume, secret: { secretName, items: [{ key, path }] } }] = spec.volumes;
  assert.deepEqual([mount.name, secretName], [volume, "xfer"]);
  assert.equal(settings["admin-token-file"].value, `${mount.mountPath}/${path}`);
  assert.ok(text.split("apiVersion")[0]?.includes(`--from-literal=${key}=`));
  const { scrape_configs: [job] }: Value = parse(
    await read("monitoring/prometheus-kubernetes.yaml"),
  );
  assert.equal(job.job_name, "xfer", "for the alerts");
  assert.equal(job.relabel_configs[0].regex, `${labels.app};${name}`);
});

Deno.test(
  { name: "kubernetes.yaml: kubectl reads it", ignore: !hasTool("kubectl") },
  async () => {
    await using folder = await TemporaryFolder.createOnDisk();
    await folder.write("kubernetes.yaml", await read("kubernetes.yaml"));
    await folder.write("kustomization.yaml", "resources: [kubernetes.yaml]\n");
    const { code, stderr } = await runTool("kubectl", ["kustomize", folder.path]);
    assert.equal(code, 0, stderr);
  },
);

Deno.test("bucket-policy.json: it has the rights of the page about object stores", async () => {
  const page = await Deno.readTextFile(new URL("docs/object-store.md", ROOT));
  const policy = fencesIn(page).find(({ info }) => info === "json")?.text ?? "";
  assert.deepEqual(
    JSON.parse(await read("bucket-policy.json")),
    JSON.parse(policy.replaceAll("BUCKET", "files").replaceAll("PREFIX", "xfer")),
  );
});

Deno.test("postgres.sql: its role can serve a catalog, and enter no other database; no other role can enter this one", async () => {
  await using server = await PostgresServer.start();
  const optionsOf = (user: string, database: string) =>
    connectionOptions(
      `postgres://${user}@/${database}?host=${
        encodeURIComponent(server.socket)
      }&port=${server.port}`,
      NO_SOURCES,
    );
  const run = async (database: string, script: string) => {
    await using admin = new PostgresDatabase(await optionsOf("postgres", database));
    const statements = script.replaceAll(/--.*$/gm, "").split(";").filter((one) => one.trim());
    for (const one of statements) await admin.read((queries) => queries.run(one));
  };
  const [first = "", second = ""] = (await read("postgres.sql")).split("\\connect xfer\n");
  await run("postgres", first);
  await run("xfer", second);
  await run(
    "postgres",
    "CREATE ROLE eve LOGIN; CREATE DATABASE other; REVOKE ALL ON DATABASE other FROM PUBLIC",
  );
  {
    await using catalog = await openPostgresCatalog(await optionsOf("xfer", "xfer"));
    await catalog.nodes.join("server", 600_000);
    await enrolV3(catalog);
    assert.equal((await catalog.accounts.list()).length, 1);
  }
  const attempt = async (user: string, database: string, sql: string) => {
    await using other = new PostgresDatabase(await optionsOf(user, database));
    await other.read((queries) => queries.run(sql));
  };
  await assert.rejects(attempt("eve", "xfer", "SELECT 1"), { code: "database-refused" });
  await assert.rejects(attempt("xfer", "other", "SELECT 1"), { code: "database-refused" });
  await assert.rejects(attempt("xfer", "xfer", "CREATE DATABASE more"), /permission denied/);
  await assert.rejects(attempt("xfer", "xfer", "CREATE ROLE more"), /permission denied/);
  await assert.rejects(
    attempt("xfer", "xfer", "COPY (SELECT 1) TO PROGRAM 'true'"),
    /permission denied/,
  );
});
