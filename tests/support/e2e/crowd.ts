/** A crowd of clients at a server: many idle connections, many uploads at once. */
import { sendFiles } from "../../../client/v3/send_files.ts";
import { pseudoRandomBytes } from "../bytes.ts";
import { peakResident } from "../memory.ts";
import { RawClient } from "../v3/raw_client.ts";
import { ServerProcess } from "../processes.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

export interface Crowd {
  readonly idle: number;
  readonly uploads: number;
  /** Bytes of each file. */
  readonly size: number;
}

export interface CrowdResult {
  /** The number of stored files. */
  readonly stored: number;
  /** The number of idle connections that were answered afterwards. */
  readonly answered: number;
  /** The server's largest resident memory, in bytes. */
  readonly peak: number;
}

/** Opens the idle connections, uploads all files in parallel, and uses each idle connection. */
export async function gatherCrowd({ idle, uploads, size }: Crowd): Promise<CrowdResult> {
  await using folder = await TemporaryFolder.createOnDisk();
  await using server = await ServerProcess.start(folder.join("data"), {
    args: [
      ...["--listen", "127.0.0.1:0", "--max-connections-per-address", "none"],
      // The idle connections ask for a name that does not exist.
      ...["--max-failed-sign-ins", "none"],
    ],
  });
  const address = { hostname: "127.0.0.1", port: server.port };
  const source = await folder.write("source", pseudoRandomBytes(size));
  using peers = new DisposableStack();
  const idlers: RawClient[] = [];
  for (let i = 0; i < idle; i++) {
    const peer = peers.use(await RawClient.connect(address));
    // An idle connection that has been served once keeps the memory that it needed then.
    await peer.reconnect("Nobody");
    idlers.push(peer);
  }
  const outcomes = await Promise.all(Array.from({ length: uploads }, async (_, number) => {
    const identityFolder = folder.join(`client${number}`);
    await Deno.mkdir(identityFolder);
    const userName = `User${number}`;
    return await sendFiles({
      connect: { server: address, userName, identityFolder },
      files: [source],
    });
  }));
  let answered = 0;
  for (const peer of idlers) if (await peer.reconnect("Nobody") !== "closed") answered++;
  const stored = outcomes.flat().filter((outcome) => "crc" in outcome).length;
  return { stored, answered, peak: peakResident(server.pid) ?? Infinity };
}
