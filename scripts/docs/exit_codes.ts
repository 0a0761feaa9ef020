/** docs/exit-codes.md, of the table in cli/exit_codes.ts. */
import { EXIT_CODES } from "../../cli/exit_codes.ts";
import { table } from "./markdown.ts";

export function exitCodesPage(): string {
  return `# Exit codes

\`xfer help exit-codes\` prints this table.

${
    table(
      ["code", "class", "what it means"],
      EXIT_CODES.map((row) => [`${row.code}`, row.class, row.meaning]),
    )
  }

An error is printed on standard error as \`xfer: MESSAGE [CODE]\`, with what to do about it on the
next line. The code in brackets, such as \`name-taken\`, is stable;
[troubleshooting](troubleshooting.md) says of each what to do. What can't be done with one of several
files does not hold up the others: each failure is printed, the last line counts what was stored,
skipped and failed. The exit code is 0 if nothing failed, 9 if some files failed and others are done, and that of the first failure if none is done. A failure that ends the command, such as of the network, has its own code.

An argument that is not UTF-8 ends the command with code 101 before xfer has begun
([what to do](troubleshooting.md#an-argument-that-is-not-utf-8)).
`;
}
