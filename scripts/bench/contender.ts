/** What a program is that moves files in a comparison. */

/** A contender with its server running, ready to move files. */
export interface Ready extends AsyncDisposable {
  /** The process of the server, if it is another than the one that moves files. */
  readonly serverPid: number | undefined;
  /** The folder that its commands run in. */
  readonly cwd: string;
  /** The command that stores files, or a folder with all that is in it where the contender can. */
  put(paths: readonly string[]): readonly string[];
  /** The command that gets a file back. */
  get?(name: string, target: string): readonly string[];
  /** Where a file is that was stored. */
  find(name: string): Promise<string>;
}

export interface Contender {
  /** What it takes, beside xfer itself: programs, or a program and an option that not every version has. */
  readonly needs: readonly string[];
  /** Makes its keys, starts its server; `folder` is empty and its own. */
  prepare(folder: string): Promise<Ready>;
}
