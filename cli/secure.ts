/**
 * What `xfer client` does by protocol 4.
 *
 * @module
 */
import { type Command, InvalidArgumentError } from "commander";
import {
  formatAddress,
  formatFingerprint,
  printable,
  toHex,
  UsageError,
  XferError,
} from "../protocol/mod.ts";
import {
  getFile,
  getFolder,
  putFiles,
  readAuthorities,
  readTransferInfo,
  type RemoteFile,
  type Retry,
  type RetryOptions,
  SecureClient,
  type SecureEvent,
  type SecureOptions,
  type Timeouts,
  type TransferInfo,
} from "../client/mod.ts";
import { exitCodeOf, SUCCESS } from "./exit_codes.ts";
import { confirm, printError, printNote, printResult } from "./output.ts";
import { example, retrying, sending, tightened } from "./words.ts";

/** Options of `xfer client` that hold for all that is below it. */
export interface CommonOptions {
  readonly transferInfo: string;
  readonly retries: number;
  /** Seconds. */
  readonly timeout?: number;
  readonly acceptNew?: boolean;
  readonly caCert?: string;
  readonly protocol: "3" | "4" | "auto";
}

type Finish = (exitCode: number) => void;
type Secure = SecureOptions & RetryOptions & { readonly onRetry: (retry: Retry) => void };

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Adds the commands that only protocol 4 has. */
export function addSecureCommands(client: Command, finish: Finish): void {
  const options = async (command: Command): Promise<Secure> => {
    const common = command.optsWithGlobals<CommonOptions>();
    if (common.protocol === "3") throw onlyProtocol4(command.name());
    return await secureOptions(await readTransferInfo(common.transferInfo), common);
  };
  client.command("get")
    .description("Get a file back, verified, under a name that is free (protocol 4).")
    .argument("<name>", "the name of the file on the server")
    .option("-o, --output <path>", "where to write it (default: the last part of its name, here)")
    .option("--range <from-to>", "only these bytes, counted from 0, the last included", parseRange)
    .option("--recursive", "all files below the name, as a folder")
    .option("--force", "replace what is there")
    .addHelpText("after", example("xfer client get docs/report.pdf -o report.pdf"))
    .action(async (name: string, chosen: GetChoice, command: Command) => {
      const { output: target, recursive, force = false, range } = chosen;
      const wanted = { ...await options(command), name, target, force, range };
      if (recursive === true) await getFolder(wanted, showGot);
      else {
        const { target, file } = await getFile(wanted);
        showGot(target, file);
      }
      finish(SUCCESS);
    });
  client.command("list")
    .description("Print the names of your files on the server (protocol 4).")
    .argument("[prefix]", "how the names begin", "")
    .option("--json", "a line of JSON for each file")
    .addHelpText("after", example("xfer client list docs/"))
    .action(async (prefix: string, { json = false }: { json?: boolean }, command: Command) => {
      using connection = await SecureClient.connect(await options(command));
      await connection.list(prefix, (file) => showFile(file, json));
      finish(SUCCESS);
    });
  client.command("stat")
    .description("Print what the server knows of a file (protocol 4).")
    .argument("<name>", "the name of the file on the server")
    .option("--json", "as JSON")
    .addHelpText("after", example("xfer client stat docs/report.pdf"))
    .action(async (name: string, { json = false }: { json?: boolean }, command: Command) => {
      using connection = await SecureClient.connect(await options(command));
      showFile(await connection.stat(name), json);
      finish(SUCCESS);
    });
  client.command("remove")
    .description("Remove files from the server, for good (protocol 4).")
    .argument("<name...>", "the names of the files on the server")
    .addHelpText("after", example("xfer client remove docs/old.pdf"))
    .action(async (names: string[], _: unknown, command: Command) => {
      using connection = await SecureClient.connect(await options(command));
      let exitCode = SUCCESS;
      for (const name of names) {
        try {
          await connection.remove(name);
          printResult(`Removed ${printable(name)}`);
        } catch (error) {
          if (!(error instanceof XferError) || error.category !== "refused") throw error;
          printError(error);
          exitCode = exitCodeOf(error);
        }
      }
      finish(exitCode);
    });
  client.command("rename")
    .description("Give a file on the server another name, one that is free (protocol 4).")
    .argument("<old>", "its name")
    .argument("<new>", "its name from now on")
    .addHelpText("after", example("xfer client rename report.pdf docs/report.pdf"))
    .action(async (oldName: string, newName: string, _: unknown, command: Command) => {
      using connection = await SecureClient.connect(await options(command));
      await connection.rename(oldName, newName);
      printResult(`Renamed ${printable(oldName)} to ${printable(newName)}`);
      finish(SUCCESS);
    });
}

