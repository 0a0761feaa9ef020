/** Uploads to a scripted server. */
import type { Bytes } from "../../../protocol/bytes.ts";
import type { XferError } from "../../../protocol/errors.ts";
import { ChunkDigests } from "../../../protocol/v4/chunk_digests.ts";
import { CHUNK_SIZE, digestTree } from "../../../protocol/v4/merkle_tree.ts";
import { SourceFile } from "../../../client/local/source_file.ts";
import { PutPipeline } from "../../../client/v4/put_pipeline.ts";
import { Upload } from "../../../client/v4/upload.ts";
import { WorkQueue } from "../../../client/v4/work_queue.ts";
import { pseudoRandomBytes } from "../bytes.ts";
import { TemporaryFolder } from "../temporary_folder.ts";
import type { Script, ScriptedServer } from "./scripted_session.ts";
import { STORED } from "./message_fields.ts";

/** The size of the file that most tests upload. */
export const SIZE = 5 * CHUNK_SIZE + 7;
export const CONTENT = pseudoRandomBytes(SIZE);
export const TRANSFER = new Uint8Array(16).fill(7);
/** The digest of no bytes. */
export const NOTHING = digestTree(new Uint8Array(0));

export function digestOfFirst(bytes: number, of = CONTENT): Bytes {
  const sums = new ChunkDigests(bytes);
  for (let at = 0; at < bytes; at += CHUNK_SIZE) {
    sums.add(at, of.slice(at, Math.min(bytes, at + CHUNK_SIZE)));
  }
  return sums.sums().digest;
}

/** A server with a partial upload of `offset` bytes, which stores every ended upload. */
export function storing(offset = 0, digest = digestOfFirst(offset), transfer = TRANSFER): Script {
  return (message, server) => {
    const { tag } = message;
    if (message.kind === "put" && message.resume === 1) {
      server.send({ kind: "held", tag, transfer, offset, digest });
    }
    if (message.kind === "join" || message.kind === "leave") server.send({ kind: "done", tag });
    if (message.kind === "end") server.send({ ...message, ...STORED, kind: "stored" });
  };
}

export async function uploadOf(
  folder: TemporaryFolder,
  bytes = CONTENT,
  name = "a",
): Promise<Upload> {
  return new Upload(await SourceFile.inspect(await folder.write(name, bytes)));
}

export interface Sent {
  readonly outcomes: (number | string)[];
  readonly resumedAt: number[];
  readonly error: unknown;
}

/** Uploads over one connection. `error` is the one that has ended it. */
export async function send(server: ScriptedServer, ...uploads: Upload[]): Promise<Sent> {
  const queue = new WorkQueue(uploads);
  const outcomes: (number | string)[] = [];
  const resumedAt: number[] = [];
  const pipeline = new PutPipeline(server.session, (event) => {
    if (event.type === "resumed") resumedAt.push(event.offset);
  }, (_, result) => {
    outcomes.push(result instanceof Error ? (result as XferError).code : result.cksum);
  });
  const error = await pipeline.run(queue).then(() => undefined, (error) => error);
  return { outcomes, resumedAt, error };
}

/** A test with a temporary folder. */
export function testUpload(
  what: string,
  body: (folder: TemporaryFolder) => Promise<void>,
) {
  Deno.test(`v4 upload: ${what}`, async () => {
    await using folder = await TemporaryFolder.create();
    await body(folder);
  });
}
