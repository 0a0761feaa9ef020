/** A tree is uploaded to a real server and downloaded again: it is the same. */
import assert from "node:assert/strict";
import { readTime } from "../../../client/local/file_metadata.ts";
import { getOutcomes } from "../../support/v4/get_outcomes.ts";
import type { GetManyOptions } from "../../../client/v4/get_options.ts";
import { putAll } from "../../support/v4/put_all.ts";
import { EVERYTHING, makeTree } from "../../support/local_tree.ts";
import { wordOf } from "../../support/v4/folder_server.ts";
import { Fixture } from "../../support/v4/fixture.ts";

const ignore = Deno.build.os !== "linux";
/** Permission bits that the umask of this process leaves. */
const LEFT = 0o777 & ~Deno.umask();

/** All paths below a folder, sorted; links are not followed. */
function pathsIn(folder: string, below = ""): string[] {
  return [...Deno.readDirSync(`${folder}/${below}`)].flatMap(({ name, isDirectory }) => {
    const path = below === "" ? name : `${below}/${name}`;
    return isDirectory ? [path, ...pathsIn(folder, path)] : [path];
  }).sort();
}

function assertSame(root: string, bits: number): void {
  const paths = Object.keys(EVERYTHING).filter((path) => path !== "");
  assert.deepEqual(pathsIn(root), paths.toSorted());
  for (const [name, { kind, content = "", mode = 0, mtime }] of Object.entries(EVERYTHING)) {
    const path = name === "" ? root : `${root}/${name}`;
    const info = Deno.lstatSync(path);
    assert.equal(readTime(path), mtime, path);
    if (kind === "link") {
      assert.equal(Deno.readLinkSync(path), content);
      continue;
    }
    assert.equal(info.isDirectory, kind === "folder", path);
    assert.equal(((info.mode ?? 0) & 0o7777).toString(8), (mode & bits).toString(8), path);
    if (kind === "folder") continue;
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    assert.deepEqual(new Uint8Array(Deno.readFileSync(path)), new Uint8Array(bytes), path);
  }
}

async function withTree(
  body: (
    fixture: Fixture,
    get: (changes: Partial<GetManyOptions>) => Promise<Set<string>>,
  ) => Promise<void>,
): Promise<void> {
  await using fixture = await Fixture.create();
  await makeTree(fixture.folder.join("tree"));
  const connect = await fixture.options("Alice");
  await putAll({ connect, paths: [fixture.folder.join("tree")] });
  await body(fixture, async (changes) => {
    const options = { connect, names: ["tree"], recursive: true, transfer: { parallel: 2 } };
    return new Set((await getOutcomes({ ...options, ...changes })).map(wordOf));
  });
}

Deno.test({ name: "round trip: a tree with everything comes back as it was", ignore }, async () => {
  await withTree(async (fixture, get) => {
    const back = fixture.folder.join("back");
    assert.deepEqual(await get({ target: back }), new Set(["got"]));
    assertSame(back, LEFT | 0o700);
    assert.deepEqual(await get({ target: back }), new Set(["there"]));
    assertSame(back, LEFT | 0o700);

    const special = fixture.folder.join("special");
    await get({ target: special, attributes: { special: true } });
    assertSame(special, LEFT | 0o7700);

    const all = fixture.folder.join("all");
    assert.deepEqual(await get({ names: ["."], target: all }), new Set(["got"]));
    assertSame(`${all}/tree`, LEFT | 0o700);
  });
});

Deno.test({
  name: "round trip: missing entries are downloaded again, also into read-only folders",
  ignore,
}, async () => {
  await withTree(async (fixture, get) => {
    const everything = { names: ["."], target: fixture.folder.join("all") };
    const back = `${everything.target}/tree`;
    await get(everything);
    for (const path of ["tool", "shared/sticky/file", "links/up", "empty folder"]) {
      await Deno.remove(`${back}/${path}`);
    }
    await Deno.chmod(`${back}/shared`, 0o500);
    assert.deepEqual(await get(everything), new Set(["got", "there"]));
    assertSame(back, LEFT | 0o700);
  });
});

Deno.test({
  name: "round trip: as a mirror, the folder has exactly what the server has",
  ignore,
}, async () => {
  await withTree(async (fixture, get) => {
    const back = fixture.folder.join("back");
    await get({ target: back });
    await Deno.writeTextFile(`${back}/shared/extra`, "1");
    await Deno.symlink("/etc", `${back}/links/extra`);
    const confirmMirror = () => Promise.resolve();
    assert.deepEqual(await get({ target: back, confirmMirror }), new Set(["deleted", "there"]));
    assertSame(back, LEFT | 0o700);
  });
});
