/** docs/exit-codes.md, from the table in cli/exit_codes.ts. */
import { EXIT_CODES } from "../../cli/exit_codes.ts";
import { table } from "./markdown.ts";

export function exitCodesPage(): string {
  return `# Exit codes

\`xfer help exit-codes\` prints this table.

${
    table(
      ["code", "class", "meaning"],
      EXIT_CODES.map((row) => [`${row.code}`, row.class, row.meaning]),
    )
  }

An error is printed on standard error as \`xfer: MESSAGE [CODE]\`, often with a hint on the next line.
The code in brackets, such as \`name-taken\`, never changes; [troubleshooting](troubleshooting.md) says
how to fix each error. If one of several files fails, xfer continues with the others, prints each
error, and ends with a summary. The exit code is 0 if nothing failed, 9 if some files failed and
others succeeded, and that of the first failure if none succeeded. A failure that ends the command,
such as a lost network, has its own exit code.

An argument that is not UTF-8 ends the command with code 101 before xfer starts
([how to fix it](troubleshooting.md#an-argument-that-is-not-utf-8)).
`;
}
