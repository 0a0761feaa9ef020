/**
 * Returns a page with another table in a section. It replaces the first table after the heading, `## Kept` for `kept`.
 * Throws if the section has none.
 */
export function withTable(page: string, section: string, table: string): string {
  const heading = section.charAt(0).toUpperCase() + section.slice(1);
  const lines = page.split("\n");
  const begin = lines.indexOf(`## ${heading}`) + 1;
  const next = lines.findIndex((line, at) => at >= begin && line.startsWith("## "));
  const end = next === -1 ? lines.length : next;
  const isRow = (line: string | undefined) => line?.startsWith("|") === true;
  const first = lines.findIndex((line, at) => at >= begin && at < end && isRow(line));
  if (begin === 0 || first === -1) throw new Error(`no table in the section ${heading}`);
  let last = first;
  while (isRow(lines[last + 1])) last++;
  return [...lines.slice(0, first), table, ...lines.slice(last + 1)].join("\n");
}
