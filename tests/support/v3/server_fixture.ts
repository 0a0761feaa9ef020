/** A server of protocol 3 over real sockets, and a client that sends what a test says. */
import assert from "node:assert/strict";
import type { Response } from "../../../protocol/v3/messages.ts";
import type { Limits } from "../../../server/limits/limits.ts";
import { listStored } from "../../../server/operator/list_files.ts";
import type { Server } from "../../../server/server.ts";
import { pseudoRandomBytes } from "../bytes.ts";
import { kindOf, RawClient } from "./raw_client.ts";
import { TemporaryFolder } from "../temporary_folder.ts";
import { startInThisThread } from "../server.ts";

export interface ServerFixture {
  readonly server: Server;
  readonly folder: TemporaryFolder;
  readonly peer: RawClient;
  readonly advance: (ms: number) => void;
  /** The names of all files in the catalog. */
  readonly stored: () => Promise<string[]>;
  readonly staged: () => number;
}

/** A test with its own server, one client of it, and a clock that the test controls. */
export function test(
  what: string,
  body: (fixture: ServerFixture) => Promise<void>,
  limits: Partial<Limits> = {},
) {
  Deno.test(`server: ${what}`, async () => {
    await using folder = await TemporaryFolder.create();
    const dataFolder = folder.join("data");
    let now = 1_000_000_000;
    await using server = await startInThisThread({
      listen: [{ hostname: "127.0.0.1", port: 0 }],
      ...{ dataFolder, limits },
      clock: () => now,
      ticks: () => now,
    });
    using peer = await RawClient.connect(server.address);
    await body({
      ...{ server, folder, peer },
      advance: (ms) => now += ms,
      stored: async () => {
        const clients = await listStored(dataFolder);
        return clients.flatMap(({ name, files }) => files.map((file) => `${name}/${file.name}`));
      },
      staged: () => [...Deno.readDirSync(folder.join("data", "staging"))].length,
    });
  });
}

/** The size of a file. */
export const content = pseudoRandomBytes(1000);
export const MINUTE = 60_000;

/** The checksum in the answer to a file. */
export function crcOf(response: Response | "closed"): number {
  if (response === "closed" || response.kind !== "fileReceived") {
    assert.fail(`expected fileReceived, got ${kindOf(response)}`);
  }
  return response.crc;
}
