/**
 * `xfer client list`.
 *
 * @module
 */
import { type Command, Option } from "commander";
import {
  Bound,
  compareNames,
  ConnectionPool,
  DamagedFiles,
  listEntries,
  type RemoteFile,
} from "../../../client/mod.ts";
import { fromPrintable } from "../../../protocol/printable.ts";
import type { Reporter } from "../../output/reporter.ts";
import type { Run } from "../../run.ts";
import { EntryTotals } from "../../text/contents.ts";
import { example } from "../../text/format.ts";
import type { OptionsOf } from "./connect.ts";
import { entryEvent } from "./entry_event.ts";
import { explainMissing } from "./explain_missing.ts";

type Order = (a: RemoteFile, b: RemoteFile) => number;

const byName: Order = (a, b) => compareNames(a.name, b.name);

const ORDERS = {
  name: byName,
  size: (a, b) => b.size - a.size || byName(a, b),
  time: (a, b) => Number(b.mtime > a.mtime) - Number(b.mtime < a.mtime) || byName(a, b),
} as const satisfies Readonly<Record<string, Order>>;

/** The most entries that are sorted, because they are all in memory: about a kilobyte each. */
const MAX_SORTED = 1_000_000;

interface ListChoice {
  readonly recursive?: boolean;
  readonly long?: boolean;
  readonly sort: keyof typeof ORDERS;
  readonly reverse?: boolean;
  readonly removed?: boolean;
  readonly print0?: boolean;
}

export function addListCommand(client: Command, run: Run, optionsOf: OptionsOf): void {
  client.command("list").alias("ls")
    .description(`List your files and folders on the server.\n\n${NOTES}`)
    .argument(
      "[name]",
      "name of a folder or file, or a pattern (default: everything)",
      fromPrintable,
    )
    .option("--recursive", "list everything in folders, too")
    .option("--long", "also print permissions and version")
    .addOption(
      new Option("--sort <order>", "name, size (largest first) or time (newest first)")
        .choices(Object.keys(ORDERS)).default("name"),
    )
    .option("--reverse", "reverse the order")
    .option("--removed", "list removed files that can be restored, in all folders")
    .addOption(
      new Option("--print0", "print only names, each followed by NUL").conflicts("long"),
    )
    .addHelpText("after", HELP)
    .action(async (name = "", options: ListChoice, command: Command) => {
      const { connect, retry } = await optionsOf(command);
      using pool = new ConnectionPool(connect, retry);
      const listing = new ListReport(run.reporter, options);
      const { recursive: isRecursive, removed: isRemoved } = options;
      await listing.report(() => listEntries(pool, name, { isRecursive, isRemoved }, listing))
        .catch(async (error) => {
          throw await explainMissing(pool, name, error);
        });
    });
}

const NOTES = `\
Invisible characters are printed as \\u{…}. All commands take names in that form, too, in quotes, as
in xfer client get 'a\\u{200b}b.txt'.`;

const HELP = example(
  "xfer client list",
  "xfer client list photos --long --sort size",
  "xfer client list 'photos/**/*.jpg'",
);

/** Reports entries as they come, or sorted at the end. */
class ListReport {
  readonly #reporter: Reporter;
  readonly #options: ListChoice;
  readonly #damaged = new DamagedFiles();
  readonly #totals = new EntryTotals();
  readonly #sorting: RemoteFile[] = [];
  readonly #bound = new Bound(MAX_SORTED, "entries, which is too many to sort");
  #listed = 0;

  constructor(reporter: Reporter, options: ListChoice) {
    this.#reporter = reporter;
    this.#options = options;
    if (options.long === true) reporter.useLongLines();
  }

  readonly take = (file: RemoteFile): void => {
    if (!this.#isSorted) return this.#print(file);
    this.#bound.add();
    this.#sorting.push(file);
  };

  readonly takeDamaged = (file: Pick<RemoteFile, "name" | "version">): void => {
    const { name, version } = file;
    this.#damaged.add(file);
    this.#totals.add({ kind: "file", size: 0 });
    this.#listed++;
    if (this.#options.print0 === true) this.#reporter.printName(name);
    else this.#reporter.report({ event: "file-damaged", name, version });
  };

  /**
   * Runs `list` and reports the total, or that the list is incomplete. Throws `DamagedError` at the end if files are
   * damaged.
   */
  async report(list: () => Promise<void>): Promise<void> {
    try {
      await list();
    } catch (error) {
      const listed = this.#listed;
      if (listed > 0) this.#reporter.report({ event: "list-incomplete", listed });
      throw error;
    }
    const { sort, reverse = false } = this.#options;
    this.#sorting.sort(ORDERS[sort]);
    if (reverse) this.#sorting.reverse();
    for (const file of this.#sorting) this.#print(file);
    const none = this.#options.removed === true ? "No removed entries" : undefined;
    this.#reporter.remark((show) => this.#totals.words(show, none));
    this.#damaged.throwIfAny();
  }

  /** The server lists by name. */
  get #isSorted(): boolean {
    const { sort, reverse = false } = this.#options;
    return sort !== "name" || reverse;
  }

  #print(file: RemoteFile): void {
    this.#listed++;
    this.#totals.add({ kind: file.entry, size: file.size });
    if (this.#options.print0 === true) this.#reporter.printName(file.name);
    else this.#reporter.report({ event: "file", ...entryEvent(file) });
  }
}
