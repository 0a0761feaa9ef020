/**
 * One of several clients in one folder: waits for its turn, then connects to servers, and prints its key. `FOLDER NAME
 * COUNT`
 */
import { AccountFolder } from "../../client/identity/v4_account.ts";
import { KnownServers } from "../../client/identity/known_servers.ts";
import { toHex } from "../../protocol/bytes.ts";

const [folder = "", name = "", count = ""] = Deno.args;
console.log("here");
await Deno.stdin.read(new Uint8Array(1));
const { publicKey } = await new AccountFolder(folder).loadKey();
console.log(toHex(publicKey));
const known = new KnownServers(folder);
for (let port = 1; port <= Number(count); port++) {
  await known.keep({ hostname: name, port }, "pki");
}
