/** Names and patterns of entries on a server: lists and expansion. */
import assert from "node:assert/strict";
import type { V4Client } from "../../../client/v4/client.ts";
import type { ConnectionPool } from "../../../client/v4/connection_pool.ts";
import { expandName } from "../../../client/v4/expand_name.ts";
import { implicitFolder } from "../../../client/v4/implicit_folders.ts";
import { listEntries } from "../../../client/v4/list_entries.ts";
import { compareNames, type ListOptions, type TakeFile } from "../../../client/v4/listing.ts";
import type { RemoteFile } from "../../../client/v4/remote_file.ts";
import { RefusedError } from "../../../protocol/errors.ts";

/** Entries by name: folders end in `/`, links in `@`. Removed ones begin with `-`. */
const NAMES = [
  "notes.txt",
  "a[1].txt",
  "a1.txt",
  "photos/",
  "photos/.hidden",
  "photos/2026/sea.jpg",
  "photos/2026/sea.tmp",
  "photos/a.jpg",
  "photos/a.tmp",
  "photos/here@",
  "photos-old/b.tmp",
  "empty/",
  "-photos/lost.tmp",
  "-gone/x/y",
  "-gone",
  "-gone2",
];

function entryOf(shown: string): RemoteFile & { readonly isRemoved: boolean } {
  const isRemoved = shown.startsWith("-");
  const entry = shown.endsWith("/") ? "folder" : shown.endsWith("@") ? "link" : "file";
  const name = shown.replace(/^-/, "").replace(/[@/]$/, "");
  return { ...implicitFolder(name), version: 1, entry, size: 3, isRemoved };
}

/** A server with these entries, as docs/protocol-4.md describes its lists. */
class FakeServer implements Pick<ConnectionPool, "list" | "use"> {
  readonly #entries = NAMES.map(entryOf).sort((a, b) => compareNames(a.name, b.name));
  readonly requests: string[] = [];

  list(prefix: string, take: TakeFile, { scope = "below" }: ListOptions = {}): Promise<void> {
    this.requests.push(`${scope} ${prefix}`);
    const seen = new Set<string>();
    for (const entry of this.#entries) {
      const { name, isRemoved } = entry;
      if (!name.startsWith(prefix) || isRemoved !== (scope === "removed")) continue;
      const end = scope === "level" ? name.indexOf("/", prefix.length) : -1;
      const found = end < 0 ? entry : this.#folder(name.slice(0, end));
      if (!seen.has(found.name)) take(found);
      seen.add(found.name);
    }
    return Promise.resolve();
  }

  use<T>(_index: number, work: (client: V4Client) => Promise<T>): Promise<T> {
    const stat = (name: string) => {
      const found = this.#entries.find((entry) => entry.name === name && !entry.isRemoved);
      if (found !== undefined) return Promise.resolve(found);
      return Promise.reject(new RefusedError("no-such-file", `no such file: ${name}`));
    };
    return work({ stat } as unknown as V4Client);
  }

  #folder(name: string): RemoteFile {
    return this.#entries.find((entry) => entry.name === name && !entry.isRemoved) ??
      implicitFolder(name);
  }
}

async function listed(text: string, choice: Parameters<typeof listEntries>[2] = {}) {
  const names: string[] = [];
  await listEntries(new FakeServer(), text, choice, {
    take: ({ name, entry }) => names.push(entry === "folder" ? `${name}/` : name),
    takeDamaged: () => assert.fail("nothing is damaged"),
  });
  return names;
}

Deno.test("list: one level of a folder, of the whole account, or a single entry", async () => {
  assert.deepEqual(await listed(""), [
    ...["a1.txt", "a[1].txt", "empty/", "notes.txt", "photos/", "photos-old/"],
  ]);
  for (const text of ["photos", "photos/"]) {
    assert.deepEqual(await listed(text), [
      ...["photos/.hidden", "photos/2026/", "photos/a.jpg", "photos/a.tmp", "photos/here"],
    ]);
  }
  assert.deepEqual(await listed("photos/a.jpg"), ["photos/a.jpg"]);
  assert.deepEqual(await listed("photos/here"), ["photos/here"]);
  assert.deepEqual(await listed("empty"), []);
  await assert.rejects(listed("photo"), { code: "no-such-file" });
});

