/**
 * `xfer client remove`.
 *
 * @module
 */
import type { Command } from "commander";
import { ConnectionPool, type ExpandedName, expandName } from "../../../client/mod.ts";
import { RefusedError, type XferError } from "../../../protocol/errors.ts";
import { printable, shellNames } from "../../../protocol/printable.ts";
import { parseNames } from "../../arguments/file_name.ts";
import { exitCodeOfAll } from "../../exit_codes.ts";
import type { Run } from "../../run.ts";
import { example, plural } from "../../text/format.ts";
import { duration } from "../../text/time.ts";
import { changeEach, type FailedName, reportUnchanged } from "./change_each.ts";
import { confirm, confirmDeletion } from "./confirm_deletion.ts";
import type { OptionsOf } from "./connect.ts";
import { type Amounts, countEntries } from "./count_entries.ts";
import { explainMissing } from "./explain_missing.ts";

interface RemoveChoice {
  readonly recursive?: boolean;
  readonly forever?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** A command that undoes a removal is printed up to this length. */
const MAX_UNDO = 500;

export function addRemoveCommand(client: Command, run: Run, optionsOf: OptionsOf): void {
  client.command("remove").alias("rm")
    .description(`Remove files and folders from the server.\n\n${NOTES}`)
    .argument("<name...>", "names on the server, or patterns", parseNames)
    .option("--recursive", "remove folders with everything in them")
    .option("--forever", "also delete all versions; this cannot be undone")
    .option("--dry-run", "only print what would be removed")
    .option("--yes", "do not ask for confirmation")
    .addHelpText("after", HELP)
    .action(async (names: string[], options: RemoveChoice, command: Command) => {
      const { connect, retry } = await optionsOf(command);
      using pool = new ConnectionPool(connect, retry);
      run.finish(await new Removal(run, pool, options).remove(names));
    });
}

const NOTES = `\
Removed files can be restored for a while with 'xfer client restore'. xfer asks before it
removes more than half of your files, and before it deletes anything forever.`;

const HELP = example(
  "xfer client remove docs/old.pdf",
  "xfer client remove 'photos/**/*.tmp' --dry-run",
  "xfer client remove photos --recursive",
);

interface FoundName extends ExpandedName {
  /** The argument that stands for it. */
  readonly given: string;
}

class Removal {
  readonly #run: Run;
  readonly #pool: ConnectionPool;
  readonly #options: Required<RemoveChoice>;
  readonly #failed: FailedName[] = [];

  constructor(run: Run, pool: ConnectionPool, options: RemoveChoice) {
    this.#run = run;
    this.#pool = pool;
    this.#options = { recursive: false, forever: false, dryRun: false, yes: false, ...options };
  }

  /** Returns the exit code. Throws `UsageError` `not-confirmed`. */
  async remove(given: readonly string[]): Promise<number> {
    const { recursive, forever, dryRun, yes } = this.#options;
    const found = await this.#expand(given);
    const names = [...found.keys()];
    if (dryRun) return await this.#print(found);
    if (!yes && forever) await this.#confirmForever(found);
    else if (!yes && (recursive || names.some((name) => !given.includes(name)))) {
      await this.#confirmMany(found);
    }
    const { reporter } = this.#run;
    const removed = new Set<string>();
    const exitCode = await changeEach(reporter, this.#pool, {
      action: "remove",
      names,
      failed: this.#failed,
      change: (client, name) => client.remove(name, { recursive, forever }),
      explain: (name, error) => this.#explain(name, error),
      onChanged: (name, { entries, bytes: size }) => {
        removed.add(found.get(name)?.given ?? name);
        reporter.report({ event: "removed", name, entries, size, forever });
      },
    });
    if (!forever && removed.size > 0) await this.#sayHowToUndo([...removed]);
    return exitCode;
  }

