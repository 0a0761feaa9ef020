/**
 * Files and folders sent by protocol 4, again where the network fails.
 *
 * @module
 */
import { basename, join } from "node:path";
import { printable, UnconfirmedError, UsageError, XferError } from "../../protocol/mod.ts";
import { pathNameFault } from "../../protocol/v4/path_name.ts";
import type { Failure, Outcome } from "../events.ts";
import { type Retry, type RetryOptions, withRetries } from "../retries.ts";
import { SourceFile } from "../source_file.ts";
import { SecureClient } from "./secure_client.ts";
import type { SecureOptions } from "./session.ts";

export interface PutOptions extends SecureOptions, RetryOptions {
  /** Paths of files, and of folders with all that is in them. */
  readonly paths: readonly string[];
  /** The name of the only path on the server, in place of its last component. */
  readonly as?: string | undefined;
  readonly onOutcome?: (outcome: Outcome, name: string) => void;
  readonly onRetry?: (retry: Retry) => void;
  /** Something in a folder that is neither file nor folder, and is left out. */
  readonly onPassed?: (path: string) => void;
}

interface Named {
  readonly file: SourceFile;
  readonly name: string;
}

/**
 * Sends files, the next before the one before is confirmed, and returns what came of each. Nothing is sent before all
 * were looked at; what is wrong then is thrown, and so is what keeps the client from getting in. What is unanswered
 * when the network fails is sent again, as often as `retries` says.
 */
export async function putFiles(options: PutOptions): Promise<Outcome[]> {
  const files = await gather(options);
  let left = [...files];
  const outcomes = new Map<SourceFile, Outcome>();
  const settle = (outcome: Outcome) => {
    outcomes.set(outcome.file, outcome);
    const named = left.find(({ file }) => file === outcome.file);
    left = left.filter((other) => other !== named);
    options.onOutcome?.(outcome, named?.name ?? "");
  };
  const unknown = new Set<SourceFile>();
  let introduced = false;
  const run = async () => {
    using client = await SecureClient.connect(options);
    introduced = true;
    await client.put(left, (file, outcome) => {
      if (typeof outcome === "number") return settle({ state: "stored", file, crc: outcome });
      if (!(outcome instanceof XferError)) throw outcome;
      // It was sent and not answered: the next attempt sends it again.
      if (outcome instanceof UnconfirmedError) unknown.add(file);
      else settle({ state: "not-stored", file, error: outcome });
    });
  };
  try {
    await withRetries(run, options, (retry) => options.onRetry?.(retry));
  } catch (error) {
    if (!introduced || !(error instanceof XferError)) throw error;
    for (const { file } of left) {
      const state: Failure["state"] = unknown.has(file) ? "unknown" : "not-stored";
      settle({ state, file, error });
    }
  }
  return files.map(({ file }) => outcomes.get(file) as Outcome);
}

async function gather({ paths, as, onPassed }: PutOptions): Promise<Named[]> {
  if (as !== undefined && paths.length !== 1) {
    throw new UsageError("one-name", "A name can be given to one path alone", {
      hint: "Send the files one by one, each under its name.",
    });
  }
  const files: Named[] = [];
  for (const path of paths) {
    await visit(path, as ?? basename(join(Deno.cwd(), path)), files, onPassed);
  }
  const names = new Map<string, string>();
  for (const { file: { path }, name } of files) {
    const fault = pathNameFault(name);
    if (fault !== undefined) {
      throw new UsageError("bad-file-name", `Cannot send ${printable(path)}: its name ${fault}`, {
        hint: "Rename it, or name it otherwise on the server: --as NAME.",
      });
    }
    const earlier = names.get(name);
    if (earlier !== undefined) {
      throw new UsageError(
        "same-name",
        `Cannot send both ${printable(earlier)} and ${printable(path)} as ${printable(name)}`,
        { hint: "Send them under different names: --as NAME." },
      );
    }
    names.set(name, path);
  }
  return files;
}

async function visit(
  path: string,
  name: string,
  files: Named[],
  onPassed: ((path: string) => void) | undefined,
): Promise<void> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (info?.isDirectory !== true) {
    files.push({ file: await SourceFile.inspectAny(path), name: name.normalize("NFC") });
    return;
  }
  const entries: Deno.DirEntry[] = [];
  for await (const entry of Deno.readDir(path)) entries.push(entry);
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  for (const entry of entries) {
    const below = join(path, entry.name);
    // Links in a folder are not followed: they may lead anywhere, also back.
    if (entry.isFile || entry.isDirectory) {
      await visit(below, `${name}/${entry.name}`, files, onPassed);
    } else onPassed?.(below);
  }
}
