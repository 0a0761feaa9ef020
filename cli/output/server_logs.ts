/**
 * The log of a server and its access log: where they go, and their files.
 *
 * @module
 */
import type { AccessListener } from "../../server/mod.ts";
import { accessLine } from "./access_line.ts";
import type { LogFile } from "./log_file.ts";
import type { RotationOptions } from "./log_rotation.ts";
import { StorageError } from "../../protocol/errors.ts";
import type { Reporter } from "./reporter.ts";
import { configureLogs, type LogFormat } from "./server_log.ts";

export interface LogSettings {
  readonly format: LogFormat;
  /** The path of the log; on standard error if it is missing. */
  readonly file: string | undefined;
  /** The path of the access log; none if it is missing. */
  readonly access: string | undefined;
  readonly rotation: RotationOptions;
}

export interface ServerLogs extends AsyncDisposable {
  /** For a server, if there is an access log. */
  readonly onAccess: AccessListener | undefined;
  /** Opens the files again, which another program may have renamed. */
  reopen(): void;
}

/** Opens the logs. Throws `StorageError` `log-unusable`. */
export async function openLogs(
  { format, file, access, rotation }: LogSettings,
  reporter: Reporter,
): Promise<ServerLogs> {
  const open = (path: string | undefined) => openFile(path, rotation, reporter);
  const [log, accessLog] = [await open(file), await open(access)];
  if (file !== undefined && access !== undefined && await isSameFile(file, access)) {
    await log?.close();
    await accessLog?.close();
    throw new StorageError("log-unusable", "the log and the access log are the same file", {
      hint: "Choose another file with --access-log FILE.",
    });
  }
  await configureLogs(format, reporter, log && ((line) => log.write(line)));
  return {
    onAccess: accessLog && ((one) => accessLog.write(accessLine(one, Date.now()))),
    reopen: () => {
      log?.reopen();
      accessLog?.reopen();
    },
    [Symbol.asyncDispose]: async () => {
      await log?.close();
      await accessLog?.close();
    },
  };
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  return await Deno.realPath(one) === await Deno.realPath(other);
}

/** Loads the code for files only if there are any. */
async function openFile(
  path: string | undefined,
  rotation: RotationOptions,
  reporter: Reporter,
): Promise<LogFile | undefined> {
  if (path === undefined) return undefined;
  const { LogFile } = await import("./log_file.ts");
  return await LogFile.open(path, rotation, (message) => reporter.note(message));
}
