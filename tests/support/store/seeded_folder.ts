/** Data folders as a server leaves them that was started once and stored nothing. */
import { join } from "node:path";
import { Database } from "../../../server/catalog/sqlite/database.ts";
import { CATALOG, TLS_FILE } from "../../../protocol/server_files.ts";

/** `deno task test` makes one identity for all servers of its run, and passes it in this variable. */
export const IDENTITY_VARIABLE = "XFER_TEST_IDENTITY";

let made: Promise<string> | undefined;
let empty: Uint8Array | undefined;

/**
 * Creates a data folder with an empty catalog, unless the folder exists or its parent is missing; with `secure`, also
 * with an identity. A server starts on it in half the time, because it need not load the libraries for certificates.
 * All these servers have the same key.
 */
export async function seedDataFolder(path: string, { secure = true } = {}): Promise<void> {
  try {
    await Deno.mkdir(path, { mode: 0o700 });
  } catch (error) {
    const isLeft = error instanceof Deno.errors.AlreadyExists ||
      error instanceof Deno.errors.NotFound;
    if (isLeft) return;
    throw error;
  }
  empty ??= await emptyCatalog();
  await Deno.writeFile(join(path, CATALOG), empty, { mode: 0o600 });
  if (secure) {
    await Deno.writeTextFile(join(path, TLS_FILE), await testIdentity(), { mode: 0o600 });
  }
}

async function testIdentity(): Promise<string> {
  const ofRun = Deno.env.get(IDENTITY_VARIABLE);
  if (ofRun !== undefined) return ofRun;
  made ??= import("../../../server/listen/tls/x509.ts").then(({ makeIdentity }) => makeIdentity());
  return await made;
}

async function emptyCatalog(): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, CATALOG);
    Database.open(path)[Symbol.dispose]();
    return await Deno.readFile(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
