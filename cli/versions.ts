/**
 * Files on the server as `xfer client` prints them, and their versions.
 *
 * @module
 */
import type { Command } from "commander";
import { type RemoteFile, SecureClient } from "../client/mod.ts";
import { formatFingerprint } from "../protocol/mod.ts";
import type { Reporter } from "./reporter.ts";
import type { Run } from "./run.ts";
import type { OptionsOf } from "./secure.ts";
import { example, isoTime } from "./words.ts";

/** Adds `versions`; `options` are those of a connection. */
export function addVersionsCommand(client: Command, run: Run, optionsOf: OptionsOf): void {
  client.command("versions")
    .description("Print what the server keeps under a name, newest first (protocol 4).")
    .argument("<name>", "the name of the file on the server")
    .addHelpText("after", example("xfer client versions report.pdf") + HOW_MANY)
    .action(async (name: string, _: unknown, command: Command) => {
      using connection = await SecureClient.connect(await optionsOf(command));
      await connection.versions(name, (file) => reportFile(run.reporter, file));
    });
}

const HOW_MANY = `

How many are kept the server's operator decides.
To get one back: xfer client get NAME --version NUMBER.`;

export function reportFile(reporter: Reporter, file: RemoteFile): void {
  const { name, version, size, mtime, storedAt, cksum, digest } = file;
  reporter.report({
    ...{ event: "file", name, version, size },
    ...{ changed: isoTime(mtime), stored: isoTime(storedAt), cksum },
    sha256tree: formatFingerprint(digest).replace("SHA256:", ""),
  });
}
