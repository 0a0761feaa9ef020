/**
 * Files on the server as `xfer client` prints them, and their versions.
 *
 * @module
 */
import type { Command } from "commander";
import { type RemoteFile, SecureClient, type SecureOptions } from "../client/mod.ts";
import { formatFingerprint, printable } from "../protocol/mod.ts";
import { SUCCESS } from "./exit_codes.ts";
import { printResult } from "./output.ts";
import { example } from "./words.ts";

/** Adds `versions`; `options` are those of a connection. */
export function addVersionsCommand(
  client: Command,
  finish: (exitCode: number) => void,
  options: (command: Command) => Promise<SecureOptions>,
): void {
  client.command("versions")
    .description("Print what the server keeps under a name, newest first (protocol 4).")
    .argument("<name>", "the name of the file on the server")
    .option("--json", "a line of JSON for each")
    .addHelpText("after", example("xfer client versions report.pdf") + HOW_MANY)
    .action(async (name: string, { json = false }: { json?: boolean }, command: Command) => {
      using connection = await SecureClient.connect(await options(command));
      await connection.versions(name, (file) => showFile(file, json));
      finish(SUCCESS);
    });
}

const HOW_MANY = `

How many are kept the server's operator decides.
To get one back: xfer client get NAME --version NUMBER.`;

export function showFile(file: RemoteFile, json: boolean): void {
  const { name, version, size, mtime, storedAt, cksum } = file;
  const [changed, stored] = [mtime, storedAt].map((ms) => new Date(ms).toISOString());
  const sha256tree = formatFingerprint(file.digest).replace("SHA256:", "");
  if (json) {
    const fields = { name, version, size, changed, stored, cksum, sha256tree };
    return printResult(JSON.stringify(fields));
  }
  printResult(
    `${printable(name)}  ${size} bytes  cksum ${cksum}  changed ${changed}  stored ${stored}  ` +
      `version ${version}`,
  );
}
