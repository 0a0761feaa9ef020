/**
 * Uploads the largest file of edition 2023c, 4 GiB − 273 bytes, with real processes. Fails if either end has more than
 * {@link MAX_RESIDENT} bytes of resident memory, or if the stored file differs from the original. Linux only, because
 * it reads peak memory from /proc.
 */
import { edition2023c } from "../protocol/v3/editions/edition_2023c.ts";
import { maxFileSize } from "../protocol/v3/file_parts.ts";
import { NO_QUIRKS } from "../protocol/v3/editions/quirks.ts";
import { peakResident, watched } from "../tests/support/memory.ts";
import { command, ServerProcess, writeTransferInfo, xfer } from "../tests/support/processes.ts";
import { TemporaryFolder } from "../tests/support/temporary_folder.ts";

const MAX_RESIDENT = 200 * 1024 * 1024;

const size = maxFileSize({ edition: edition2023c, quirks: NO_QUIRKS });
await using folder = await TemporaryFolder.createOnDisk();
const data = folder.join("data");
await writeSource(folder.join("large.bin"));
await using server = await ServerProcess.start(data);
await writeTransferInfo(folder.path, { port: server.port, file: "large.bin" });

const started = performance.now();
const client = command(["client", "--protocol", "3"], { cwd: folder.path, stdin: "null" }).spawn();
const { code, peak: clientPeak } = await watched(client);
const seconds = (performance.now() - started) / 1000;
const serverPeak = peakResident(server.pid) ?? 0;

const mib = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MiB`;
console.log(`${size} bytes in ${seconds.toFixed(1)} s, ${Math.round(size / 1e6 / seconds)} MB/s`);
console.log(`peak resident memory: client ${mib(clientPeak)}, server ${mib(serverPeak)}`);
const stored = /files\/\S+/.exec((await xfer(["server", "list", "--data", data])).stdout)?.[0];
const compared = await new Deno.Command("cmp", {
  args: [folder.join("large.bin"), `${data}/${stored}`],
}).output();
const sound = code === 0 && compared.success && clientPeak > 0 && serverPeak > 0 &&
  Math.max(clientPeak, serverPeak) < MAX_RESIDENT;
console.log(sound ? "stored completely, in bounded memory" : "FAILED");
if (!sound) Deno.exitCode = 1;

/** A sparse file with random data at both ends and in the middle, so that it need not be written completely. */
async function writeSource(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  await file.truncate(size);
  const noise = crypto.getRandomValues(new Uint8Array(65_536));
  for (const at of [0, 2 ** 31 - 100, size - noise.length]) {
    await file.seek(at, Deno.SeekMode.Start);
    for (let done = 0; done < noise.length;) done += await file.write(noise.subarray(done));
  }
}
