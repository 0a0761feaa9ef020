/** Links, anchors and blocks of the repository's pages. */

/** The links and images of a page as they are written, without those in code. */
export function linksIn(page: string): string[] {
  const text = withoutCode(page);
  const links = [
    ...text.matchAll(/\]\(\s*([^)\s]+)[^)]*\)/g),
    ...text.matchAll(/^\[[^\]]+\]:\s+(\S+)/gm),
    ...text.matchAll(/<(?:a|img|source)\s[^>]*?(?:href|src|srcset)="([^"]+)"/g),
  ];
  return links.map(([, link = ""]) => link);
}

/** The anchors that GitHub gives the headings of a page. */
export function anchorsIn(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of withoutFences(page).matchAll(/^#{1,6} +(.*?) *$/gm)) {
    const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const anchor = words.replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "").replaceAll(" ", "-");
    let free = anchor;
    for (let copy = 1; anchors.has(free); copy++) free = `${anchor}-${copy}`;
    anchors.add(free);
  }
  return anchors;
}

export interface Fence {
  /** The text after the opening marks. */
  readonly info: string;
  readonly text: string;
}

/** Blocks of code, in order. */
export function fencesIn(page: string): Fence[] {
  return [...page.matchAll(FENCE)].map(([, , info = "", text = ""]) => ({ info, text }));
}

const FENCE = /^(`{3,})([^\n`]*)\n([\s\S]*?)^\1$/gm;

function withoutFences(page: string): string {
  return page.replaceAll(FENCE, "");
}

function withoutCode(page: string): string {
  return withoutFences(page).replaceAll(/(`+)[^`][\s\S]*?\1/g, "");
}
