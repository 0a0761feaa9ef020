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
  /** That of a counter ends in `_total`, and is not that of another metric without it. */
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** Values with the same labels are added up. */
  readonly samples: Iterable<Sample>;
}

/** A page of metrics. `common`: labels that all of them have. */
export function exposition(metrics: readonly Metric[], format: Format, common: Labels): string {
  const lines = metrics.flatMap((metric) => [
    ...description(metric, format),
    ...values(metric, common),
  ]);
  if (format === "openMetrics") lines.push("# EOF");
  return lines.map((line) => `${line}\n`).join("");
}

/** OpenMetrics describes a counter by its name without `_total`, which no other metric may have. */
function description({ name, help, type }: Metric, format: Format): string[] {
  const isText = format === "text";
  const described = isText || type !== "counter" ? name : name.replace(/_total$/, "");
  const words = escaped(help, isText ? /[\\\n]/g : undefined);
  return [`# HELP ${described} ${words}`, `# TYPE ${described} ${type}`];
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