  /** Expands patterns, each name once. Of those that are removed forever, also removed names. */
  async #expand(given: readonly string[]): Promise<Map<string, FoundName>> {
    const { recursive: withFolders, forever } = this.#options;
    const found = new Map<string, FoundName>();
    for (const text of given) {
      const expand = (isRemoved: boolean) =>
        this.#attempt(text, () => expandName(this.#pool, text, { withFolders, isRemoved }));
      const before = this.#failed.length;
      const current = await expand(false) ?? [];
      const removed = forever ? await expand(true) ?? [] : [];
      // A pattern that matches either is not a mistake.
      if (current.length + removed.length > 0) this.#failed.length = before;
      else this.#failed.length = Math.min(this.#failed.length, before + 1);
      for (const entry of [...removed, ...current]) {
        found.set(entry.name, { ...entry, given: text });
      }
    }
    return found;
  }

  /** Runs work for a name and records a refusal. */
  async #attempt<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      this.#failed.push({ name, error: await this.#explain(name, error) });
      return undefined;
    }
  }

  #explain(name: string, error: XferError): Promise<XferError> {
    const ifFolder = "To remove the folder with everything in it, add --recursive.";
    return explainMissing(this.#pool, name, error, { ifFolder });
  }

  /** Asks if this is more than half of the account's entries. */
  async #confirmMany(found: ReadonlyMap<string, FoundName>): Promise<void> {
    let entries = 0;
    for (const entry of found.values()) {
      // A name that does not exist fails when it is removed.
      entries += (await this.#count(entry).catch(unlessRefused))?.entries ?? 0;
    }
    const { entries: total } = await (await this.#pool.connected()).usage();
    await confirmDeletion(this.#run, { entries, total, place: "your account" }, false);
  }

  async #confirmForever(found: ReadonlyMap<string, FoundName>): Promise<void> {
    const [name = ""] = found.keys();
    if (found.size === 0) return;
    const what = found.size === 1 ? name : plural(found.size, "name");
    await confirm(this.#run, `delete ${what} forever, with all versions`, false);
  }

  /** Reports what would be removed. Returns the exit code. */
  async #print(found: ReadonlyMap<string, FoundName>): Promise<number> {
    const { reporter } = this.#run;
    let done = 0;
    for (const [name, entry] of found) {
      const amounts = await this.#attempt(name, () => this.#count(entry));
      if (amounts === undefined) continue;
      done++;
      const { entries, size } = amounts;
      const several = entries === 1 ? {} : { entries };
      reporter.report({
        ...{ event: "would", action: "remove", place: "server", name, size, ...several },
      });
    }
    for (const failed of this.#failed) reportUnchanged(reporter, "remove", failed);
    return exitCodeOfAll(done, this.#failed.map(({ error }) => error));
  }

  /** Counts what a removal of the name removes. Throws the refusal that it would meet. */
  async #count({ name, entry, size = 0 }: ExpandedName): Promise<Amounts> {
    if (entry === "file" || entry === "link") return { entries: 1, size };
    const counted = await countEntries(this.#pool, name);
    if (!counted.isFull || this.#options.recursive) return counted;
    throw new RefusedError("not-empty", `the folder ${printable(name)} is not empty`, {
      hint: "To remove the folder with everything in it, add --recursive.",
    });
  }

  async #sayHowToUndo(removed: readonly string[]): Promise<void> {
    const usage = await (await this.#pool.connected()).usage().catch(unlessRefused);
    if (usage === undefined || usage.historyTime === 0) return;
    const undo = `xfer client restore ${shellNames(...removed)}`;
    this.#run.reporter.remark(() =>
      `The server keeps removed files for up to ${duration(usage.historyTime)}. ` +
      (undo.length <= MAX_UNDO
        ? `To restore them, run '${undo}'.`
        : "To see them, run 'xfer client list --removed'.")
    );
  }
}

function unlessRefused(error: unknown): undefined {
  if (error instanceof RefusedError) return undefined;
  throw error;
}
