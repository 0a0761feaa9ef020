/** The files that a client has collected to send, in a form that tests compare. */
import type { CollectedFiles } from "../../client/v4/collect_files.ts";

/** The codes of files that cannot be sent, by paths below a folder. */
export function codesOf({ failures }: CollectedFiles, root: string): Record<string, string> {
  return Object.fromEntries(
    failures.map(({ path, error }) => [path.slice(root.length), error.code]),
  );
}

/** The names on the server of the files and links to send. */
export const namesOf = ({ uploads }: CollectedFiles) =>
  uploads.filter(({ file }) => file.kind !== "folder").map(({ name }) => name);

/** Kind and name of everything to send. */
export const entriesOf = ({ uploads }: CollectedFiles) =>
  uploads.map(({ file, name }) => `${file.kind} ${name}`);
