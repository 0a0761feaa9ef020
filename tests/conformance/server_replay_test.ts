/** Our server, fed with what a published client sent, says what that client's own server said. */
import assert from "node:assert/strict";
import {
  type Address,
  type Bytes,
  cksum,
  concatBytes,
  edition2023c,
  encodeResponse,
  encodeTextField,
  type Entropy,
  listStored,
  type Response,
  ResponseReader,
  Server,
  type ServerOptions,
  unwrapKey,
} from "../../mod.ts";
import { restoreChecksums } from "../helpers/falsified.ts";
import { type Entry, loadRecordings, type Recording } from "../helpers/recordings.ts";
import { TemporaryFolder } from "../helpers/temporary.ts";

const edition = edition2023c;

/** Steps where the recorded server is at fault: the index of the entry, what ours says instead, and why. */
const DIFFERENCES: Readonly<
  Record<string, Readonly<Record<number, { ours: Response["kind"]; because: string }>>>
> = {
  "2023c-a/crc_fail_once": {
    7: {
      ours: "fileReceived",
      because: "the recorded server takes a file that comes right behind CRC invalid for an error",
    },
  },
  "2023c-a/crc_fail_all": {
    7: { ours: "fileReceived", because: "as in crc_fail_once" },
    11: { ours: "fileReceived", because: "as in crc_fail_once" },
  },
};

for (const recording of loadRecordings("2023c-a")) {
  Deno.test(`${recording.label}: our server says what the recorded one said`, async () => {
    await using folder = await TemporaryFolder.create();
    const options: ServerOptions = {
      listen: { hostname: "127.0.0.1", port: 0 },
      dataFolder: folder.join("data"),
      entropy: await recordedEntropy(recording),
    };
    // Earlier sessions are played to a server of their own: what they left must be found again by another.
    await withServer(options, (address) => play(address, recording.earlier));
    const entries = restoreChecksums(edition, recording.entries, recording.falsified);
    const said = await withServer(options, (address) => play(address, entries));
    for (const [index, { dir, bytes }] of entries.entries()) {
      if (dir === "c2s") continue;
      const difference = DIFFERENCES[recording.label]?.[index];
      const expected = difference === undefined
        ? bytes
        : encodeResponse(edition, ourResponse(difference.ours, recording, entries));
      assert.deepEqual(said[index], expected, `entry ${index}`);
    }
    await checkStored(folder.join("data"), recording);
  });
}

async function withServer<T>(
  options: ServerOptions,
  use: (address: Address) => Promise<T>,
): Promise<T> {
  await using server = await Server.start(options);
  return await use(server.address);
}

/** What the recording's approvals say is stored, and nothing else. */
async function checkStored(dataFolder: string, recording: Recording): Promise<void> {
  const approved = recording.entries.some(({ dir, bytes }) =>
    dir === "c2s" && codeAt(bytes, 17) === edition.requests.crcValid.code
  );
  const files = (await listStored(dataFolder)).flatMap((client) => client.files);
  if (!approved) {
    if (recording.earlier.length === 0) assert.deepEqual(files, []);
    return;
  }
  const found = files.find((file) => file.name === recording.fileName);
  assert.equal(found?.size, recording.plaintext.length);
  assert.equal(found?.crc, cksum(recording.plaintext));
  assert.deepEqual(
    new Uint8Array(await Deno.readFile(`${dataFolder}/${found?.path}`)),
    recording.plaintext,
  );
}

function ourResponse(
  kind: Response["kind"],
  { plaintext, fileName }: Recording,
  entries: readonly Entry[],
): Response {
  assert.equal(kind, "fileReceived");
  const clientId = entries.findLast(({ dir }) => dir === "c2s")?.bytes.slice(0, 16);
  return {
    kind: "fileReceived",
    clientId: clientId ?? assert.fail(),
    contentSize: plaintext.length + 16 - (plaintext.length % 16),
    fileName: encodeTextField(fileName, 255) ?? assert.fail(),
    crc: cksum(plaintext),
  };
}

/** The ids and keys that the recorded server drew, in its order. */
async function recordedEntropy(recording: Recording): Promise<Entropy> {
  const { earlier, entries, identity, aesKey } = recording;
  const reader = new ResponseReader(edition);
  const ids: Bytes[] = [];
  const keys: Bytes[] = [];
  const wraps: Bytes[] = [];
  for (const { dir, bytes } of [...earlier, ...entries]) {
    if (dir === "c2s") continue;
    reader.push(bytes);
    for (let response = reader.next(); response !== undefined; response = reader.next()) {
      if (response.kind === "registered" || response.kind === "denied") ids.push(response.clientId);
      if ("wrappedKey" in response) {
        wraps.push(response.wrappedKey);
        // The private key of an earlier client may be unknown; what it sent is not looked at then.
        const privateKey = identity?.privateKey;
        keys.push(
          privateKey === undefined
            ? aesKey ?? new Uint8Array(edition.aesKeySize)
            : await unwrapKey(privateKey, response.wrappedKey),
        );
      }
    }
  }
  const draw = (queue: Bytes[]) => queue.shift() ?? new Uint8Array(16).fill(0xee);
  return {
    clientId: () => draw(ids),
    aesKey: () => draw(keys),
    wrap: () => Promise.resolve(draw(wraps)),
  };
}

/** Sends the client's entries; for each of the server's, reads one response. Returns what was read, by index. */
async function play(
  address: Address,
  entries: readonly Entry[],
): Promise<(Bytes | undefined)[]> {
  const connections = new Map<number, { socket: Deno.TcpConn; reader: ResponseReader }>();
  const said: (Bytes | undefined)[] = [];
  try {
    for (const { conn, dir, bytes } of entries) {
      let connection = connections.get(conn);
      if (connection === undefined) {
        connection = { socket: await Deno.connect(address), reader: new ResponseReader(edition) };
        connections.set(conn, connection);
      }
      if (dir === "c2s") {
        for (let done = 0; done < bytes.length;) {
          done += await connection.socket.write(bytes.subarray(done));
        }
        said.push(undefined);
      } else said.push(await readResponse(connection.socket, connection.reader));
    }
  } finally {
    for (const { socket } of connections.values()) socket.close();
  }
  return said;
}

async function readResponse(socket: Deno.TcpConn, reader: ResponseReader): Promise<Bytes> {
  for (;;) {
    const response = reader.next();
    if (response !== undefined) return encodeResponse(edition, response);
    const buffer = new Uint8Array(4096);
    const size = await socket.read(buffer);
    if (size === null) return concatBytes();
    reader.push(buffer.subarray(0, size));
  }
}

function codeAt(bytes: Bytes, offset: number): number {
  return (bytes[offset] ?? 0) + 256 * (bytes[offset + 1] ?? 0);
}
