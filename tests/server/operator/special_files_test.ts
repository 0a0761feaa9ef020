/** Links, pipes and devices in the place of files of a backup or a data folder: none is followed or opened. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { backup, restore } from "../../../server/operator/mod.ts";
import { exportFile } from "../../../server/operator/export_file.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import { readPortInfo } from "../../../server/v3/port_info.ts";
import { verify } from "../../../server/operator/verify.ts";
import { readChecked } from "../../../server/data_folder/stored_content.ts";
import { readOperatorIdentity } from "../../../server/listen/tls/operator_certificate.ts";
import { Authority } from "../../support/tls/certificate_authority.ts";
import { TemporaryFolder } from "../../support/temporary_folder.ts";
import { files, firstFile, inNewestState, listen, prepared } from "../../support/store/stored.ts";
import { tamper } from "../../support/store/database.ts";
import { startInThisThread } from "../../support/server.ts";

const SECRET = "only the operator may read this";

/** Things that can stand at a path in the place of a file. */
const ODD: Readonly<Record<string, (path: string, folder: TemporaryFolder) => Promise<void>>> = {
  "a link to a file": async (path, folder) => {
    await Deno.symlink(await folder.write("secret", SECRET), path);
  },
  "a link to a device without end": (path) => Deno.symlink("/dev/zero", path),
  "a pipe": async (path) => {
    const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
    assert.ok(success);
  },
};

interface Copied {
  readonly data: string;
  readonly copy: string;
  readonly target: string;
}

/** A data folder with a server's key, and a backup of it. */
async function copied(folder: TemporaryFolder): Promise<Copied> {
  const data = await prepared(folder);
  await (await startInThisThread({ listen, tlsListen: listen[0] ?? "beside", dataFolder: data }))
    .close();
  const copy = folder.join("backup");
  await backup(data, copy);
  return { data, copy, target: folder.join("restored") };
}

/** Puts something else at a path for the duration of a check. */
type Put = (path: string) => Promise<void>;

/** Tests each kind in turn, in one folder. A check modifies nothing but its own targets. */
function odd(
  name: string,
  check: (copied: Copied, put: Put, folder: TemporaryFolder) => Promise<void>,
): void {
  Deno.test({
    name: name.replace("SOMETHING", "a link, a device or a pipe"),
    ignore: Deno.build.os === "windows",
    async fn() {
      await using folder = await TemporaryFolder.create();
      const { data, copy } = await copied(folder);
      for (const [index, [what, put]] of Object.entries(ODD).entries()) {
        const undo: (() => Promise<void>)[] = [];
        const putOdd: Put = async (path) => {
          const before = folder.join(`before-${undo.length}`);
          const wasThere = await Deno.rename(path, before).then(() => true, () => false);
          await put(path, folder);
          undo.push(async () => {
            await Deno.remove(path);
            if (wasThere) await Deno.rename(before, path);
          });
        };
        try {
          await check({ data, copy, target: folder.join(`target-${index}`) }, putOdd, folder);
        } catch (error) {
          throw new Error(`${what}: ${error}`, { cause: error });
        }
        for (const step of undo.reverse()) await step();
      }
    },
  });
}

for (
  const name of ["tls.pem", "backup.db", "backup.db-wal", "backup.db-journal", "files", "states"]
) {
  odd(
    `restore: a backup whose ${name} is SOMETHING is refused, and nothing is created`,
    async ({ copy, target }, put) => {
      const isShared = ["files", "states"].includes(name);
      await put(isShared ? join(copy, name) : inNewestState(copy, name));
      await assert.rejects(restore(copy, target), {
        code: "backup-unusable",
        message: new RegExp(`: ${name.replace(".", "\\.")} is `),
      });
      await assert.rejects(Deno.lstat(target), Deno.errors.NotFound);
    },
  );
}

odd(
  "restore: a blob that is SOMETHING is damaged, and the others are restored",
  async ({ data, copy, target }, put) => {
    const { content: { id: path } } = await firstFile(data);
    await put(join(copy, path));
    const report = await restore(copy, target);
    assert.deepEqual(report.damaged.map((file) => file.content.id), [path]);
    assert.equal((await files(target)).length, 3);
  },
);

odd(
  "restore: a user's folder that is SOMETHING is not entered",
  async ({ data, copy, target }, put) => {
    const { content: { id: path } } = await firstFile(data);
    await put(join(copy, path, ".."));
    const report = await restore(copy, target);
    assert.deepEqual([report.files, report.damaged.length], [0, 4]);
  },
);

Deno.test("restore: a folder of blobs that is a link to another folder is not entered", async () => {
  await using folder = await TemporaryFolder.create();
  const { data, copy, target } = await copied(folder);
  const { content: { id: path } } = await firstFile(data);
  const owner = join(copy, path, "..");
  await Deno.rename(owner, folder.join("elsewhere"));
  await Deno.symlink(folder.join("elsewhere"), owner);
  assert.equal((await restore(copy, target)).damaged.length, 4);
});

Deno.test("restore: a key file that is far too long is refused, and nothing is left", async () => {
  await using folder = await TemporaryFolder.create();
  const { copy, target } = await copied(folder);
  await Deno.truncate(inNewestState(copy, "tls.pem"), 2 ** 40);
  await assert.rejects(restore(copy, target), {
    code: "cannot-copy",
    message: /cannot copy tls\.pem: it has more than 65536 bytes/,
  });
  await assert.rejects(Deno.lstat(target), Deno.errors.NotFound);
});

