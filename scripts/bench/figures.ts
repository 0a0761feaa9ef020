/** Numbers formatted for people. */

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** A quantile of the values; 0 if there are no values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [low = 0, high = 0] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at - Math.floor(at));
}

export const seconds = (value: number) => value < 1 ? value.toFixed(2) : value.toFixed(1);
export const ratio = (value: number) => `${value.toFixed(2)} ×`;
export const megabytes = (bytes: number) => Math.round(bytes / 1e6).toLocaleString("en");
export const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)}`;

/** A table in Markdown, with right-aligned numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((word, i) =>
    Math.max(3, word.length, ...rows.map((row) => (row[i] ?? "").length))
  );
  const line = (cells: readonly string[]) => {
    const padded = widths.map((width, i) =>
      i === 0 ? (cells[i] ?? "").padEnd(width) : (cells[i] ?? "").padStart(width)
    );
    return `| ${padded.join(" | ")} |`;
  };
  const rule = widths.map((width, i) => i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  return [line(head), `| ${rule.join(" | ")} |`, ...rows.map(line)].join("\n");
}
