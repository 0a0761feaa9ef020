/**
 * Many clients in one process: `uploads3 PORT COUNT SIZE`, `uploads4 PORT COUNT SIZE`, `registrations PORT COUNT`,
 * `logins PORT COUNT` or `small PORT COUNT SIZE FILES PREFIX`. Creates keys and accounts first. The measured time
 * starts with the first byte. Prints JSON.
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { edition2023c } from "../../protocol/v3/editions/edition_2023c.ts";
import { encodeTextField } from "../../protocol/v3/text_field.ts";
import { FIELDS } from "../../protocol/v3/editions/edition.ts";
import { generatePrivateKey, publicKeyOf } from "../../protocol/cipher/rsa.ts";
import { NO_QUIRKS } from "../../protocol/v3/editions/quirks.ts";
import { register } from "../../protocol/v3/registration.ts";
import { ResponseReader } from "../../protocol/v3/response_reader.ts";
import { SourceFile } from "../../client/local/source_file.ts";
import { V4Client } from "../../client/v4/client.ts";
import { putFiles } from "../../client/v4/put_files.ts";
import { sendFiles } from "../../client/v3/send_files.ts";
import { eachOf } from "../../server/operator/backup/each_of.ts";
import { TemporaryFolder } from "../../tests/support/temporary_folder.ts";
import { writeRandom } from "./files.ts";

export interface CrowdTimes {
  /** Seconds for all clients together. */
  readonly seconds: number;
  /** Seconds of each client, from its own start to its end. */
  readonly each: readonly number[];
}

export type CrowdWork = "uploads3" | "uploads4" | "registrations" | "logins" | "small";

/** The number of parallel registrations or sign-ins. */
const SIDE_BY_SIDE = 32;

const PROFILE = { edition: edition2023c, quirks: NO_QUIRKS };

if (import.meta.main) {
  const [what, port, count, size, files, prefix] = Deno.args;
  const server = { hostname: "127.0.0.1", port: Number(port) };
  const crowd: Record<CrowdWork, () => Promise<CrowdTimes>> = {
    uploads3: () => upload(server, Number(count), Number(size), putOver3),
    uploads4: () => upload(server, Number(count), Number(size), putOver4),
    registrations: () => registerAll(server, Number(count)),
    logins: () => loginAll(server, Number(count)),
    small: () => uploadSmall(server, Number(count), Number(size), Number(files), prefix),
  };
  console.log(JSON.stringify(await crowd[what as CrowdWork]()));
}

/** A client with a folder of its own. */
interface Client {
  readonly server: { readonly hostname: string; readonly port: number };
  readonly userName: string;
  readonly identityFolder: string;
}

async function makeClients(
  folder: TemporaryFolder,
  server: Client["server"],
  count: number,
  prefix = "User",
): Promise<Client[]> {
  const clients = Array.from({ length: count }, (_, i) => ({
    ...{ server, userName: `${prefix}${i}`, identityFolder: folder.join(`user${i}`) },
  }));
  for (const { identityFolder } of clients) await Deno.mkdir(identityFolder, { mode: 0o700 });
  return clients;
}

async function putOver3(client: Client, path: string): Promise<void> {
  const [outcome] = await sendFiles({ connect: client, files: [path] });
  if (outcome?.state !== "stored") throw new Error("A file was not stored");
}

async function putOver4(client: Client, path: string): Promise<void> {
  const connect = { ...client, onNewServer: () => true };
  let stored = 0;
  const onOutcome = (outcome: { readonly state: string }) => {
    if (outcome.state === "stored") stored++;
  };
  await putFiles({ connect, paths: [path], onOutcome });
  if (stored !== 1) throw new Error("A file was not stored");
}

