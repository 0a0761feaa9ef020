/** The contents of a cluster, read without its servers, and checks that its parts agree. */
import assert from "node:assert/strict";
import type { Cluster } from "../../scripts/cluster/cluster.ts";
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import type { StoredFile } from "../../server/catalog/files.ts";
import { audit } from "../../server/data_folder/audit.ts";
import type { Store } from "../../server/data_folder/data_folder.ts";
import { readChecked } from "../../server/data_folder/stored_content.ts";
import type { Stored } from "../faults/data_folder.ts";

/**
 * The current files of every user. Throws if content and catalog differ anywhere, also in history, or if an account's
 * usage is not the sum of its files. `folder` entries are no files.
 */
export async function readCluster(cluster: Cluster): Promise<Stored> {
  await using store = await cluster.openStores();
  for await (const found of audit(store, { contents: true, strays: false })) {
    if (found.kind === "confirmed") continue; // intact
    assert.fail(`${found.kind}: ${found.kind === "stray" ? found.path : found.file.name}`);
  }
  const stored = new Map<string, Map<string, Bytes>>();
  for (const { id, name, usage, history } of await store.catalog.accounts.list()) {
    const files = await filesOf(store, id);
    const sum = (isCurrent: boolean) => {
      const counted = files.filter(({ current = true }) => current === isCurrent);
      return { files: counted.length, bytes: counted.reduce((sum, { size }) => sum + size, 0) };
    };
    assert.deepEqual({ usage, history }, { usage: sum(true), history: sum(false) }, name);
    const contents = new Map<string, Bytes>();
    for (const file of files) {
      if (file.current === false || (file.kind ?? "file") !== "file") continue;
      contents.set(file.name, await contentOf(store, file));
    }
    if (contents.size > 0) stored.set(name, contents);
  }
  return stored;
}

/**
 * Everything in the bucket that the catalog does not know, and everything that it lists as garbage. A server of Swift
 * that is killed after it has deleted something can leave the name in a list, so lists are not enough.
 */
export async function leftoversOf(cluster: Cluster): Promise<string[]> {
  await using store = await cluster.openStores();
  const { catalog, blobs } = store;
  const left: string[] = [...await catalog.blobs.garbage(undefined, 1000)].map((id) =>
    `garbage ${id}`
  );
  for await (const id of blobs.list()) {
    if (await catalog.blobs.owner(id) !== undefined) continue;
    if (await blobs.isOccupied(id)) left.push(`object ${id}`);
  }
  await blobs.sweepUploads(async (id) => {
    const isOwned = await catalog.blobs.owner(id) !== undefined;
    if (!isOwned && await blobs.stat(id) !== undefined) left.push(`upload ${id}`);
    return true;
  });
  return left;
}

async function filesOf({ catalog }: Store, account: Bytes): Promise<StoredFile[]> {
  const files: StoredFile[] = [];
  let page = await catalog.files.listAll(account);
  for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
    files.push(...page);
    page = await catalog.files.listAll(account, { after: last });
  }
  return files;
}

async function contentOf(store: Store, file: StoredFile): Promise<Bytes> {
  const pieces: Bytes[] = [];
  for await (const piece of readChecked(store, file)) pieces.push(piece.slice());
  return concatBytes(...pieces);
}
