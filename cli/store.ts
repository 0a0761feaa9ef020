/**
 * What an operator does with files in a data folder: `xfer server list`, `verify`, `backup` and the like.
 *
 * @module
 */
import type { Command } from "commander";
import { printable, toHex } from "../protocol/mod.ts";
import {
  backup,
  type ClientWithFiles,
  type CopyReport,
  exportFile,
  type Finding,
  listStored,
  restore,
  type Verified,
  verify,
} from "../server/mod.ts";
import { DAMAGED, SUCCESS } from "./exit_codes.ts";
import { printResult } from "./output.ts";
import { parseVersion } from "./quantities.ts";
import { dataOf, example, plural, time } from "./words.ts";

/** Adds the commands below `server`; `finish` takes the exit code. */
export function addStoreCommands(server: Command, finish: (exitCode: number) => void): void {
  server.command("list")
    .description("Print the clients and their files.")
    .addHelpText("after", example("xfer server list --data /srv/xfer"))
    .action(async (_: unknown, command: Command) => {
      for (const client of await listStored(dataOf(command))) showClient(client);
      finish(SUCCESS);
    });
  server.command("export")
    .description("Write a stored file out, after a check that it is as it was stored.")
    .argument("<user>", "the name of the client")
    .argument("<name>", "the name of the file")
    .argument("<file>", "where to write it; must not exist")
    .option("--version <number>", "one that was replaced and is kept: see list", parseVersion)
    .addHelpText(
      "after",
      example("xfer server export Alice a.pdf ./a-of-alice.pdf --data /srv/xfer"),
    )
    .action(async (userName: string, fileName: string, target: string, _: unknown, c: Command) => {
      const dataFolder = dataOf(c);
      const { version } = c.opts<{ version?: number }>();
      const file = await exportFile({ dataFolder, userName, fileName, target, version });
      printResult(
        `Wrote ${printable(target)} (${file.size} bytes, cksum ${file.crc}): ` +
          `${printable(file.name)} of ${userName}`,
      );
      finish(SUCCESS);
    });
  server.command("verify")
    .description("Read every stored file again and compare it with the catalog.")
    .option("--repair", "move what is wrong to quarantine/; the server must not run meanwhile")
    .addHelpText(
      "after",
      example("xfer server verify --data /srv/xfer", "xfer server verify --repair"),
    )
    .action(async ({ repair = false }: { repair?: boolean }, command: Command) => {
      const { findings, catalogFaults } = await verify({
        dataFolder: dataOf(command),
        repair,
        onFinding: showFinding,
      });
      for (const fault of catalogFaults) printResult(`catalog: ${printable(fault)}`);
      const count = findings + catalogFaults.length;
      printResult(count === 0 ? "All is as it was stored" : `Found ${plural(count, "difference")}`);
      finish(count === 0 ? SUCCESS : DAMAGED);
    });
  server.command("backup")
    .description("Copy catalog and files, as they are at one moment, while the server goes on.")
    .argument("<dir>", "where to; a folder that is new or empty")
    .addHelpText("after", example("xfer server backup /mnt/backup/monday --data /srv/xfer"))
    .action(async (target: string, _: unknown, command: Command) =>
      finish(showCopy(await backup(dataOf(command), target), target))
    );
  server.command("restore")
    .description("Make a data folder, new or empty, from a backup.")
    .argument("<dir>", "the backup")
    .addHelpText("after", example("xfer server restore /mnt/backup/monday --data /srv/xfer"))
    .action(async (source: string, _: unknown, command: Command) => {
      const data = dataOf(command);
      finish(showCopy(await restore(source, data), data));
    });
}

const WHAT: {
  readonly [K in Finding["kind"]]: (finding: Extract<Finding, { kind: K }>) => string;
} = {
  missing: ({ file }) => `missing  ${printable(file.path)}  ${printable(file.name)}`,
  changed: ({ file, what }) => `changed  ${printable(file.path)}  ${printable(file.name)}: ${what}`,
  stray: ({ path }) => `stray  ${printable(path)}`,
};

function showFinding({ finding, movedTo }: Verified): void {
  const what = (WHAT[finding.kind] as (finding: Finding) => string)(finding);
  printResult(movedTo === undefined ? what : `${what}  moved to ${movedTo}`);
}

function showCopy({ files, bytes, damaged }: CopyReport, target: string): number {
  for (const { path, name } of damaged) {
    printResult(`left out, not as it was stored  ${printable(path)}  ${printable(name)}`);
  }
  printResult(`Copied ${plural(files, "file")}, ${bytes} bytes, to ${printable(target)}`);
  return damaged.length === 0 ? SUCCESS : DAMAGED;
}

function showClient(
  { id, name, publicKey, firstSeen, lastSeen, speech, files }: ClientWithFiles,
): void {
  const key = publicKey === undefined ? ", no key yet" : "";
  printResult(
    `${printable(name)}  id ${toHex(id)}  edition ${speech.edition}  first seen ${
      time(firstSeen)
    }  last seen ${time(lastSeen)}${key}`,
  );
  const widths = { name: 0, size: 0, crc: 0 };
  const rows = files.map((file) => ({
    name: printable(file.name),
    size: `${file.size} bytes`,
    crc: `cksum ${file.crc}`,
    rest: `${time(file.storedAt)}  ${file.verified ? "verified" : "not verified"}  ${file.path}` +
      (file.current === false ? `  old version ${file.version}` : ""),
  }));
  for (const row of rows) {
    for (const column of ["name", "size", "crc"] as const) {
      widths[column] = Math.max(widths[column], row[column].length);
    }
  }
  for (const { name, size, crc, rest } of rows) {
    const columns = [
      name.padEnd(widths.name),
      size.padStart(widths.size),
      crc.padEnd(widths.crc),
      rest,
    ];
    printResult(`  ${columns.join("  ")}`);
  }
}
