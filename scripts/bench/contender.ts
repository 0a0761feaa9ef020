/** The interface of a program that moves files in a comparison. */

/** A contender with its server running, ready to move files. */
export interface Ready extends AsyncDisposable {
  /** The server's process, if it is not the one that moves files. */
  readonly serverPid: number | undefined;
  /** The folder that its commands run in. */
  readonly cwd: string;
  /** The command that uploads files, or a folder with its contents if the contender can. */
  put(paths: readonly string[]): readonly string[];
  /** The command that downloads a file. */
  get?(name: string, target: string): readonly string[];
  /** The path of an uploaded file. */
  find(name: string): Promise<string>;
}

export interface Contender {
  /** Requirements: programs, or a program and an option that not every version has. */
  readonly needs: readonly string[];
  /** Creates keys and starts the server in `folder`, which is empty. */
  prepare(folder: string): Promise<Ready>;
}
