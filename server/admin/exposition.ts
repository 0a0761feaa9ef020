/**
 * Metrics as text, in the two formats that Prometheus reads.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 * @see https://prometheus.io/docs/specs/om/open_metrics_spec/
 * @module
 */

/** The content type of each format. */
export const CONTENT_TYPES = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
} as const;

export type Format = keyof typeof CONTENT_TYPES;
export type Labels = Readonly<Record<string, string | number>>;

/** A value of a metric, and for histograms what follows the metric's name. */
export type Sample = readonly [
  labels: Labels,
  value: number,
  suffix?: "_bucket" | "_sum" | "_count",
];

export interface Metric {
  /** That of a counter ends in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** Values with the same labels are added up. */
  readonly samples: Iterable<Sample>;
}

/** A page of metrics. `common`: labels that all of them have. */
export function exposition(metrics: readonly Metric[], format: Format, common: Labels): string {
  const names = new Set(metrics.map(({ name }) => name));
  const lines = metrics.flatMap((metric) => [
    ...(format === "text" ? description(metric) : openMetricsDescription(metric, names)),
    ...values(metric, common),
  ]);
  if (format === "openMetrics") lines.push("# EOF");
  return lines.map((line) => `${line}\n`).join("");
}

function description({ name, help, type }: Metric): string[] {
  return [`# HELP ${name} ${escaped(help, /[\\\n]/g)}`, `# TYPE ${name} ${type}`];
}

/**
 * OpenMetrics describes a counter by its name without `_total`. If another metric has that name, the counter is
 * described by its whole name, which makes its type unknown: a name may be described only once.
 */
function openMetricsDescription(
  { name, help, type }: Metric,
  names: ReadonlySet<string>,
): string[] {
  const short = type === "counter" ? name.replace(/_total$/, "") : name;
  const isTaken = short !== name && names.has(short);
  const [described, as] = isTaken ? [name, "unknown"] : [short, type];
  return [`# HELP ${described} ${escaped(help)}`, `# TYPE ${described} ${as}`];
}

function values({ name, samples }: Metric, common: Labels): string[] {
  const sums = new Map<string, number>();
  for (const [labels, value, suffix = ""] of samples) {
    const pairs = Object.entries({ ...labels, ...common }).map(([label, value]) =>
      `${label}="${escaped(`${value}`)}"`
    );
    const key = `${name}${suffix}${pairs.length === 0 ? "" : `{${pairs.join()}}`}`;
    sums.set(key, (sums.get(key) ?? 0) + value);
  }
  return [...sums].map(([key, value]) => `${key} ${value === Infinity ? "+Inf" : value}`);
}

function escaped(text: string, special = /[\\\n"]/g): string {
  return text.replace(special, (found) => found === "\n" ? "\\n" : `\\${found}`);
}
