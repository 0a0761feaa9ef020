/** The files that a client has collected to send, in a form that tests compare. */
import type { Failure } from "../../client/events.ts";
import { collectFiles, type CollectOptions } from "../../client/v4/collect_files.ts";
import type { FoundEntry } from "../../client/v4/found_entry.ts";
import type { SkipReason } from "../../client/v4/tree_walk.ts";

export interface Collected {
  readonly entries: readonly FoundEntry[];
  /** Names of folders that were named. */
  readonly folders: readonly string[];
  /** Names of what was skipped. */
  readonly skipped: readonly string[];
  readonly failures: readonly Failure[];
}

/** Collects everything at once. */
export async function collectAll(
  { onSkipped, ...options }: CollectOptions & {
    readonly onSkipped?: (path: string, why: SkipReason) => void;
  },
): Promise<Collected> {
  const collected = await collectFiles(options);
  const [entries, folders, skipped]: [FoundEntry[], string[], string[]] = [[], [], []];
  const failures: Failure[] = [];
  const sections = collected.sections({
    onSkipped(path, name, why) {
      skipped.push(name);
      onSkipped?.(path, why);
    },
    check: () => undefined,
    onFailure: (path, error) => void failures.push({ state: "not-stored", path, error }),
  });
  for (const section of sections) {
    if (section.folder !== undefined) folders.push(section.folder);
    entries.push(...section.entries);
  }
  return { entries, folders, skipped, failures: [...failures, ...collected.failures] };
}

/** The codes of files that cannot be sent, by paths below a folder. */
export function codesOf({ failures }: Collected, root: string): Record<string, string> {
  return Object.fromEntries(
    failures.map(({ path, error }) => [path.slice(root.length), error.code]),
  );
}

/** The names on the server of the files and links to send. */
export const namesOf = ({ entries }: Collected) =>
  entries.filter(({ kind }) => kind !== "folder").map(({ remoteName }) => remoteName);

/** Kind and name of everything to send. */
export const entriesOf = ({ entries }: Collected) =>
  entries.map(({ kind, remoteName }) => `${kind} ${remoteName}`);
