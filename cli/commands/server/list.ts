/**
 * `xfer server list`.
 *
 * @module
 */
import type { Command } from "commander";
import { toHex } from "../../../protocol/bytes.ts";
import { type StoredVisitor, visitStored } from "../../../server/mod.ts";
import type { Reporter } from "../../output/reporter.ts";
import type { Run } from "../../run.ts";
import { example } from "../../text/format.ts";
import { ListTotals } from "../../text/list_totals.ts";
import { isoTime } from "../../text/time.ts";
import { addLocation, locationOf } from "./store_location.ts";

/** Adds the command below `server`. */
export function addListCommand(server: Command, run: Run): void {
  const list = server.command("list").alias("ls")
    .description("List accounts and their files.")
    .argument("[user]", "list only the account with this user name");
  addLocation(list)
    .addHelpText(
      "after",
      example(
        "xfer server list --data /srv/xfer",
        "xfer server list Alice --backup /mnt/backup",
      ),
    )
    .action(async (user: string | undefined, _: unknown, command: Command) => {
      const totals = new ListTotals();
      const visitor = reportTo(run.reporter, totals);
      await visitStored(await locationOf(command), visitor, { user });
      run.reporter.remark((show) => totals.words(show));
    });
}

function reportTo(reporter: Reporter, totals: ListTotals): StoredVisitor {
  let user = "";
  return {
    client({ id, name, hasKey, firstSeen, lastSeen, storedProfile: { edition } }, counts) {
      user = name;
      totals.add({ accounts: 1, ...counts });
      reporter.report({
        ...{ event: "client", name, id: toHex(id), edition, hasKey, ...counts },
        ...{ firstSeen: isoTime(firstSeen), lastSeen: isoTime(lastSeen) },
      });
    },
    file({ name, size, crc: cksum, storedAt, verified, content: { id: path }, ...file }) {
      const { version = 1, current = true, kind = "file", damage } = file;
      totals.add({ bytes: size });
      reporter.report({
        ...{ event: "client-file", user, name, size, cksum },
        ...{ stored: isoTime(storedAt), verified, path, version, current, kind, damage },
      });
    },
  };
}
