/**
 * The little XML of the S3 API: flat elements without namespaces, comments or CDATA.
 *
 * @module
 */
const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  apos: "'",
  gt: ">",
  lt: "<",
  quot: '"',
};
const LAST_CODE_POINT = 0x10ffff;

/** The contents of all elements of a name, in order, not unescaped. Elements of a name must not be nested. */
export function elementsOf(xml: string, name: string): string[] {
  const contents: string[] = [];
  const opening = new RegExp(`<${name}(?:\\s[^<>]*|/)?>`, "g");
  for (let open = opening.exec(xml); open !== null; open = opening.exec(xml)) {
    const begin = opening.lastIndex;
    if (open[0].endsWith("/>")) contents.push("");
    else {
      const end = xml.indexOf(`</${name}>`, begin);
      if (end < 0) break;
      contents.push(xml.slice(begin, end));
      opening.lastIndex = end;
    }
  }
  return contents;
}

/** The text of the first element of a name. */
export function textOf(xml: string, name: string): string | undefined {
  const [content] = elementsOf(xml, name);
  return content?.replace(
    /&(?:#(?<decimal>\d+)|#x(?<hex>[\da-f]+)|(?<entity>\w+));/gi,
    (all, decimal, hex, entity) => {
      if (entity !== undefined) return ENTITIES[entity] ?? all;
      const code = decimal === undefined ? parseInt(hex, 16) : parseInt(decimal, 10);
      return code <= LAST_CODE_POINT ? String.fromCodePoint(code) : all;
    },
  );
}

/** Text to stand in an element. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;" })[sign] ?? "&gt;");
}
