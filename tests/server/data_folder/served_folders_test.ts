/** One server per data folder, also within one process. */
import assert from "node:assert/strict";
import { relative } from "node:path";
import { DataFolder } from "../../../server/data_folder/data_folder.ts";
import { openInThisThread } from "../../support/store/catalogs.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";

const openToServe = (path: string) => DataFolder.openToServe(path, Deno, openInThisThread);

/** Whether another process could take the lock of a data folder. */
async function isFreeForOthers(folder: string): Promise<boolean> {
  const code = `
    import { DatabaseSync } from "node:sqlite";
    const lock = new DatabaseSync(Deno.args[0]);
    try {
      lock.exec("BEGIN EXCLUSIVE");
      console.log("free");
    } catch (error) {
      console.log(error.message);
    }`;
  const args = ["eval", "--no-config", "--ext=ts", code, `${folder}/lock.db`];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
  const printed = new TextDecoder().decode(stdout).trim();
  if (printed === "free") return true;
  assert.equal(printed, "database is locked");
  return false;
}

Deno.test("data folder: while this process serves it, any path to it is refused, and it stays locked for other processes", async () => {
  await using folder = await TemporaryFolder.create();
  const data = folder.join("data");
  await Deno.mkdir(data);
  await Deno.symlink(data, folder.join("link"));
  {
    await using _served = await openToServe(data);
    assert.equal(await isFreeForOthers(data), false, "before another try");
    for (
      const path of [data, folder.join("link"), relative(Deno.cwd(), data), `${data}/../link/`]
    ) {
      await assert.rejects(openToServe(path), { code: "data-folder-in-use" }, path);
      assert.equal(await isFreeForOthers(data), false, `after another try by ${path}`);
    }
  }
  assert.equal(await isFreeForOthers(data), true, "when it is closed");
  await using _again = await openToServe(folder.join("link"));
});

/** Openings race in the system's threads: each try meets the race only sometimes. */
const TRIES = 30;

Deno.test("data folder: of servers that open a new one at the same time, one succeeds, and it stays locked", async () => {
  await using folder = await TemporaryFolder.create();
  for (let nth = 0; nth < TRIES; nth++) {
    const data = folder.join(`data-${nth}`);
    const opened = await Promise.allSettled(Array(6).fill(data).map(openToServe));
    const [first, ...others] = opened.flatMap((one) =>
      one.status === "fulfilled" ? [one.value] : []
    );
    await using _served = first ?? assert.fail("nobody has it");
    assert.equal(others.length, 0);
    for (const one of opened) {
      if (one.status === "rejected") assert.equal(one.reason.code, "data-folder-in-use");
    }
    assert.equal(await isFreeForOthers(data), false);
  }
});

Deno.test("data folder: one whose opening failed can be opened again", async () => {
  await using folder = await TemporaryFolder.create();
  const data = folder.join("data");
  const fails = () => Promise.reject(new Error("no catalog"));
  await assert.rejects(DataFolder.openToServe(data, Deno, fails), { message: /no catalog/ });
  await using _served = await openToServe(data);
});
