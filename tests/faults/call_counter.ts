/** Counts the calls of a thread to file system and network, and kills the process before one of them. */

type Methods = Record<string, (...args: unknown[]) => unknown>;

/** Functions of the C library that change what a later process finds. Others change only attributes of new files. */
const OF_LIBRARY = ["write", "pwrite", "unlink", "syncfs", "renameat2", "utimensat"];
/** Opens files that are written. Libraries without these functions open files to read them. */
const WRITES = ["write", "pwrite"];

export class CallCounter {
  readonly #at: number;
  #calls: number;

  /** `at`: the number of the call, from 1; 0 for none. `calls`: the number of calls so far. */
  constructor(at: number, calls = 0) {
    this.#at = at;
    this.#calls = calls;
  }

  get calls(): number {
    return this.#calls;
  }

  /** Counts the calls of some of an object's functions. `seen` is called with each result, `before` before each call. */
  count(
    object: object,
    names: readonly string[],
    seen?: (result: unknown) => void,
    before: () => Promise<void> | undefined = () => undefined,
  ): void {
    const methods = object as Methods;
    for (const name of names) {
      const original = methods[name];
      if (original === undefined) throw new TypeError(`no function ${name}`);
      methods[name] = (...args) => {
        this.#next();
        const waiting = before();
        const result = waiting === undefined
          ? original.apply(object, args)
          : waiting.then(() => original.apply(object, args));
        if (seen !== undefined && result instanceof Promise) result.then(seen, () => undefined);
        return result;
      };
    }
  }

  /** Counts the calls of this thread's modules to the C library. They must be loaded afterwards. */
  countLibrary(): void {
    const { dlopen } = Deno;
    const counting = (path: string, calls: Deno.ForeignLibraryInterface) => {
      const library = dlopen(path, calls);
      const symbols = { ...library.symbols } as unknown as Methods;
      const isWriting = WRITES.some((name) => name in symbols);
      const names = [...OF_LIBRARY, ...isWriting ? ["open"] : []].filter((name) => name in symbols);
      this.count(symbols, names);
      return { symbols, close: () => library.close() };
    };
    Object.assign(Deno, { dlopen: counting });
  }

  #next(): void {
    if (++this.#calls === this.#at) Deno.kill(Deno.pid, "SIGKILL");
  }
}
