/**
 * Uploads files over protocol 3.
 *
 * @module
 */
import { basename } from "node:path";
import {
  endsAll,
  IntegrityError,
  RefusedError,
  StorageError,
  UnconfirmedError,
  XferError,
} from "../../protocol/errors.ts";
import { type Abortable, throwIfAborted } from "../../protocol/abort.ts";
import { storedName } from "../../protocol/v3/stored_name.ts";
import { V3Client } from "./client.ts";
import type { V3ConnectOptions } from "./connect_options.ts";
import type { Failure, Outcome } from "../events.ts";
import { inspectPath } from "../local/named_path.ts";
import { ReservedFiles } from "../identity/reserved_files.ts";
import { type RetryOptions, withRetries } from "../net/retry.ts";
import { SentNames } from "../local/sent_names.ts";
import type { SourceFile } from "../local/source_file.ts";
import { inspectFile } from "./inspect_file.ts";

/** The files to upload, and the server. */
export interface SendOptions {
  /** The server and the account. */
  readonly connect: V3ConnectOptions;
  /** Retries after network failures. */
  readonly retry?: RetryOptions;
  /** Paths of the files, in the order to upload them. */
  readonly files: readonly string[];
}

/**
 * Uploads files over protocol 3, one after another, each with a new AES key. Returns the result of each file. After a
 * network failure a file is sent again, at most `retry.retries` times. A file that cannot be read, whose checksum
 * differs, or that the server refuses does not stop the next ones. Any other error ends the run, and the remaining
 * files are `not-tried`. After an abort, files that are not stored have an `InterruptedError`.
 *
 * Protocol 3 does not verify the server: anyone on the network path can read and alter the files.
 *
 * Throws `ConfigurationError`, `NetworkError` or `StorageError` if nothing could be sent.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { sendFiles, Server } from "@xfer/xfer";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${folder}/report.txt`, "42");
 * await using server = await Server.start({
 *   listen: [{ hostname: "127.0.0.1", port: 0 }],
 *   dataFolder: `${folder}/data`,
 * });
 * const [outcome] = await sendFiles({
 *   connect: { server: server.address, userName: "Alice", identityFolder: folder },
 *   files: [`${folder}/report.txt`],
 * });
 * assert.equal(outcome?.state, "stored");
 * ```
 */
export async function sendFiles(options: SendOptions): Promise<Outcome[]> {
  const { onEvent, signal } = options.connect;
  const retry: RetryOptions = {
    ...options.retry,
    onRetry(retry) {
      onEvent?.({ type: "retrying", ...retry });
      options.retry?.onRetry?.(retry);
    },
  };
  using client = await withRetries(() => V3Client.create(options.connect), retry, { signal });
  const { files, failures } = await inspect(options, client);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  onEvent?.({ type: "planned", files: files.length, bytes });
  if (files.length > 0) await client.prepare();
  const outcomes: Outcome[] = [];
  const closings = new ClosedConfirmations();
  let end: XferError | undefined;
  for (const file of files) {
    const outcome: Outcome = end === undefined
      ? await sendWithRetries(client, file, { retry, closings, signal })
      : { state: "not-tried", path: file.path, error: end };
    outcomes.push(outcome);
    if (outcome.state === "stored") {
      onEvent?.({ type: "stored", file: outcome.file, crc: outcome.crc });
      continue;
    }
    const mayContinue = isOfOneFile(outcome.error) || closings.isKnown;
    if (!client.isAuthenticated || !mayContinue) end = outcome.error;
    onEvent?.({ type: "failed", ...outcome });
  }
  for (const failure of failures) onEvent?.({ type: "failed", ...failure });
  return [...outcomes, ...failures];
}

/** Inspects all files. Returns those that can be uploaded, and why the others cannot. */
async function inspect(options: SendOptions, { profile }: V3Client) {
  const files: SourceFile[] = [];
  const failures: Failure[] = [];
  const names = new SentNames();
  const own = await ReservedFiles.of(options.connect.identityFolder);
  for (const path of options.files) {
    throwIfAborted(options.connect.signal);
    const named = await inspectPath(path);
    if (names.isRepeated(named, basename(path))) continue;
    try {
      own.refuse(named);
      const { file, nameField } = await inspectFile(path, profile);
      names.claim(path, storedName(nameField));
      files.push(file);
    } catch (error) {
      if (endsAll(error)) throw error;
      failures.push({ state: "not-stored", path, error: error as XferError });
    }
  }
  return { files, failures };
}

/**
 * Uploads a file, with retries after network errors. Once a confirmation is missing, the file stays unconfirmed until
 * the server confirms it.
 */
async function sendWithRetries(
  client: V3Client,
  file: SourceFile,
  { retry, closings, signal }: Abortable & {
    readonly retry: RetryOptions;
    readonly closings: ClosedConfirmations;
  },
): Promise<Outcome> {
  let state: Failure["state"] = "not-stored";
  const noteState = (error: XferError) => {
    if (error instanceof UnconfirmedError) state = "unknown";
  };
  const isFinal = (error: XferError) => closings.isQuirk(error);
  try {
    const onRetry: RetryOptions["onRetry"] = (retried) => {
      noteState(retried.error);
      retry.onRetry?.(retried);
    };
    const send = () => client.send(file);
    const sent = await withRetries(send, { ...retry, onRetry }, { isFinal, signal });
    closings.reset();
    return { state: "stored", ...sent };
  } catch (error) {
    if (!(error instanceof XferError)) throw error;
    noteState(error);
    return { state, path: file.path, error };
  }
}

/**
 * A server that closes this often in a row instead of confirming always does. No network fails at just that moment
 * every time.
 */
const CLOSINGS_OF_QUIRK = 3;

/** Counts consecutive connections that the server closed instead of confirming a file. */
class ClosedConfirmations {
  #count = 0;

  reset(): void {
    this.#count = 0;
  }

  /** Records an error. Returns whether it shows the quirk. */
  isQuirk(error: XferError): boolean {
    const { cause } = error;
    const isClosing = error instanceof UnconfirmedError && cause instanceof XferError &&
      cause.code === "connection-closed";
    this.#count = isClosing ? this.#count + 1 : 0;
    return this.isKnown;
  }

  get isKnown(): boolean {
    return this.#count >= CLOSINGS_OF_QUIRK;
  }
}

/** Whether an error concerns only its own file. */
function isOfOneFile(error: XferError): boolean {
  return error instanceof IntegrityError || error instanceof StorageError ||
    error instanceof RefusedError;
}
