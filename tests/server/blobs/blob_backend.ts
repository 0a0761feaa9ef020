/** What tests of blob stores need: a place for blobs, and contents. */
import { type Bytes, concatBytes } from "../../../protocol/bytes.ts";
import {
  type BlobId,
  BlobNotFound,
  type BlobStore,
  type BlobWriter,
} from "../../../server/blobs/blob_store.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";

export const owner = pseudoRandomBytes(16);
export const content = pseudoRandomBytes(600_000);

/** Registers a test of the suite for an implementation. */
export type SuiteTest = (
  what: string,
  body: (blobs: BlobStore, backend: BlobBackend) => Promise<void>,
) => void;

/** A place for blobs, shared by all processes that open it. Disposed of after each test if that is needed. */
export interface BlobBackend extends Partial<AsyncDisposable> {
  open(): Promise<BlobStore>;
}

export async function readAll(
  blobs: BlobStore,
  id: BlobId,
  options?: Parameters<BlobStore["read"]>[1],
): Promise<Bytes> {
  const pieces: Bytes[] = [];
  for await (const piece of blobs.read(id, options)) pieces.push(piece.slice());
  return concatBytes(...pieces);
}

/** Reads a blob, and deletes it after the first piece. Returns the bytes that were read. */
export async function readWhileDeleted(blobs: BlobStore, id: BlobId): Promise<Bytes> {
  const read: Bytes[] = [];
  try {
    for await (const piece of blobs.read(id, { pieceSize: 100_000 })) {
      if (read.length === 0) await blobs.delete(id);
      read.push(piece.slice());
    }
  } catch (error) {
    if (!(error instanceof BlobNotFound)) throw error;
  }
  return concatBytes(...read);
}

/** A finished blob. */
export async function stored(blobs: BlobStore, bytes: Bytes = content): Promise<BlobId> {
  const writer = await blobs.create({ owner, size: bytes.length });
  await writer.write(0, bytes);
  await writer.finish();
  return writer.blobId;
}

/** Writes bytes in pieces, from an offset on. */
export async function writeFrom(writer: BlobWriter, offset: number, bytes: Bytes, size = 70_001) {
  for (let at = offset; at < bytes.length; at += size) {
    await writer.write(at, bytes.subarray(at, at + size));
  }
}

/** The ids of all blobs. */
export async function listed(blobs: BlobStore): Promise<string[]> {
  return (await Array.fromAsync(blobs.list())).sort();
}
