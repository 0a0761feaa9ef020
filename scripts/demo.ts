/**
 * The main job with real files and real processes: a server on a free port; a client of protocol 4 that registers,
 * uploads a file and a folder and downloads them; the same client when the server is not the expected one; and a client
 * of protocol 3 with the same server. Fails if anything is wrong. Everything happens in a temporary folder that is
 * removed at the end.
 */
import { cksum } from "../protocol/crc/cksum.ts";
import { formatFingerprint } from "../protocol/v4/fingerprint.ts";
import { ServerProcess, xfer } from "../tests/support/processes.ts";
import { TemporaryFolder } from "../tests/support/temporary_folder.ts";

/** Exit codes of the client. */
const SUCCESS = 0;
const CONFIGURATION = 3;
const REFUSED = 5;

await using folder = await TemporaryFolder.createOnDisk();
const say = (text: string) => console.log(text.replaceAll(folder.path, "…"));
const step = (text: string) => say(`\n── ${text}`);

const data = folder.join("xfer-data");
const [alice, bob] = [folder.join("alice"), folder.join("bob")];
for (const path of [alice, `${alice}/holiday`, `${alice}/holiday/2026`, bob]) {
  await Deno.mkdir(path, { mode: 0o700 });
}
await Deno.writeFile(`${alice}/film.raw`, noise(20 * 2 ** 20));
await Deno.writeFile(`${alice}/holiday/2026/sea.raw`, noise(300_000));
await Deno.writeTextFile(`${alice}/holiday/notes.txt`, "It was warm.\n");
await Deno.writeTextFile(`${bob}/hello.txt`, "hello world\n");

step("A server starts on a free port and prints the line for its clients");
say("$ xfer server --listen 127.0.0.1:0 --data xfer-data");
await using server = await ServerProcess.start(data);
const { message, location } = await server.logged("server.listening-securely");
say(`${message}`);

step("Alice's first run: she knows the server's fingerprint, registers, and uploads a file");
await writeInfo(alice, `${location}\nAlice\nfilm.raw\n`);
await run(["client"], alice);

step("She uploads a folder");
await run(["client", "put", "holiday"], alice);

step("Her files on the server");
await run(["client", "list"], alice);

step("She downloads everything, verified against what was stored");
await run(["client", "get", "film.raw", "-o", "film.back"], alice);
await run(["client", "get", "holiday", "--recursive", "-o", "holiday.back"], alice);
await compare(`${alice}/film.raw`, `${alice}/film.back`);
for (const name of ["notes.txt", "2026/sea.raw"]) {
  await compare(`${alice}/holiday/${name}`, `${alice}/holiday.back/${name}`);
}

step("With another server's fingerprint, nothing is sent and the exit code shows it");
const other = formatFingerprint(crypto.getRandomValues(new Uint8Array(32)));
await writeInfo(alice, `${`${location}`.replace(/#.*/, `#${other}`)}\nAlice\nfilm.raw\n`);
await run(["client", "put", "film.raw", "--as", "secret.raw"], alice, CONFIGURATION);
await Deno.writeTextFile(`${alice}/transfer.info`, `${location}\nAlice\n`);
const listed = await xfer(["client", "list", "secret.raw"], alice);
if (listed.code !== REFUSED || listed.stdout !== "") throw new Error("It was sent anyway");

step("Bob uses the published protocol 3 with the same server: HOST:PORT, no fingerprint");
await writeInfo(bob, `127.0.0.1:${server.port}\nBob\nhello.txt\n`);
await run(["client", "--protocol", "3"], bob);
await run(["server", "export", "Bob", "hello.txt", "hello.back", "--data", "../xfer-data"], bob);
await compare(`${bob}/hello.txt`, `${bob}/hello.back`);

step("All files on the server");
await run(["server", "list", "--data", "xfer-data"], folder.path);

async function writeInfo(client: string, text: string): Promise<void> {
  await Deno.writeTextFile(`${client}/transfer.info`, text);
  say(`$ cat transfer.info\n${text.trimEnd()}`);
}

/** Runs xfer in a folder and shows its output. Throws if the exit code is not the expected one. */
async function run(args: readonly string[], cwd: string, expected = SUCCESS): Promise<void> {
  say(`$ xfer ${args.join(" ")}`);
  const { code, stdout, stderr } = await xfer(args, cwd);
  say((stderr + stdout).trimEnd());
  if (code !== SUCCESS) say(`(exit code ${code})`);
  if (code !== expected) throw new Error(`xfer exited with code ${code}, not ${expected}`);
}

async function compare(original: string, copy: string): Promise<void> {
  const [here, there] = await Promise.all([original, copy].map((path) => Deno.readFile(path)));
  if (here === undefined || there === undefined || here.length === 0) throw new Error("No file");
  const equal = here.length === there.length && here.every((byte, i) => byte === there[i]);
  const name = copy.slice(folder.path.length + 1);
  if (!equal) throw new Error(`${name} is not what was sent`);
  say(
    `${name}: equal to the original, byte for byte: ${there.length} bytes, cksum ${cksum(there)}`,
  );
}

/** Random bytes, so that a lost or misplaced piece shows. */
function noise(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}
