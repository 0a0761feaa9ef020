/**
 * Results of `xfer client get`, and its totals.
 *
 * @module
 */
import type { ByteRange, GetOutcome, GetSummary, RemoteFile } from "../../../client/mod.ts";
import { exitCodeOfAll } from "../../exit_codes.ts";
import type { Reporter } from "../../output/reporter.ts";
import { contents } from "../../text/contents.ts";
import { plural } from "../../text/format.ts";

/** The options that results depend on. */
interface Downloads {
  readonly dryRun?: boolean | undefined;
  /** Whether the local folders become mirrors. */
  readonly delete?: boolean | undefined;
  /** The number of skipped entries. */
  readonly skipped: number;
}

/** The bytes downloaded of a file of `size` bytes. */
function gotOf(size: number, range: ByteRange | undefined): number {
  return range === undefined ? size : Math.min(range.to, size) - range.from;
}

/** Reports the result of an entry. */
export function reportDownload(
  reporter: Reporter,
  outcome: GetOutcome,
  choice: { readonly dryRun?: boolean; readonly range?: ByteRange },
): void {
  const { name, target } = outcome;
  switch (outcome.state) {
    case "not-got": {
      const { error, error: { code } } = outcome;
      return reporter.reportFailure(error, { event: "not-got", name, target, code });
    }
    case "not-deleted": {
      const { error, error: { code } } = outcome;
      return reporter.reportFailure(error, { event: "not-deleted", path: target, code });
    }
    case "deleted":
      if (choice.dryRun === true) return reporter.report(would("remove", target));
      return reporter.report({ event: "deleted", path: target });
    case "planned":
      return reporter.report(
        { ...would("download", name), to: target, size: outcome.file.size },
      );
    case "there":
      if (choice.dryRun === true && outcome.isUpdated) {
        return reporter.report(would("update", target));
      }
      return reporter.report({ event: "already-there", name, target, updated: outcome.isUpdated });
    case "got":
      return reportGot(reporter, outcome, choice.range);
  }
}

/** The `would` event of a dry run. */
function would(action: "download" | "update" | "remove", name: string) {
  return { event: "would", action, place: "here", name } as const;
}

type Got = Pick<GetOutcome, "name" | "target"> & { readonly file: RemoteFile };

/** Reports that an entry was downloaded. */
export function reportGot(
  reporter: Reporter,
  { name, target, file }: Got,
  range: ByteRange | undefined,
): void {
  const { entry: kind, size, cksum } = file;
  if (kind === "folder") return reporter.report({ event: "made-folder", name, target });
  const got = range && { from: range.from, bytes: gotOf(size, range) };
  reporter.report({ event: "got", name, target, kind, size, cksum, range: got });
}

/** Counts the results of entries. */
export class DownloadTotals {
  readonly #range: ByteRange | undefined;
  #isIncomplete = false;
  readonly #totals = {
    ...{ done: 0, bytes: 0, links: 0, folders: 0 },
    ...{ unchanged: 0, updated: 0, deleted: 0, failed: 0 },
  };

  constructor(range: ByteRange | undefined) {
    this.#range = range;
  }

  add(outcome: GetOutcome): void {
    const totals = this.#totals;
    if (outcome.state === "not-got") this.#isIncomplete = true;
    if ("error" in outcome) totals.failed++;
    else if (outcome.state === "deleted") totals.deleted++;
    else if (outcome.state === "there") totals[outcome.isUpdated ? "updated" : "unchanged"]++;
    else if (outcome.file.entry === "folder") totals.folders++;
    else {
      totals.done++;
      if (outcome.file.entry === "link") totals.links++;
      else totals.bytes += gotOf(outcome.file.size, this.#range);
    }
  }

  /** Reports the summary; returns the exit code. */
  conclude(
    reporter: Reporter,
    { succeeded, error }: GetSummary,
    { skipped, dryRun = false, delete: isMirror = false }: Downloads,
  ): number {
    const totals = this.#totals;
    if (!dryRun) reporter.report({ event: "summary", action: "get", ...totals, skipped });
    else reporter.remark(({ size }) => previewWords(totals, size));
    if (isMirror && this.#isIncomplete && totals.deleted === 0) {
      reporter.remark(() => "Nothing was deleted here, because not everything was downloaded.");
    }
    return exitCodeOfAll(succeeded, error === undefined ? [] : [error]);
  }
}

type Totals = {
  readonly [
    N in "done" | "bytes" | "links" | "folders" | "unchanged" | "updated" | "deleted" | "failed"
  ]: number;
};

/** The totals of a dry run. */
function previewWords(totals: Totals, size: (bytes: number) => string): string {
  const { done, bytes, links, folders, unchanged, updated, deleted, failed } = totals;
  const files = contents({ files: done - links, links, folders: 0 });
  const parts = [
    ...done === 0 ? [] : [`download ${files}${done === links ? "" : ` (${size(bytes)})`}`],
    ...folders === 0 ? [] : [`create ${plural(folders, "folder")}`],
    ...updated === 0 ? [] : [`update ${updated}`],
    ...deleted === 0 ? [] : [`delete ${plural(deleted, "entry")}`],
  ];
  const others = [
    ...unchanged === 0 ? [] : [`${unchanged} unchanged`],
    ...failed === 0 ? [] : [plural(failed, "failure")],
  ];
  const nothing = failed === 0 ? "Nothing to do" : "Would download nothing";
  const changes = parts.length === 0 ? nothing : `Would ${parts.join(", ")}`;
  return [changes, ...others].join("; ");
}
