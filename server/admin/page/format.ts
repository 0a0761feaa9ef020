/**
 * Numbers and times on the operator's page.
 *
 * @module
 */
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes with three digits or so: `1.4 GiB`. */
export function formatSize(bytes: number): string {
  if (bytes === Infinity) return "unlimited";
  let [value, unit] = [bytes, 0];
  while (value >= 1023.5 && unit < UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** A whole number with separators: `1,204`. */
export function formatCount(count: number): string {
  return count === Infinity ? "unlimited" : Math.round(count).toLocaleString("en-US");
}

/** `1 file`, `2 files`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A duration: `4 s`, `3:07`, `2:10:00`, `5 days`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const days = Math.floor(seconds / 86_400);
  if (days >= 2) return `${days} days`;
  const two = (part: number) => String(part % 60).padStart(2, "0");
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  return hours === 0 ? `${minutes}:${two(seconds)}` : `${hours}:${two(minutes)}:${two(seconds)}`;
}

/** A time in UTC: `2026-11-29 22:05:31`. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}
