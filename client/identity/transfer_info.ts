/**
 * `transfer.info`, three lines that a person writes: server, user name, file.
 *
 * @module
 */
import { dirname, isAbsolute, join, relative } from "node:path";
import type { Address } from "../../protocol/address.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { ConfigurationError, UsageError } from "../../protocol/errors.ts";
import { isUserName, printable } from "../../protocol/printable.ts";
import { formatLocation, type Location, parseLocation } from "../../protocol/v4/fingerprint.ts";
import { cannotRead, READABLE } from "../local/read_small_file.ts";
import { writeFile } from "../local/atomic_file.ts";

export const TRANSFER_INFO = "transfer.info";

/** In bytes. A larger file is not a transfer.info. */
const MAX_SIZE = 16 * 1024;

/** The content of `transfer.info`. */
export interface TransferInfo {
  /** Line 1: the server's plain port. */
  readonly server: Address;
  /** Whether line 1 begins with `xfer://`, which allows only protocol 4. */
  readonly secure: boolean;
  /** The server's fingerprint, 32 bytes, if line 1 has one. */
  readonly fingerprint: Bytes | undefined;
  /** Line 2. */
  readonly userName: string;
  /** Line 3: the path of the file to upload, relative to the current folder; `undefined` if the line is missing. */
  readonly file: string | undefined;
}

/** The required form of each line, to follow "expected". */
export const EXPECTED = {
  server:
    "HOST:PORT, such as example.org:1256 or [::1]:1256, or the line that the server prints, " +
    "xfer://HOST:PORT#SHA256:… or xfer://HOST:PORT",
  userName: "a user name of 1 to 254 ASCII letters and digits",
  file: "the path of the file to upload",
} as const;

/** The folder of a `transfer.info`, where the client also keeps its identity and what it knows of servers. */
export function clientFolder(transferInfo: string): string {
  return dirname(transferInfo);
}

/** Parses line 1. Returns `undefined` if it is invalid. */
export function parseServerLine(text: string): Location | undefined {
  const location = parseLocation(text);
  return location?.address.port === 0 ? undefined : location;
}

/** Whether a path can be line 3 and read back unchanged. */
export function isFileLine(text: string): boolean {
  return text.trim() !== "" && !/[\0\r\n]/.test(text);
}

/**
 * Reads a `transfer.info`. Throws `ConfigurationError` `no-transfer-info` or `bad-transfer-info`; `StorageError`
 * `cannot-read`.
 */
export async function readTransferInfo(path: string): Promise<TransferInfo> {
  return parseTransferInfo(decode(await readFile(path), path), path);
}

/**
 * Parses the text of a `transfer.info`. Accepts a byte order mark, CRLF and blank lines at the end. Throws
 * `ConfigurationError` `bad-transfer-info`, which names file, line, what was found and what is expected.
 */
export function parseTransferInfo(text: string, path: string): TransferInfo {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  while (lines.length > 0 && lines.at(-1)?.trim() === "") lines.pop();
  const [address = "", userName = "", file, surplus] = lines;
  const fail = (line: number, found: string | undefined, expected: string): never => {
    const what = found ? `found "${printable(found)}"` : "it is empty or missing";
    throw new ConfigurationError(
      "bad-transfer-info",
      `${printable(path)} line ${line}: ${what}, expected ${expected}`,
      { hint: "Write three lines: HOST:PORT, user name, file to upload." },
    );
  };
  const location = parseServerLine(address);
  if (location === undefined) return fail(1, address, EXPECTED.server);
  if (!isUserName(userName)) fail(2, userName, EXPECTED.userName);
  if (file !== undefined && !isFileLine(file)) fail(3, file, EXPECTED.file);
  if (surplus !== undefined) fail(4, surplus, "nothing after line 3");
  const { address: server, secure, fingerprint } = location;
  return { server, secure, fingerprint, userName, file: file && fromFolder(file, path) };
}

/** The text of the `transfer.info` at `path`, for {@link parseTransferInfo}. */
export function formatTransferInfo(
  { server: address, secure, fingerprint, userName, file }: TransferInfo,
  path: string,
): string {
  const lines = [formatLocation({ address, secure, fingerprint }), userName];
  if (file !== undefined) lines.push(toFolder(file, path));
  return lines.map((line) => `${line}\n`).join("");
}

/**
 * Writes a `transfer.info` atomically. Throws `UsageError` `target-exists` if it exists and `force` is not set;
 * `StorageError` `cannot-write`.
 */
export async function writeTransferInfo(
  path: string,
  info: TransferInfo,
  force: boolean,
): Promise<void> {
  if (!(await writeFile(path, formatTransferInfo(info, path), force))) {
    throw transferInfoExists(path);
  }
}

/** Resolves a path of a `transfer.info` against its folder. */
function fromFolder(file: string, transferInfo: string): string {
  return hasOtherBase(file, transferInfo) ? join(clientFolder(transferInfo), file) : file;
}

/** The reverse of {@link fromFolder}. */
function toFolder(file: string, transferInfo: string): string {
  return hasOtherBase(file, transferInfo) ? relative(clientFolder(transferInfo), file) : file;
}

function hasOtherBase(file: string, transferInfo: string): boolean {
  return !isAbsolute(file) && clientFolder(transferInfo) !== ".";
}

/** A `UsageError` `target-exists`. */
export function transferInfoExists(
  path: string,
  hint = "Add --force to overwrite it, or name another file with --transfer-info FILE.",
): UsageError {
  return new UsageError("target-exists", `${printable(path)} already exists`, { hint });
}

async function readFile(path: string): Promise<Uint8Array> {
  try {
    const { size } = await Deno.stat(path);
    if (size <= MAX_SIZE) return await Deno.readFile(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) {
      throw cannotRead(path, cause, `${READABLE}, or name another file with --transfer-info FILE.`);
    }
    throw new ConfigurationError(
      "no-transfer-info",
      `cannot read ${printable(path)}: no such file`,
      {
        hint:
          "Run 'xfer client init' to create it, or name another file with --transfer-info FILE.",
        cause,
      },
    );
  }
  throw new ConfigurationError(
    "bad-transfer-info",
    `${printable(path)} is not a transfer.info: it is larger than ${MAX_SIZE} bytes`,
  );
}

function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ConfigurationError("bad-transfer-info", `${printable(path)} is not UTF-8 text`, {
      hint: "Save it as UTF-8.",
      cause,
    });
  }
}
