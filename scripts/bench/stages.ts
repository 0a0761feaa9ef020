/** The speed of each stage alone, which bounds everything else. */
import { median } from "./figures.ts";
import { time } from "./processes.ts";
import { CbcEncryptor, importAesKey } from "../../protocol/cipher/aes_cbc.ts";
import { Cksum } from "../../protocol/crc/cksum.ts";
import { NO_QUIRKS } from "../../protocol/v3/editions/quirks.ts";
import { partsOf } from "../../protocol/v3/file_parts.ts";
import { release } from "../../protocol/memory.ts";
import { ReconnectingConnection } from "../../client/v3/reconnecting_connection.ts";
import { sendContent } from "../../client/v3/send_content.ts";
import { inspectFile } from "../../client/v3/inspect_file.ts";
import { edition2023c } from "../../protocol/v3/editions/edition_2023c.ts";
import { invocation } from "../../tests/support/processes.ts";
import { writeRandom } from "./files.ts";

const SIZE = 2 ** 30;
const PIECE = 2 ** 20;

/** Rates in bytes per second. */
export interface StageSpeeds {
  /** Our checksum of data in memory. */
  readonly crc: number;
  /** GNU cksum of a cached file; 0 if it is not installed. */
  readonly cksum: number;
  /** One stream of WebCrypto's AES-256-CBC, with discarded results. */
  readonly cipher: number;
  /** The client's whole path, to a peer that discards everything. */
  readonly sink: number;
  /** Seconds for `xfer --version`. */
  readonly version: number;
  /** Seconds for a program that only loads the command-line library. */
  readonly commander: number;
}

export async function alone(folder: string, runs: number): Promise<StageSpeeds> {
  const file = `${folder}/alone.bin`;
  await writeRandom(file, SIZE);
  const rounds: StageSpeeds[] = [];
  // WebAssembly is loaded and compiled once per process, with the first MiB of a file.
  sumUp();
  try {
    for (let run = 0; run < runs; run++) {
      rounds.push({
        crc: rate(() => sumUp()),
        cksum: SIZE / (await time(["cksum", file])).seconds,
        cipher: await encrypt(),
        sink: await sendAway(file),
        version: await start(),
        commander: await startCommander(folder),
      });
    }
  } finally {
    await Deno.remove(file);
  }
  const of = (key: keyof StageSpeeds) => median(rounds.map((round) => round[key]));
  return {
    ...{ crc: of("crc"), cksum: of("cksum"), cipher: of("cipher"), sink: of("sink") },
    ...{ version: of("version"), commander: of("commander") },
  };
}

function rate(work: () => void): number {
  const begin = performance.now();
  work();
  return SIZE / ((performance.now() - begin) / 1000);
}

function sumUp(): void {
  const piece = new Uint8Array(PIECE).fill(0x5a);
  const checksum = new Cksum();
  for (let done = 0; done < SIZE; done += PIECE) checksum.update(piece);
}

async function encrypt(): Promise<number> {
  const encryptor = new CbcEncryptor(await importAesKey(new Uint8Array(32)));
  const piece = new Uint8Array(PIECE);
  const begin = performance.now();
  for (let done = 0; done < SIZE; done += PIECE) release(await encryptor.update(piece));
  return SIZE / ((performance.now() - begin) / 1000);
}

/** The peer is a separate process, so that it takes none of our CPU time. */
async function sendAway(path: string): Promise<number> {
  const code = "const l = Deno.listen({ hostname: '127.0.0.1', port: 0 }); " +
    "console.log(l.addr.port); const c = await l.accept(); " +
    "const b = new Uint8Array(2 ** 20); while (await c.read(b) !== null);";
  const process = new Deno.Command(Deno.execPath(), {
    ...{ args: ["eval", code], stdout: "piped", stderr: "null" },
  }).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const port = Number((await reader.read()).value);
  const profile = { edition: edition2023c, quirks: NO_QUIRKS };
  const { file, nameField } = await inspectFile(path, profile);
  const upload = { clientId: new Uint8Array(16), fileName: nameField, size: file.size };
  const server = { hostname: "127.0.0.1", port };
  const timeouts = { connectMs: 10_000, responseMs: 60_000 };
  const link = new ReconnectingConnection({ server, profile, timeouts, onConnected: () => {} });
  const begin = performance.now();
  await sendContent(link, partsOf(profile, upload), {
    ...{ file, aesKey: await importAesKey(new Uint8Array(32)), quirks: NO_QUIRKS },
    ...{ crc: undefined, buffers: [new Uint8Array(PIECE), new Uint8Array(PIECE)] },
    onProgress: () => {},
  });
  const taken = performance.now() - begin;
  link.close();
  await process.status;
  await reader.cancel();
  return SIZE / (taken / 1000);
}

async function start(): Promise<number> {
  const { executable, args } = invocation(["--version"]);
  return (await time([executable, ...args])).seconds;
}

async function startCommander(folder: string): Promise<number> {
  const program = `${folder}/commander.ts`;
  await Deno.writeTextFile(
    program,
    'import { Command } from "commander";\nnew Command().version("1").parse();\n',
  );
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const args = ["run", "--quiet", "--no-check", "-A", "--config", config, program, "--version"];
  const taken = await time([Deno.execPath(), ...args]);
  await Deno.remove(program);
  return taken.seconds;
}