async function upload(
  server: Client["server"],
  count: number,
  size: number,
  put: (client: Client, path: string) => Promise<void>,
): Promise<CrowdTimes> {
  await using folder = await TemporaryFolder.createOnDisk();
  const big = folder.join("big.bin");
  await writeRandom(big, size);
  const first = await folder.write("first.txt", "registers the name");
  const clients = await makeClients(folder, server, count);
  for (const client of clients) await put(client, first);
  const begin = performance.now();
  const each = await Promise.all(clients.map(async (client) => {
    await put(client, big);
    return (performance.now() - begin) / 1000;
  }));
  return { seconds: (performance.now() - begin) / 1000, each };
}

/** Clients that stay connected upload small files, each one after another. */
async function uploadSmall(
  server: Client["server"],
  count: number,
  size: number,
  files: number,
  prefix: string | undefined,
): Promise<CrowdTimes> {
  await using folder = await TemporaryFolder.createOnDisk();
  const path = folder.join("small.bin");
  await writeRandom(path, size);
  const file = await SourceFile.inspect(path);
  const clients = await makeClients(folder, server, count, prefix);
  await using stack = new AsyncDisposableStack();
  const connected: V4Client[] = [];
  for (const client of clients) {
    connected.push(stack.use(await V4Client.connect({ ...client, onNewServer: () => true })));
  }
  const begin = performance.now();
  const each = await Promise.all(connected.map(async (client) => {
    for (let i = 0; i < files; i++) {
      await client.put([{ file, name: `${i}.bin` }], (_, result) => {
        if (typeof result !== "number") throw result;
      });
    }
    return (performance.now() - begin) / 1000;
  }));
  return { seconds: (performance.now() - begin) / 1000, each };
}

async function loginAll(server: Client["server"], count: number): Promise<CrowdTimes> {
  await using folder = await TemporaryFolder.createOnDisk();
  const clients = await makeClients(folder, server, count);
  const login = async (client: Client) => {
    (await V4Client.connect({ ...client, onNewServer: () => true }))[Symbol.dispose]();
  };
  await sideBySide(clients, login);
  return await sideBySide(clients, login);
}

/** Does the work of all clients, a number of them in parallel. */
async function sideBySide<T>(
  all: readonly T[],
  work: (one: T) => Promise<void>,
): Promise<CrowdTimes> {
  const each: number[] = [];
  const begin = performance.now();
  await eachOf(all, SIDE_BY_SIDE, async (one) => {
    const started = performance.now();
    await work(one);
    each.push((performance.now() - started) / 1000);
  });
  return { seconds: (performance.now() - begin) / 1000, each };
}

async function registerAll(address: Deno.ConnectOptions, count: number): Promise<CrowdTimes> {
  const publicKeys: Bytes[] = [];
  while (publicKeys.length < count) publicKeys.push(publicKeyOf(await generatePrivateKey()));
  const clients = [...publicKeys.entries()];
  return await sideBySide(clients, ([i, key]) => registerOne(address, `User${i}`, key));
}

/** Registers over a new connection. */
async function registerOne(
  address: Deno.ConnectOptions,
  userName: string,
  publicKey: Bytes,
): Promise<void> {
  using socket = await Deno.connect(address);
  socket.setNoDelay();
  const responses = new ResponseReader(edition2023c);
  const buffer = new Uint8Array(1024);
  const name = encodeTextField(userName, FIELDS.name.size);
  if (name === undefined) throw new RangeError("Cannot register: the name does not fit");
  const placeholderId = new Uint8Array(FIELDS.clientId.size);
  const conversation = register(PROFILE, { name, publicKey, unanswered: false, placeholderId });
  let turn = conversation.next();
  while (!turn.done) {
    const step = turn.value;
    if (step.do === "send") {
      for (let done = 0; done < step.bytes.length;) {
        done += await socket.write(step.bytes.subarray(done));
      }
      turn = conversation.next({ type: "sent" });
    } else if (step.do === "receive") {
      let response = responses.next();
      while (response === undefined) {
        const size = await socket.read(buffer);
        if (size === null) throw new Error("The server closed the connection");
        responses.push(buffer.subarray(0, size));
        response = responses.next();
      }
      turn = conversation.next({ type: "response", response });
    } else turn = conversation.next({ type: "kept" });
  }
}
