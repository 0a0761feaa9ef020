/**
 * The main job on real files with real processes: a server on a free port, a client that registers, the same client
 * reconnecting with another file. Everything happens in a temporary folder that is removed at the end.
 */
import { cksum } from "../mod.ts";
import { ServerProcess, writeTransferInfo, xfer } from "../tests/helpers/processes.ts";
import { TemporaryFolder } from "../tests/helpers/temporary.ts";

const say = (text: string) => console.log(text);
const step = (text: string) => say(`\n── ${text}`);

await using folder = await TemporaryFolder.create();
const data = folder.join("xfer-data");
const client = folder.join("alice");
await Deno.mkdir(client);
await folder.write("alice/hello.txt", "hello world\n");
const photo = crypto.getRandomValues(new Uint8Array(65_536));
await folder.write("alice/photo.raw", repeat(photo, 320));

step("A server starts on a free port");
await using server = await ServerProcess.start(data);
say(`$ xfer server --listen 127.0.0.1:0 --data xfer-data`);
say(`It listens on 127.0.0.1:${server.port}.`);

step("First run of the client: it registers the name, exchanges keys and stores a file");
await runClient("hello.txt");

step("Second run: it reconnects under its identity and stores another file, of 20 MiB");
await runClient("photo.raw");

step("What the server said meanwhile");
for (const line of server.log) say(String(line["message"]).replaceAll(folder.path, "…"));

step("What the server keeps");
say("$ xfer server list --data xfer-data");
say((await succeed(["server", "list", "--data", data])).trimEnd());

step("The stored files, written out and compared with the originals");
for (const name of ["hello.txt", "photo.raw"]) {
  const target = folder.join(`exported-${name}`);
  await succeed(["server", "export", "Alice", name, target, "--data", data]);
  const original = await Deno.readFile(folder.join("alice", name));
  const stored = await Deno.readFile(target);
  const equal = original.length === stored.length &&
    original.every((byte, i) => byte === stored[i]);
  say(`${name}: original cksum ${cksum(original)} ${original.length} bytes`);
  say(`${" ".repeat(name.length)}  stored   cksum ${cksum(stored)} ${stored.length} bytes`);
  if (!equal) throw new Error(`${name} is not what was sent`);
  say(`${" ".repeat(name.length)}  equal, byte for byte`);
}

async function runClient(file: string): Promise<void> {
  await writeTransferInfo(client, { port: server.port, file });
  say("$ cat transfer.info");
  say((await Deno.readTextFile(`${client}/transfer.info`)).trimEnd());
  say("$ xfer client --protocol 3");
  const { code, stdout, stderr } = await xfer(["client", "--protocol", "3"], client);
  say((stderr + stdout).trimEnd());
  if (code !== 0) throw new Error(`The client ended with exit code ${code}`);
}

async function succeed(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await xfer(args, folder.path);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

function repeat(bytes: Uint8Array, times: number): Uint8Array {
  const all = new Uint8Array(bytes.length * times);
  for (let i = 0; i < times; i++) all.set(bytes, i * bytes.length);
  return all;
}
