/**
 * Sending files: the client's whole job.
 *
 * @module
 */
import {
  IntegrityError,
  printable,
  RefusedError,
  StorageError,
  UsageError,
  XferError,
} from "../protocol/mod.ts";
import { Client, type ClientOptions } from "./client.ts";
import { SourceFile } from "./source_file.ts";

export interface SendOptions extends ClientOptions {
  /** Paths of the files, in the order in which they are sent. */
  readonly files: readonly string[];
}

export type Outcome =
  | { readonly file: SourceFile; readonly crc: number }
  | { readonly file: SourceFile; readonly error: XferError };

/**
 * Sends files one after another over one connection, each under a fresh AES key, and returns what came of each. A
 * file that can't be read, agreed on, or that the server refuses does not hold up the next. Anything else ends the run:
 * it is the outcome of the file at hand and of those behind it, which are not tried. Nothing is sent before all files
 * were looked at; what is wrong then, and what comes before the first file, is thrown.
 */
export async function sendFiles(options: SendOptions): Promise<Outcome[]> {
  using client = await Client.create(options);
  const files: SourceFile[] = [];
  for (const path of options.files) files.push(await SourceFile.inspect(path, client.profile));
  refuseSameNames(files);
  await client.prepare();
  const outcomes: Outcome[] = [];
  for (const file of files) {
    try {
      const crc = await client.send(file);
      outcomes.push({ file, crc });
      options.onEvent?.({ type: "stored", file, crc });
    } catch (error) {
      if (!(error instanceof XferError)) throw error;
      const fatal = !(error instanceof IntegrityError || error instanceof StorageError ||
        (error instanceof RefusedError && client.isIntroduced));
      if (fatal && outcomes.length === 0 && !client.isIntroduced) throw error;
      for (const failed of fatal ? files.slice(outcomes.length) : [file]) {
        outcomes.push({ file: failed, error });
        options.onEvent?.({ type: "failed", file: failed, error, tried: failed === file });
      }
      if (fatal) break;
    }
  }
  return outcomes;
}

function refuseSameNames(files: readonly SourceFile[]): void {
  for (const [index, file] of files.entries()) {
    const earlier = files.slice(0, index).find((other) => other.name === file.name);
    if (earlier === undefined) continue;
    throw new UsageError(
      "same-name",
      `Cannot send both ${printable(earlier.path)} and ${
        printable(file.path)
      }: the second would replace the first`,
      { hint: "The server keeps files by their last name. Send them under different names." },
    );
  }
}
