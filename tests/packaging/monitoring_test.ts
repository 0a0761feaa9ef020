/** packaging/monitoring/: it uses metrics that exist, and Prometheus accepts it. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse, stringify } from "yaml";
import { METRICS } from "../../server/admin/metric_table.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { hasTool, runTool } from "../support/tools.ts";

const FOLDER = new URL("../../packaging/monitoring/", import.meta.url);
const NAMES = new Set(
  METRICS.flatMap(({ name, type }) => type === "histogram" ? [name, `${name}_bucket`] : [name]),
);
const ignore = !hasTool("promtool");
/** Debian builds Prometheus without Kubernetes. */
const ignoreKubernetes = ignore || !await knowsKubernetes();

function read(name: string): Promise<string> {
  return Deno.readTextFile(new URL(name, FOLDER));
}

for (const name of ["alerts.yaml", "alerts_test.yaml", "dashboard.json"]) {
  Deno.test(`monitoring: every metric in ${name} exists`, async () => {
    const used = (await read(name)).match(/\bxfer_\w+/g) ?? [];
    assert.ok(used.length > 0);
    assert.deepEqual(used.filter((metric) => !NAMES.has(metric)), []);
  });
}

/** Metrics without a panel: parts of others, or for alerts. */
const UNSHOWN: readonly string[] = [
  ...["xfer_accounts", "xfer_accounts_disabled", "xfer_connections_accepted_total"],
  ...["xfer_file_check_interval_seconds", "xfer_history_files", "xfer_min_free_bytes"],
  ...["xfer_partial_uploads", "xfer_staged_uploads", "xfer_start_time_seconds"],
  ...["xfer_stored_files", "xfer_transfers_handed_over_total", "xfer_transfers_started_total"],
];

Deno.test("monitoring: the dashboard shows all metrics but a few", async () => {
  const used = new Set((await read("dashboard.json")).match(/\bxfer_\w+/g));
  const shown = (name: string) => used.has(name) || used.has(`${name}_bucket`);
  const unshown = METRICS.map(({ name }) => name).filter((name) => !shown(name));
  assert.deepEqual(unshown.sort(), UNSHOWN.toSorted());
});

Deno.test("monitoring: no panels of the dashboard overlap", async () => {
  const { panels } = JSON.parse(await read("dashboard.json"));
  const taken = new Set<string>();
  for (const { title, gridPos: { x, y, w, h } } of panels) {
    assert.ok(x + w <= 24, title);
    for (let row = y; row < y + h; row++) {
      for (let column = x; column < x + w; column++) {
        assert.ok(!taken.has(`${row} ${column}`), title);
        taken.add(`${row} ${column}`);
      }
    }
  }
});

Deno.test("monitoring: the dashboard has one panel for each number, and a variable for the server", async () => {
  const { panels, templating } = JSON.parse(await read("dashboard.json"));
  const ids = panels.map(({ id }: { readonly id: number }) => id);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(templating.list.some(({ name }: { readonly name: string }) => name === "server"));
});

Deno.test("monitoring: the alerts have a summary, a description and a severity", async () => {
  const { groups: [{ rules }] } = parse(await read("alerts.yaml"));
  for (const { alert, labels, annotations } of rules) {
    assert.match(labels.severity, /^(?:warning|critical)$/, alert);
    assert.ok(annotations.summary && annotations.description, alert);
  }
});

Deno.test("monitoring: every metric is in docs/monitoring.md", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/monitoring.md", FOLDER));
  assert.deepEqual([...NAMES].filter((name) => !page.includes(name.replace(/_bucket$/, ""))), []);
});

for (
  const args of [
    ["check", "rules", "alerts.yaml"],
    ["check", "config", "prometheus.yaml"],
    ["check", "config", "--syntax-only", "prometheus-compose.yaml"],
    ["test", "rules", "alerts_test.yaml"],
  ]
) {
  Deno.test({ name: `monitoring: promtool ${args.join(" ")}`, ignore }, () => accepts(args));
}

Deno.test({
  name: "monitoring: promtool accepts every query of the dashboard",
  ignore,
}, async () => {
  interface Panel {
    readonly targets?: readonly { readonly expr: string }[];
  }
  const { panels }: { readonly panels: readonly Panel[] } = JSON.parse(
    await read("dashboard.json"),
  );
  const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    .map((expr) => expr.replaceAll("$__rate_interval", "1m").replaceAll("$server", ".*"));
  const rules = [...new Set(queries)].map((expr) => ({ record: "xfer", expr }));
  assert.ok(rules.length > 20);
  await using folder = await TemporaryFolder.create();
  const groups = rules.map((rule, number) => ({ name: `query ${number}`, rules: [rule] }));
  await accepts(["check", "rules", await folder.write("rules.yaml", stringify({ groups }))]);
});

Deno.test({
  name: "monitoring: promtool accepts prometheus-kubernetes.yaml",
  ignore: ignoreKubernetes,
}, () => accepts(["check", "config", "--syntax-only", "prometheus-kubernetes.yaml"]));

Deno.test({
  name: "monitoring: promtool accepts prometheus-kubernetes.yaml but for its discovery",
  ignore,
}, async () => {
  const config = parse(await read("prometheus-kubernetes.yaml"));
  for (const job of config.scrape_configs) delete job.kubernetes_sd_configs;
  await using folder = await TemporaryFolder.create();
  const path = await folder.write("prometheus.yaml", stringify(config));
  await accepts(["check", "config", "--syntax-only", path]);
});

/** Throws if promtool refuses what the arguments name, relative to packaging/monitoring/. */
async function accepts(args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await runTool("promtool", args, { cwd: fileURLToPath(FOLDER) });
  assert.equal(code, 0, stdout + stderr);
}

async function knowsKubernetes(): Promise<boolean> {
  const { stderr } = await runTool("promtool", [
    ...["check", "config", "--syntax-only"],
    fileURLToPath(new URL("prometheus-kubernetes.yaml", FOLDER)),
  ]);
  return !stderr.includes("field kubernetes_sd_configs not found");
}