/** Something in the place of a table, or a column, may compute rows without end. A value may not fit into memory. */
const FOREIGN: Readonly<Record<string, readonly [sql: string, reason: RegExp]>> = {
  "a view in place of a table": [
    `DROP TABLE keys;
     CREATE VIEW keys AS WITH RECURSIVE n (number) AS
       (SELECT 1 UNION ALL SELECT number + 1 FROM n LIMIT 300)
       SELECT number AS rowid, (SELECT id FROM clients) AS client_id, randomblob(32) AS key,
         number AS added_at FROM n;`,
    /has views/,
  ],
  "a virtual table": [
    "DROP TABLE keys; CREATE VIRTUAL TABLE keys USING rtree(client_id, key, added_at);",
    /has views/,
  ],
  "a column that is computed": [
    "ALTER TABLE tokens ADD COLUMN other TEXT AS (zeroblob(100)) VIRTUAL",
    /has computed columns, which xfer never creates/,
  ],
  "a small file that is too large": [
    "INSERT INTO contents (file, content) SELECT id, zeroblob(256 * 1024 + 1) FROM files",
    /has values in "contents" that are longer/,
  ],
  "more digests than a file has chunks": [
    "INSERT INTO contents (file, chunks) SELECT id, zeroblob(100) FROM files",
    /has values in "contents" that are longer/,
  ],
  "a name without end": [
    "UPDATE clients SET name = hex(zeroblob(40000))",
    /has values in "clients" that are longer/,
  ],
};

for (const [what, [sql, message]] of Object.entries(FOREIGN)) {
  Deno.test(`restore: a catalog with ${what} is refused before anything is copied`, async () => {
    await using folder = await TemporaryFolder.create();
    const { copy, target } = await copied(folder);
    tamper(inNewestState(copy, "backup.db"), sql);
    await assert.rejects(restore(copy, target), { code: "backup-unusable", message });
    await assert.rejects(Deno.lstat(target), Deno.errors.NotFound);
  });
}

Deno.test("restore, backup, export: of a blob, at most its stored size is read", async () => {
  await using folder = await TemporaryFolder.create();
  const { data, copy, target } = await copied(folder);
  const { content: { id: path } } = await firstFile(data);
  for (const place of [data, copy]) await Deno.truncate(join(place, path), 2 ** 42);
  assert.equal((await restore(copy, target)).damaged.length, 1);
  assert.equal((await backup(data, folder.join("again"))).damaged.length, 1);
  // A file that grows while it is read.
  const file = await firstFile(data);
  let pieces = 0;
  const blobs = {
    stat: () => Promise.resolve({ size: file.size }),
    async *read() {
      for (;;) {
        pieces++;
        yield new Uint8Array(file.size);
      }
    },
  };
  const never = () => Promise.reject(new Error("the catalog does not keep its content"));
  const endless = readChecked(
    { blobs, catalog: { files: { content: never, contentSize: never } } },
    file,
  );
  await assert.rejects(Array.fromAsync(endless), { code: "stored-file-damaged" });
  assert.equal(pieces, 2);
});

for (const name of ["catalog.db", "catalog.db-wal", "files"]) {
  odd(
    `data folder: if ${name} is SOMETHING, no command of the operator opens it`,
    async ({ data, target }, put) => {
      await put(join(data, name));
      const refused = (error: Error & { code: string }) => {
        assert.match(error.code, /^(link-in-data-folder|data-folder-unusable)$/);
        assert.match(error.message, new RegExp(name));
        return true;
      };
      const request = { dataFolder: data, userName: "Alice", fileName: "file0", target };
      await assert.rejects(listStored(data), refused);
      await assert.rejects(verify({ dataFolder: data }), refused);
      await assert.rejects(verify({ dataFolder: data, repair: true }), refused);
      await assert.rejects(exportFile(request), refused);
      await assert.rejects(backup(data, target), refused);
    },
  );
}

for (
  const name of [
    "catalog.db",
    "lock.db",
    "import.db",
    "tls.pem",
    "tls.pem.tmp",
    "files",
    "staging",
    "quarantine.jsonl",
  ]
) {
  odd(`data folder: a server does not start if ${name} is SOMETHING`, async ({ data }, put) => {
    await put(join(data, name));
    const starting = startInThisThread({
      listen,
      tlsListen: listen[0] ?? "beside",
      dataFolder: data,
    });
    await assert.rejects(starting, (error: Error & { code: string }) => {
      assert.match(error.code, /^(link-in-data-folder|data-folder-unusable)$/);
      assert.match(error.message, new RegExp(name));
      return true;
    });
  });
}

odd(
  "operators: a path that they name may be a link to a file, and is not read if it is SOMETHING",
  async (_, put, folder) => {
    const authority = await Authority.create();
    const issued = await authority.issue({ names: ["localhost"] });
    const certificate = await folder.write("certificate", issued.certificate);
    const key = await folder.write("key", issued.key);
    const links = { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
    await Deno.symlink(certificate, links.certificate);
    await Deno.symlink(key, links.key);
    await readOperatorIdentity(links);
    for (const path of Object.values(links)) await Deno.remove(path);
    await put(links.key);
    await assert.rejects(readOperatorIdentity({ ...links, certificate }), { code: "bad-tls-key" });
    await put(links.certificate);
    await assert.rejects(readOperatorIdentity({ ...links, key }), { code: "bad-tls-certificate" });
    const portInfo = folder.join("port.info");
    await put(portInfo);
    await assert.rejects(readPortInfo(portInfo), { code: "bad-port-info" });
  },
);
