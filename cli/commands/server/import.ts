/**
 * `xfer server import`.
 *
 * @module
 */
import type { Command } from "commander";
import { readTime } from "../../../client/mod.ts";
import { InterruptedError, type XferError } from "../../../protocol/errors.ts";
import { fromPrintable } from "../../../protocol/printable.ts";
import { importFiles, type ImportOutcome } from "../../../server/mod.ts";
import { configurationOf } from "../../configuration/options.ts";
import { locationIn, toRules } from "../../configuration/server_options.ts";
import { exitCodeOfAll } from "../../exit_codes.ts";
import type { Run } from "../../run.ts";
import { example, plural } from "../../text/format.ts";
import { reportAction } from "./report_action.ts";

/** Adds the command below `server`. */
export function addImportCommand(server: Command, run: Run): void {
  server.command("import")
    .description(`Import local files and folders into an account.\n\n${NOTES}`)
    .argument("<user>", "user name of the account; must exist")
    .argument("<path...>", "files and folders to import")
    .option(
      "--as <name>",
      "name on the server for the file or folder; takes a single path",
      fromPrintable,
    )
    .addHelpText("after", HELP)
    .action(async (user: string, paths: string[], { as }: { as?: string }, command: Command) => {
      const { settings } = await configurationOf(command);
      const report = new ImportReport(run, user);
      const data = locationIn(settings);
      const { signal } = run;
      try {
        await importFiles({
          ...{
            dataFolder: data,
            userName: user,
            paths,
            as,
            signal,
            readTime,
          },
          limits: toRules(settings).limits,
          onOutcome: (outcome) => report.add(outcome),
          onSkipped: (path, why) => report.skip(path, why),
        });
      } catch (error) {
        if (error instanceof InterruptedError) report.end();
        throw error;
      } finally {
        const { changes } = report;
        const subject = plural(changes, "entry");
        if (changes > 0) {
          await reportAction({ run, command, data }, { action: "files-imported", user, subject });
        }
      }
      run.finish(report.end());
    });
}

const NOTES = `\
The server can keep running. Files are stored as if the user had uploaded them, within the quota of
the account and the limits of --config, with permissions and times. Links are stored as links. Files
that are already stored are skipped.`;

const HELP = example(
  "xfer server import Alice photos --data /srv/xfer",
  "xfer server import Alice /srv/old/report.pdf --as docs/report.pdf",
);

/** Reports the entries of an import, and counts them. */
class ImportReport {
  readonly #run: Run;
  readonly #user: string;
  readonly #failures: XferError[] = [];
  #done = 0;
  #bytes = 0;
  #links = 0;
  #folders = 0;
  #updated = 0;
  #unchanged = 0;
  #skipped = 0;

  constructor(run: Run, user: string) {
    this.#run = run;
    this.#user = user;
  }

  add(outcome: ImportOutcome): void {
    const { reporter } = this.#run;
    const { path } = outcome;
    if ("error" in outcome) {
      const { error } = outcome;
      this.#failures.push(error);
      const { code } = error;
      return reporter.reportFailure(error, {
        event: "not-stored",
        path,
        state: "not-stored",
        code,
      });
    }
    const { state, name, kind, size, cksum } = outcome;
    if (state !== "stored") {
      const updated = state === "metadata";
      if (updated) this.#updated++;
      else this.#unchanged++;
      return reporter.report({ event: "unchanged", name, path, updated });
    }
    if (kind === "folder") this.#folders++;
    else {
      this.#done++;
      if (kind === "link") this.#links++;
      else this.#bytes += size;
    }
    reporter.report({ event: "imported", name, path, kind, size, cksum, user: this.#user });
  }

  /** The number of entries that were stored or updated. */
  get changes(): number {
    return this.#done + this.#folders + this.#updated;
  }

  skip(path: string, why: string): void {
    this.#skipped++;
    this.#run.reporter.report({ event: "passed", path, why });
  }

  /** Reports the totals; returns the exit code. */
  end(): number {
    const [done, folders, updated] = [this.#done, this.#folders, this.#updated];
    const failures = this.#failures;
    const [bytes, unchanged, skipped] = [this.#bytes, this.#unchanged, this.#skipped];
    const links = this.#links;
    const counts = {
      ...{ done, bytes, links, unchanged, skipped },
      ...(folders === 0 ? {} : { folders }),
      ...(updated === 0 ? {} : { updated }),
    };
    this.#run.reporter.report({
      ...{ event: "summary", action: "import", ...counts, failed: failures.length },
    });
    return exitCodeOfAll(this.changes + unchanged, failures);
  }
}
