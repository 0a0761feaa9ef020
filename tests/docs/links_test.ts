/** Checks every link between the pages of the repository. */
import assert from "node:assert/strict";
import { anchorsIn, linksIn } from "../support/markdown.ts";

const ROOT = new URL("../../", import.meta.url);

const FOLDERS = ["./", "docs/", "docs/decisions/"];
const PAGES = (await Promise.all(FOLDERS.map(pagesIn))).flat().sort();

async function pagesIn(folder: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(new URL(folder, ROOT)), ({ name }) => name);
  return names.filter((name) => name.endsWith(".md")).map((name) =>
    `${folder}${name}`.replace("./", "")
  );
}

function read(page: string): Promise<string> {
  return Deno.readTextFile(new URL(page, ROOT));
}

/** The target of a link: a path from the root of the repository, and an anchor. */
function resolve(page: string, link: string): { readonly path: string; readonly anchor: string } {
  const { href, hash } = new URL(link, new URL(page, ROOT));
  const path = decodeURIComponent(href.slice(ROOT.href.length, href.length - hash.length));
  return { path, anchor: decodeURIComponent(hash.slice(1)) };
}

/** The fault of a link, if any. */
async function faultOf(page: string, link: string): Promise<string | undefined> {
  if (/^https:\/\/[a-z0-9.-]+\.[a-z]+(\/\S*)?$/.test(link)) return undefined;
  if (/^[a-z]+:/.test(link)) return "is not an https link";
  const { path, anchor } = resolve(page, link);
  if (path !== "" && await Deno.stat(new URL(path, ROOT)).catch(() => undefined) === undefined) {
    return "leads nowhere";
  }
  if (anchor === "") return undefined;
  const isThere = path.endsWith(".md") && anchorsIn(await read(path)).has(anchor);
  return isThere ? undefined : "names no heading there";
}

for (const page of PAGES) {
  Deno.test(`links of ${page}`, async () => {
    for (const link of linksIn(await read(page))) {
      assert.equal(await faultOf(page, link), undefined, link);
    }
  });
}

Deno.test("links: broken links are found", async () => {
  for (const link of ["docs/nothing.md", "docs/security.md#nothing", "http://example.org"]) {
    assert.notEqual(await faultOf("README.md", link), undefined, link);
  }
  assert.equal(await faultOf("docs/commands.md", "#xfer-client-put"), undefined);
  assert.equal(await faultOf("docs/security.md", "protocol-4.md#by-name"), undefined);
});

Deno.test("links: every page can be reached from README.md", async () => {
  const reached = new Set(["README.md"]);
  for (const page of reached) {
    for (const link of linksIn(await read(page))) {
      if (/^[a-z]+:/.test(link)) continue;
      const { path } = resolve(page, link);
      if (PAGES.includes(path)) reached.add(path);
      else if (path.endsWith("/")) {
        // A link to a folder reaches its pages.
        for (const page of PAGES) if (page.startsWith(path)) reached.add(page);
      }
    }
  }
  assert.deepEqual(PAGES.filter((page) => !reached.has(page)), []);
});

Deno.test("links: code contains no links, and anchors follow GitHub's rules", () => {
  const page = '# A `b-c`, (d)\n\n## A [b](c.md)\n\n# A b\n\n`[no](x)` [yes](y#z "t")\n\n' +
    '```sh\n# no heading\n[no](x)\n```\n\n<img src="p.svg">\n[ref]: r.md\n';
  assert.deepEqual(linksIn(page), ["c.md", "y#z", "r.md", "p.svg"]);
  assert.deepEqual([...anchorsIn(page)], ["a-b-c-d", "a-b", "a-b-1"]);
});