Deno.test("list: everything in a folder, and not what has a longer name", async () => {
  const names = await listed("photos", { isRecursive: true });
  assert.deepEqual(names, [
    ...["photos/.hidden", "photos/2026/sea.jpg", "photos/2026/sea.tmp", "photos/a.jpg"],
    ...["photos/a.tmp", "photos/here"],
  ]);
  assert.equal((await listed("", { isRecursive: true })).length, 12);
});

Deno.test("list: entries that match a pattern, also folders without an entry", async () => {
  assert.deepEqual(await listed("photos/*.tmp"), ["photos/a.tmp"]);
  assert.deepEqual(await listed("**/*.tmp"), [
    ...["photos-old/b.tmp", "photos/2026/sea.tmp", "photos/a.tmp"],
  ]);
  assert.deepEqual(await listed("**/2*"), ["photos/2026/"]);
  assert.deepEqual(await listed("pho*"), ["photos/", "photos-old/"]);
  assert.deepEqual(await listed("pho*/2*", { isRecursive: true }), [
    ...["photos/2026/", "photos/2026/sea.jpg", "photos/2026/sea.tmp"],
  ]);
  assert.deepEqual(await listed("photos/*/"), ["photos/2026/"]);
  assert.deepEqual(await listed("x*"), []);
});

Deno.test("list: an existing name is not taken for a pattern", async () => {
  assert.deepEqual(await listed("a[1].txt"), ["a[1].txt"]);
  assert.deepEqual(await listed("a[1].tx?"), ["a1.txt"]);
});

Deno.test("list: removed names, in a folder or by pattern, but not those with a longer name", async () => {
  const isRemoved = true;
  assert.deepEqual(await listed("", { isRemoved }), [
    "gone",
    "gone/x/y",
    "gone2",
    "photos/lost.tmp",
  ]);
  assert.deepEqual(await listed("gone", { isRemoved }), ["gone", "gone/x/y"]);
  assert.deepEqual(await listed("**/*.tmp", { isRemoved }), ["photos/lost.tmp"]);
});

Deno.test("list: asks only for the part before the first wildcard, and one level if that is enough", async () => {
  for (
    const [text, request] of [
      ["photos/IMG_*.jpg", "level photos/"],
      ["photos/IMG_*/x", "below photos/IMG_"],
      ["photos/**", "below photos/"],
    ] as const
  ) {
    const server = new FakeServer();
    const handlers = { take: () => undefined, takeDamaged: () => undefined };
    await listEntries(server, text, {}, handlers);
    assert.equal(server.requests.at(-1), request);
  }
});

async function expanded(text: string, options: Parameters<typeof expandName>[2] = {}) {
  return (await expandName(new FakeServer(), text, options)).map(({ name }) => name);
}

Deno.test("expand: a name stays as it is, whether it exists or not", async () => {
  for (const text of ["notes.txt", "nothing", "photos", "a[1].txt"]) {
    assert.deepEqual(await expanded(text), [text]);
  }
});

Deno.test("expand: a pattern stands for files and links; for folders only if they are asked for", async () => {
  assert.deepEqual(await expanded("photos/*e*"), ["photos/.hidden", "photos/here"]);
  assert.deepEqual(await expanded("*", { withFolders: true }), [
    ...["a1.txt", "a[1].txt", "empty", "notes.txt", "photos", "photos-old"],
  ]);
});

Deno.test("expand: a slash at the end of a name is ignored, and of a pattern means folders", async () => {
  assert.deepEqual(await expanded("photos/"), ["photos"]);
  assert.deepEqual(await expanded("*/", { withFolders: true }), ["empty", "photos", "photos-old"]);
  await assert.rejects(expanded("*/"), { code: "no-such-file" });
});

Deno.test("expand: of a folder and what is in it, only the folder", async () => {
  assert.deepEqual(await expanded("photos**/**", { withFolders: true }), [
    ...["photos-old/b.tmp", "photos/.hidden", "photos/2026"],
    ...["photos/a.jpg", "photos/a.tmp", "photos/here"],
  ]);
});

Deno.test("expand: removed names, and folders that had them", async () => {
  assert.deepEqual(await expanded("*/*.tmp", { isRemoved: true }), ["photos/lost.tmp"]);
  assert.deepEqual(await expanded("g*/*", { isRemoved: true, withFolders: true }), ["gone/x"]);
});

Deno.test("expand: a pattern that matches nothing is refused by itself, with its text escaped", async () => {
  await assert.rejects(expanded("*.gif\x1b"), {
    category: "refused",
    code: "no-such-file",
    message: "no names match *.gif\\u{1b}",
  });
});
