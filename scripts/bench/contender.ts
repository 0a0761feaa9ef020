/** The interface of a program that moves files in a comparison. */

/** A contender with its server running, ready to move files. */
export interface Ready extends AsyncDisposable {
  /** The server's process, if it is not the one that moves files. */
  readonly serverPid: number | undefined;
  /** Those of more servers that share the work. */
  readonly otherServerPids?: readonly number[];
  /** The folder that its commands run in. */
  readonly cwd: string;
  /** The command that uploads files, or a folder with its contents if the contender can. */
  put(paths: readonly string[]): readonly string[];
  /** The command that downloads a file, or a folder with its contents, to a path that does not exist. */
  get?(name: string, target: string): readonly string[];
  /** The path of an uploaded file. Without it, copies are not compared. */
  find?(name: string): Promise<string>;
}

export interface PrepareOptions {
  /** The round trip between the ends; without it, they are on one machine. */
  readonly roundTripMs?: number | undefined;
}

export interface Contender {
  /**
   * Requirements: programs, a program and an option that not every version has, or an environment variable (`$NAME`).
   */
  readonly needs: readonly string[];
  /** Creates keys and starts the server in `folder`, which is empty. */
  prepare(folder: string, options: PrepareOptions): Promise<Ready>;
}

/** The same contender, which makes everything durable after it has moved it, as xfer does. */
export function thenSync({ needs, prepare }: Contender): Contender {
  return {
    needs: [...needs, "sync"],
    async prepare(folder, options) {
      const ready = await prepare(folder, options);
      const { put, get } = ready;
      return {
        ...ready,
        put: (paths) => andSync(put(paths), folder),
        ...(get && {
          get: (name: string, target: string) => andSync(get(name, target), target),
        }),
        [Symbol.asyncDispose]: () => ready[Symbol.asyncDispose](),
      };
    },
  };
}

/** The command, then one that syncs a file, or the file system of a folder. */
function andSync(command: readonly string[], path: string): readonly string[] {
  const script =
    'path=$1; shift; "$@" && if test -d "$path"; then sync -f "$path"; else sync "$path"; fi';
  return ["sh", "-c", script, "sh", path, ...command];
}
