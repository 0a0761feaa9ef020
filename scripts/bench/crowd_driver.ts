/**
 * Many clients in one process: `clients PORT COUNT SIZE` or `registrations PORT COUNT`. Creates keys and accounts first.
 * The measured time starts with the first byte. Prints JSON.
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { edition2023c } from "../../protocol/v3/editions/edition_2023c.ts";
import { encodeTextField } from "../../protocol/v3/text_field.ts";
import { FIELDS } from "../../protocol/v3/editions/edition.ts";
import { generatePrivateKey, publicKeyOf } from "../../protocol/cipher/rsa.ts";
import { NO_QUIRKS } from "../../protocol/v3/editions/quirks.ts";
import { register } from "../../protocol/v3/registration.ts";
import { ResponseReader } from "../../protocol/v3/response_reader.ts";
import { sendFiles } from "../../client/v3/send_files.ts";
import { TemporaryFolder } from "../../tests/support/temporary_folder.ts";
import { writeRandom } from "./files.ts";

export interface CrowdTimes {
  /** Seconds for all clients together. */
  readonly seconds: number;
  /** Seconds of each client, from its own start to its end. */
  readonly each: readonly number[];
}

/** The number of parallel registrations. */
const SIDE_BY_SIDE = 32;

const PROFILE = { edition: edition2023c, quirks: NO_QUIRKS };

if (import.meta.main) {
  const [what, port, count, size] = Deno.args;
  const address = { hostname: "127.0.0.1", port: Number(port) };
  const times = what === "clients"
    ? await upload(address, Number(count), Number(size))
    : await registerAll(address, Number(count));
  console.log(JSON.stringify(times));
}

async function upload(
  address: Deno.ConnectOptions,
  count: number,
  size: number,
): Promise<CrowdTimes> {
  await using folder = await TemporaryFolder.createOnDisk();
  const server = { hostname: "127.0.0.1", port: address.port };
  const big = folder.join("big.bin");
  await writeRandom(big, size);
  const first = await folder.write("first.txt", "registers the name");
  const clients = Array.from({ length: count }, (_, i) => ({
    ...{ server, userName: `User${i}`, identityFolder: folder.join(`user${i}`) },
  }));
  for (const client of clients) {
    await Deno.mkdir(client.identityFolder, { mode: 0o700 });
    await sendFiles({ connect: client, files: [first] });
  }
  const begin = performance.now();
  const each = await Promise.all(clients.map(async (client) => {
    const [outcome] = await sendFiles({ connect: client, files: [big] });
    if (outcome?.state !== "stored") throw new Error("A file was not stored");
    return (performance.now() - begin) / 1000;
  }));
  return { seconds: (performance.now() - begin) / 1000, each };
}

async function registerAll(address: Deno.ConnectOptions, count: number): Promise<CrowdTimes> {
  const publicKeys: Bytes[] = [];
  while (publicKeys.length < count) publicKeys.push(publicKeyOf(await generatePrivateKey()));
  const waiting = [...publicKeys.entries()];
  const each: number[] = [];
  const begin = performance.now();
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const started = performance.now();
      await registerOne(address, `User${next[0]}`, next[1]);
      each.push((performance.now() - started) / 1000);
    }
  }));
  return { seconds: (performance.now() - begin) / 1000, each };
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
