/** Benchmarks of single parts: `deno task bench:parts`. */
import { CbcDecryptor, CbcEncryptor, importAesKey } from "../../protocol/cipher/aes_cbc.ts";
import { edition2023c } from "../../protocol/v3/editions/edition_2023c.ts";
import { encodeRequest } from "../../protocol/v3/messages.ts";
import { encodeTextField } from "../../protocol/v3/text_field.ts";
import { FIELDS } from "../../protocol/v3/editions/edition.ts";
import { ServerSession } from "../../protocol/v3/server_session.ts";
import { combine } from "../../protocol/crc/combine.ts";
import { createReflected } from "../../protocol/crc/reflected.ts";
import { bySlicing } from "../../protocol/crc/slicing.ts";
import { byTable } from "../../protocol/crc/table.ts";
import { ChunkDigests } from "../../protocol/v4/chunk_digests.ts";
import { batchedCatalog, commitTogether, lookUp } from "../../server/catalog/sqlite/batching.ts";
import { SqliteCatalog } from "../../server/catalog/sqlite/sqlite_catalog.ts";
import { pseudoRandomBytes } from "../../tests/support/bytes.ts";
import { blobId } from "../../tests/support/store/ids.ts";

const mebibyte = pseudoRandomBytes(2 ** 20);
const reflected = createReflected() ?? bySlicing;

Deno.bench("crc: 1 MiB by table", { group: "crc" }, () => void byTable(0, mebibyte));
Deno.bench("crc: 1 MiB by slicing", { group: "crc" }, () => void bySlicing(0, mebibyte));
Deno.bench("crc: 1 MiB reflected", { group: "crc" }, () => void reflected(0, mebibyte));
Deno.bench("protocol 4: digest and checksum of a chunk", () => {
  new ChunkDigests(mebibyte.length).add(0, mebibyte);
});
Deno.bench("crc: combine over 1 GiB", () => void combine(123, 456, 2 ** 30));

const key = await importAesKey(pseudoRandomBytes(32));
for (const size of [65_536, 262_144, 1_048_576]) {
  const piece = mebibyte.slice(0, size);
  Deno.bench(`cipher: encrypt a stream by ${size / 1024} KiB`, { group: "cipher" }, async (b) => {
    const encryptor = new CbcEncryptor(key);
    b.start();
    await encryptor.update(piece);
    b.end();
  });
  Deno.bench(`cipher: decrypt a stream by ${size / 1024} KiB`, { group: "cipher" }, async (b) => {
    const decryptor = new CbcDecryptor(key);
    b.start();
    await decryptor.update(piece);
    b.end();
  });
}

const clientId = pseudoRandomBytes(16);
const name = encodeTextField("Alice", FIELDS.name.size) ?? new Uint8Array(0);
const registration = encodeRequest(edition2023c, { kind: "register", clientId, name });
Deno.bench("codec: encode a registration", () => {
  encodeRequest(edition2023c, { kind: "register", clientId, name });
});
Deno.bench("reader: a registration in one", () => readRegistration(registration.length));
Deno.bench("reader: a registration byte by byte", () => readRegistration(1));

function readRegistration(step: number): void {
  const session = new ServerSession([edition2023c]);
  for (let at = 0; at < registration.length; at += step) {
    session.push(registration.slice(at, at + step));
    for (let event = session.next(); event.type !== "wait"; event = session.next()) {
      if (event.type === "request") return;
      if (event.type === "identify") session.identify(undefined);
    }
  }
  throw new Error("No request was read");
}

const folder = await Deno.makeTempDir({ prefix: "xfer-bench-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const sqlite = SqliteCatalog.open(`${folder}/catalog.db`);
const batched = batchedCatalog({
  read: (calls) => lookUp(sqlite, calls),
  write: (calls) => commitTogether(sqlite, calls),
  close: () => Promise.resolve(),
});
let number = 0;
Deno.bench("catalog: one durable write", { group: "catalog" }, async () => {
  await batched.blobs.reserve(blobId(`files/1/${++number}`));
});
Deno.bench("catalog: 64 durable writes at once", { group: "catalog" }, async () => {
  await Promise.all(
    Array.from({ length: 64 }, () => batched.blobs.reserve(blobId(`files/1/${++number}`))),
  );
});
