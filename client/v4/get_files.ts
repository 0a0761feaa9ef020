/**
 * Files got back by protocol 4: each is there whole and seen to be what was stored, or not at all.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import {
  type Bytes,
  printable,
  ProtocolError,
  StorageError,
  UsageError,
  XferError,
} from "../../protocol/mod.ts";
import { pathNameFault } from "../../protocol/v4/path_name.ts";
import { syncFolder } from "../files.ts";
import { type Retry, type RetryOptions, withRetries } from "../retries.ts";
import type { RemoteFile } from "./download.ts";
import { SecureClient } from "./secure_client.ts";
import type { SecureOptions } from "./session.ts";

export interface GetOptions extends SecureOptions, RetryOptions {
  readonly name: string;
  /** Where to write; without, the last component of the name, in this folder. */
  readonly target?: string | undefined;
  /** Bytes from the first up to but not the last. */
  readonly range?: { readonly from: number; readonly to: number } | undefined;
  /** Which one of the name, from 1 on; without, the current one. */
  readonly version?: number | undefined;
  /** Whether what is at the target is replaced. */
  readonly force?: boolean;
  readonly onRetry?: (retry: Retry) => void;
}

/** Gets a file, and returns where it is. Throws `UsageError` `target-exists`, and what `SecureClient` does. */
export async function getFile(options: GetOptions): Promise<{ target: string; file: RemoteFile }> {
  const target = options.target ?? basename(options.name);
  const file = await withRetries(
    async () => {
      using client = await SecureClient.connect(options);
      return await download(client, options.name, target, options);
    },
    options,
    (retry) => options.onRetry?.(retry),
  );
  return { target, file };
}

/** Gets all files below a folder, into a folder. `take` is told of each. */
export async function getFolder(
  options: GetOptions,
  take: (target: string, file: RemoteFile) => void,
): Promise<void> {
  const root = options.target ?? basename(options.name);
  const prefix = `${options.name.replace(/\/$/, "")}/`;
  let left: RemoteFile[] | undefined;
  await withRetries(
    async () => {
      using client = await SecureClient.connect(options);
      if (left === undefined) {
        const found: RemoteFile[] = [];
        await client.list(prefix, (file) => found.push(file));
        left = found;
      }
      for (let file = left[0]; file !== undefined; file = left[0]) {
        const relative = file.name.slice(prefix.length);
        // What a server calls a file must not lead out of the folder.
        if (!file.name.startsWith(prefix) || pathNameFault(relative) !== undefined) {
          throw new ProtocolError(
            "bad-file-name",
            `The server tells of a file that can't be in this folder: ${printable(file.name)}`,
          );
        }
        const target = join(root, ...relative.split("/"));
        await Deno.mkdir(dirname(target), { recursive: true });
        take(target, await download(client, file.name, target, options));
        left.shift();
      }
    },
    options,
    (retry) => options.onRetry?.(retry),
  );
}

async function download(
  client: SecureClient,
  name: string,
  target: string,
  { range, version, force = false }: Pick<GetOptions, "range" | "version" | "force">,
): Promise<RemoteFile> {
  if (!force) await refuseExisting(target);
  const temporary = join(dirname(target), `.xfer-${crypto.randomUUID()}.tmp`);
  try {
    const file = await receive(client, { name, version }, temporary, range);
    await writing(
      target,
      () => force ? Deno.rename(temporary, target) : publish(temporary, target),
    );
    await writing(target, () => syncFolder(dirname(target)));
    return file;
  } finally {
    await Deno.remove(temporary).catch(() => undefined);
  }
}

async function receive(
  client: SecureClient,
  wanted: Pick<GetOptions, "name" | "version">,
  temporary: string,
  range: { readonly from: number; readonly to: number } | undefined,
): Promise<RemoteFile> {
  using output = await writing(
    temporary,
    () => Deno.open(temporary, { write: true, createNew: true, mode: 0o600 }),
  );
  const write = async (chunk: Bytes, offset: number) => {
    const { from, to } = range ?? { from: 0, to: Infinity };
    const part = chunk.subarray(Math.max(0, from - offset), Math.max(0, to - offset));
    for (let done = 0; done < part.length;) {
      done += await writing(temporary, () => output.write(part.subarray(done)));
    }
  };
  const file = await client.get({ ...wanted, ...range }, write);
  await writing(temporary, async () => {
    await output.sync();
    const mtime = new Date(file.mtime);
    if (range === undefined) await output.utime(mtime, mtime);
  });
  return file;
}

/** Gives a file its name only if nothing has it: a rename would replace what came there meanwhile. */
async function publish(temporary: string, target: string): Promise<void> {
  try {
    await Deno.link(temporary, target);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw exists(target);
    // A file system without links.
    await refuseExisting(target);
    await Deno.rename(temporary, target);
  }
}

async function refuseExisting(target: string): Promise<void> {
  const info = await Deno.lstat(target).catch(() => undefined);
  if (info !== undefined) throw exists(target);
}

function exists(target: string): UsageError {
  return new UsageError("target-exists", `${printable(target)} is there already`, {
    hint: "Name another place: -o PATH, or replace it: --force.",
  });
}

async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof XferError) throw cause;
    const reason = printable(cause instanceof Error ? cause.message : String(cause));
    throw new StorageError("cannot-write", `Cannot write ${printable(path)}: ${reason}`, {
      hint: "Check that the folder is writable and has room.",
      cause,
    });
  }
}
