/**
 * `xfer client put` over protocol 4.
 *
 * @module
 */
import {
  clientFolder,
  type DiscoveredServer,
  hasV4Account,
  previewPut,
  putFiles,
  type PutOptions,
  type PutOutcome,
  type PutPreview,
  putStream,
} from "../../../client/mod.ts";
import { formatAddress } from "../../../protocol/address.ts";
import { exitCodeOfAll, SUCCESS } from "../../exit_codes.ts";
import { showProgress } from "../../progress/mod.ts";
import { plural } from "../../text/format.ts";
import { STANDARD_INPUT } from "../../../protocol/standard_input.ts";
import { confirmDeletion } from "./confirm_deletion.ts";
import { v4Options } from "./connect.ts";
import type { Put } from "./put_options.ts";
import { PutTotals } from "./put_summary.ts";
import { transferOptions } from "./transfer_options.ts";

/** An upload, and its connection. */
interface V4Put extends Put {
  /** HOST:PORT. */
  readonly server: string;
  readonly connection: Pick<PutOptions, "connect" | "transfer" | "exclude">;
}

/** Uploads files, folders and links, or standard input; returns the exit code. */
export async function putByProtocol4(
  put: Put,
  byProtocol3: "possible" | "impossible",
  found: DiscoveredServer | undefined,
): Promise<number> {
  const { run, info, options, files } = put;
  const connect = await v4Options(info, options, run, byProtocol3);
  const connection = await transferOptions(connect, options, found);
  const work = { ...put, server: formatAddress(info.server), connection };
  if (files.includes(STANDARD_INPUT)) return await putStandardInput(work);
  return options.dryRun === true ? await preview(work) : await putPaths(work);
}

async function putPaths(work: V4Put): Promise<number> {
  const { run, run: { reporter }, options } = work;
  using _progress = showProgress(reporter, "put");
  const skipped = new SkippedCounter(work);
  const mirror: PutOptions["mirror"] = options.delete !== true ? undefined : {
    confirm: ({ folder, entries: { length: entries }, total }) => {
      const place = `${folder} on the server`;
      return confirmDeletion(run, { entries, total, place }, options.yes ?? false);
    },
    onNotRemoved: (entries) => reporter.report({ event: "nothing-removed", entries }),
  };
  const totals = new PutTotals();
  await putFiles({
    ...optionsOf(work),
    ...{ mirror, onSkipped: skipped.add },
    onOutcome(outcome) {
      totals.add(outcome);
      reportOutcome(work, outcome);
    },
  });
  return totals.report(reporter, skipped.count);
}

async function putStandardInput(work: V4Put): Promise<number> {
  const { run: { reporter }, options: { as: name = "", dryRun }, connection } = work;
  if (dryRun === true) {
    reporter.report({ ...would("upload", STANDARD_INPUT), to: name });
    return SUCCESS;
  }
  using _progress = showProgress(reporter, "put");
  const stored = await putStream({
    ...{ ...connection, name, path: STANDARD_INPUT },
    read: (buffer) => Deno.stdin.read(buffer),
  });
  reportOutcome(work, stored);
  return SUCCESS;
}

/** Prints what would happen; returns the exit code. */
async function preview(work: V4Put): Promise<number> {
  const { run: { reporter }, options } = work;
  const hasAccount = await hasV4Account(clientFolder(options.transferInfo));
  const skipped = new SkippedCounter(work);
  const plan = await previewPut({
    ...optionsOf(work),
    ...{ hasAccount, onSkipped: skipped.add, mirror: options.delete === true ? {} : undefined },
    onEntry({ action, file: { path, size }, name, kind }) {
      if (action === "unchanged") {
        return reporter.report({ event: "unchanged", name, path, updated: false });
      }
      if (action === "update") return reporter.report({ ...would("update", path), to: name });
      const amount = kind === "folder" ? {} : { size };
      reporter.report({ ...would("upload", path), to: name, ...amount });
    },
  });
  for (const { entries } of plan.removals) {
    for (const { name } of entries) reporter.report(would("remove", name));
  }
  for (const failure of plan.failures) reportOutcome(work, failure);
  reporter.remark(({ size }) => totalsOf(plan, skipped.count, size));
  if (!hasAccount) {
    reporter.remark(() => "You have no account there yet. The first upload registers one.");
  }
  const { store, update, unchanged } = plan.counts;
  return exitCodeOfAll(store + update + unchanged, plan.failures.map(({ error }) => error));
}

function totalsOf(
  { counts: { store, update, unchanged }, bytes, removals, failures }: PutPreview,
  skipped: number,
  size: (bytes: number) => string,
): string {
  const removed = removals.reduce((sum, { entries }) => sum + entries.length, 0);
  const parts = [
    `upload ${store === 1 ? "1 entry" : `${store} entries`} (${size(bytes)})`,
    ...update === 0 ? [] : [`update ${update}`],
    ...removed === 0 ? [] : [`remove ${removed}`],
  ];
  const others = [
    ...unchanged === 0 ? [] : [`${unchanged} unchanged`],
    ...skipped === 0 ? [] : [`${skipped} skipped`],
    ...failures.length === 0 ? [] : [`${plural(failures.length, "failure")}`],
  ];
  return [`Would ${parts.join(", ")}`, ...others].join("; ");
}

function optionsOf({ options, files, keepsPaths, followsNamed, connection }: V4Put): PutOptions {
  const { as, links, permissions, times, checksum } = options;
  return {
    ...{ ...connection, paths: files, as, keepsPaths, followsNamed },
    ...{ links, permissions, times, checksum },
  };
}

function would(action: "upload" | "update" | "remove", name: string) {
  return { event: "would", action, place: "server", name } as const;
}

/** Reports and counts what is skipped. */
class SkippedCounter {
  count = 0;
  readonly add: NonNullable<PutOptions["onSkipped"]>;

  constructor({ run: { reporter } }: V4Put) {
    this.add = (path, why) => {
      this.count++;
      reporter.report({ event: "passed", path, why });
    };
  }
}

function reportOutcome(
  { run: { reporter }, info: { userName: user }, server, record }: V4Put,
  outcome: PutOutcome,
): void {
  switch (outcome.state) {
    case "stored": {
      const { name, kind, version, crc: cksum, file: { path, size }, replacedOther } = outcome;
      if (kind === "folder") reporter.report({ event: "stored-folder", name, path });
      else {
        if (kind === "file") record.add({ name, size, cksum });
        reporter.report({
          ...{ event: "stored", name, path, kind, size, cksum, version, user, server },
        });
      }
      if (replacedOther === undefined) return;
      return reporter.report({ event: "replaced-other", name, version: replacedOther });
    }
    case "unchanged":
    case "updated": {
      const { name, state, file: { path } } = outcome;
      return reporter.report({ event: "unchanged", name, path, updated: state === "updated" });
    }
    case "removed":
      return reporter.report({ event: "removed", name: outcome.name, forever: false });
    case "not-removed": {
      const { name, state, error, error: { code } } = outcome;
      return reporter.reportFailure(error, { event: "not-removed", name, state, code });
    }
    default: {
      const { path, state, error, error: { code } } = outcome;
      return reporter.reportFailure(error, { event: "not-stored", path, state, code });
    }
  }
}
