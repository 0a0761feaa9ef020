/** Metrics as text. */
import assert from "node:assert/strict";
import { exposition, type Format, type Metric } from "../../../server/admin/exposition.ts";
import { METRICS } from "../../../server/admin/metric_table.ts";

function lines(metrics: readonly Metric[], format: Format = "text", common = {}): string[] {
  const text = exposition(metrics, format, common);
  assert.ok(text.endsWith("\n"));
  return text.slice(0, -1).split("\n");
}

const OPEN: Metric = { name: "open", help: "Open now", type: "gauge", samples: [[{}, 2]] };
const CLOSED: Metric = {
  name: "closed_total",
  help: "Closed",
  type: "counter",
  samples: [[{}, 5]],
};

Deno.test("exposition: the text format describes each metric by its whole name", () => {
  assert.deepEqual(lines([OPEN, CLOSED]), [
    ...["# HELP open Open now", "# TYPE open gauge", "open 2"],
    ...["# HELP closed_total Closed", "# TYPE closed_total counter", "closed_total 5"],
  ]);
});

Deno.test("exposition: OpenMetrics describes a counter without _total, and has an end", () => {
  assert.deepEqual(lines([OPEN, CLOSED], "openMetrics"), [
    ...["# HELP open Open now", "# TYPE open gauge", "open 2"],
    ...["# HELP closed Closed", "# TYPE closed counter", "closed_total 5"],
    "# EOF",
  ]);
});

Deno.test("metrics: the name of a counter ends in _total, and OpenMetrics describes no name twice", () => {
  const counters = METRICS.filter(({ type }) => type === "counter").map(({ name }) => name);
  assert.deepEqual(counters.filter((name) => !name.endsWith("_total")), []);
  const described = METRICS.map(({ name, type }) =>
    type === "counter" ? name.replace(/_total$/, "") : name
  );
  assert.equal(new Set(described).size, described.length);
  const others = METRICS.filter(({ type }) => type !== "counter").map(({ name }) => name);
  assert.deepEqual(others.filter((name) => name.endsWith("_total")), []);
});

Deno.test("exposition: common labels follow a value's own, and all are escaped", () => {
  const samples = [[{ code: 'a"b\\c\nd', protocol: 4 }, 1]] as const;
  assert.equal(
    lines([{ ...OPEN, samples }], "text", { server: "s" }).at(-1),
    String.raw`open{code="a\"b\\c\nd",protocol="4",server="s"} 1`,
  );
});

Deno.test("exposition: quotes in a help text are escaped in OpenMetrics only", () => {
  const metric = { ...OPEN, help: 'a "b" \\ \n' };
  assert.equal(lines([metric])[0], String.raw`# HELP open a "b" \\ \n`);
  assert.equal(lines([metric], "openMetrics")[0], String.raw`# HELP open a \"b\" \\ \n`);
});

Deno.test("exposition: values with the same labels are one line with their sum", () => {
  const samples = [[{ by: "x" }, 1], [{ by: "y" }, 7], [{ by: "x" }, 2]] as const;
  assert.deepEqual(lines([{ ...OPEN, samples }]).slice(2), ['open{by="x"} 3', 'open{by="y"} 7']);
});

Deno.test("exposition: a metric without values is described; unlimited space is +Inf", () => {
  assert.deepEqual(lines([{ ...OPEN, samples: [] }]).length, 2);
  assert.equal(lines([{ ...OPEN, samples: [[{}, Infinity]] }]).at(-1), "open +Inf");
});
