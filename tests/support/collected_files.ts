/** What a client has collected to send, as tests compare it. */
import type { CollectedFiles } from "../../client/v4/collect_files.ts";

/** The codes of what can't be sent, by paths below a folder. */
export function codesOf({ failures }: CollectedFiles, root: string): Record<string, string> {
  return Object.fromEntries(
    failures.map(({ path, error }) => [path.slice(root.length), error.code]),
  );
}

/** The names on the server of what is sent. */
export const namesOf = ({ uploads }: CollectedFiles) => uploads.map(({ name }) => name);