interface GetChoice {
  readonly output?: string;
  readonly range?: Range;
  readonly recursive?: boolean;
  readonly force?: boolean;
}

/** Sends files and folders; returns the exit code. */
export async function putSecurely(
  info: TransferInfo,
  common: CommonOptions,
  paths: readonly string[],
  as: string | undefined,
): Promise<number> {
  const server = formatAddress(info.server);
  const outcomes = await putFiles({
    ...await secureOptions(info, common),
    ...{ paths, as },
    onPassed: (path) => printNote(`Left out, neither a file nor a folder: ${printable(path)}`),
    onOutcome: (outcome, name) => {
      if (outcome.state === "stored") {
        const { file: { size }, crc } = outcome;
        const what = `${printable(name)} (${size} bytes, cksum ${crc})`;
        return printResult(`Stored ${what} for ${info.userName} on ${server}`);
      }
      printError(outcome.error);
      const words = outcome.state === "unknown" ? "Not known whether stored" : "Not stored";
      printNote(`${words}: ${printable(outcome.file.path)}`);
    },
  });
  for (const outcome of outcomes) {
    if (outcome.state !== "stored") return exitCodeOf(outcome.error);
  }
  return SUCCESS;
}

function onlyProtocol4(command: string): UsageError {
  return new UsageError("protocol-4-only", `Protocol 3 has nothing like ${command}`, {
    hint: "Leave --protocol 3 out.",
  });
}

async function secureOptions(info: TransferInfo, common: CommonOptions): Promise<Secure> {
  const { server, fingerprint, userName } = info;
  const { retries, timeout, acceptNew = false, caCert } = common;
  return {
    ...{ server, fingerprint, userName, identityFolder: ".", retries },
    caCerts: caCert === undefined ? [] : await readAuthorities(caCert),
    timeouts: toTimeouts(timeout),
    onNewServer: (fingerprint) =>
      acceptNew || confirm(
        `${formatAddress(server)} is not known yet. Its fingerprint is ${fingerprint}. Trust it?`,
      ),
    onEvent: (event) => showEvent(event, userName),
    onRetry: (retry) => printNote(retrying(retry)),
  };
}

/** The timeouts that an option in seconds asks for; without it, those that are usual. */
export function toTimeouts(seconds: number | undefined): Partial<Timeouts> {
  return seconds === undefined ? {} : { connectMs: seconds * 1000, responseMs: seconds * 1000 };
}

function showEvent(event: SecureEvent, userName: string): void {
  switch (event.type) {
    case "secure":
      return printNote(
        event.fingerprint === undefined
          ? `Connected to ${formatAddress(event.server)}, whose name an authority vouches for`
          : `Connected to ${
            formatAddress(event.server)
          }, whose fingerprint is ${event.fingerprint}`,
      );
    case "registered":
      return printNote(`Registered ${userName} with id ${toHex(event.clientId)}`);
    case "tightened":
      return printNote(tightened(event.path));
    case "sending":
      return printNote(sending(event.file, event.attempt));
    case "progress":
      return;
  }
}

function showGot(target: string, { name, size, cksum }: RemoteFile): void {
  printResult(`Wrote ${printable(target)}: ${printable(name)} (${size} bytes, cksum ${cksum})`);
}

function showFile(file: RemoteFile, json: boolean): void {
  const { name, size, mtime, storedAt, cksum } = file;
  const [changed, stored] = [mtime, storedAt].map((ms) => new Date(ms).toISOString());
  const sha256tree = formatFingerprint(file.digest).replace("SHA256:", "");
  if (json) {
    return printResult(JSON.stringify({ name, size, changed, stored, cksum, sha256tree }));
  }
  printResult(
    `${printable(name)}  ${size} bytes  cksum ${cksum}  changed ${changed}  stored ${stored}`,
  );
}

function parseRange(text: string): Range {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(text);
  const [from, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match !== null && from <= last) return { from, to: last + 1 };
  throw new InvalidArgumentError("Expected two numbers, such as 0-1023.");
}
