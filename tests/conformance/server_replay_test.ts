/** Our server, given the recorded messages of published clients, answers like their own servers, or better. */
import { type Bytes, concatBytes } from "../../protocol/bytes.ts";
import type { StoredFile } from "../../server/catalog/files.ts";
import { DataFolder, type Store } from "../../server/data_folder/data_folder.ts";
import { readContent } from "../../server/data_folder/stored_content.ts";
import { listStored } from "../../server/operator/list_files.ts";
import { sideBySide } from "../support/concurrently.ts";
import { PEERS } from "../support/v3/fuzz.ts";
import { loadRecordings } from "../support/v3/recordings.ts";
import { ServersInTurn } from "../support/v3/servers_in_turn.ts";
import { ElsewhereInMemory } from "../support/store/elsewhere.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { startInThisThread } from "../support/server.ts";
import { type Replayed, replayRecording } from "./replay_recording.ts";

const AT_ONCE = 4;
/** Larger than a recorded file: contents are objects, not uploads in parts. */
const PART_SIZE = 2 ** 20;

for (const peer of PEERS) {
  for (const recording of loadRecordings(peer)) {
    Deno.test(`${recording.label}: our server gives the recorded answers, or better ones`, async () => {
      await using folder = await TemporaryFolder.create();
      await replayRecording(peer, recording, inFolder(folder.join("data")));
    });
  }

  Deno.test(`${peer}: three servers in turn give the recorded answers, too`, async () => {
    const jobs = loadRecordings(peer).map((recording) => async () => {
      try {
        await replayRecording(peer, recording, inTurn());
      } catch (cause) {
        throw new Error(recording.label, { cause });
      }
    });
    for await (const _ of sideBySide(jobs, AT_ONCE));
  });
}

function inFolder(dataFolder: string): Replayed {
  return {
    async serve({ editions, random }, use) {
      const listen = [{ hostname: "127.0.0.1", port: 0, editions }];
      await using server = await startInThisThread({ listen, dataFolder, random });
      await use(server.address);
    },
    stored: async () => (await listStored(dataFolder)).flatMap((client) => client.files),
    async read(file) {
      await using store = await DataFolder.openToRead(dataFolder, Deno);
      return await contentOf(store, file);
    },
  };
}

function inTurn(): Replayed {
  const elsewhere = new ElsewhereInMemory(PART_SIZE);
  const { openers } = elsewhere;
  return {
    isUnordered: true,
    async serve(options, use) {
      await using servers = await ServersInTurn.start(elsewhere, { ...options, count: 3 });
      await use(servers.address);
    },
    async stored() {
      await using catalog = await openers.catalog("");
      const accounts = await catalog.accounts.list();
      const files = accounts.map(({ id }) => catalog.files.listAll(id));
      return (await Promise.all(files)).flat();
    },
    async read(file) {
      await using catalog = await openers.catalog("");
      return await contentOf({ catalog, blobs: await openers.blobs("", {}) }, file);
    },
  };
}

async function contentOf(store: Store, file: StoredFile): Promise<Bytes> {
  const pieces: Bytes[] = [];
  for await (const piece of readContent(store, file)) pieces.push(piece.slice());
  return concatBytes(...pieces);
}
