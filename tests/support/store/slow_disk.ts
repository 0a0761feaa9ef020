/** A disk that the test can stop, and which knows the open files. */
import type { FileSystem } from "../../../server/fs/file_system.ts";

type Operation = "open" | "write" | "sync" | "remove";

export class SlowDisk {
  /** The number of open files. */
  open = 0;
  #operation: Operation | undefined;
  #isDone = false;
  #reached = Promise.withResolvers<void>();
  #released = Promise.withResolvers<void>();

  readonly fileSystem: FileSystem = {
    ...Deno,
    open: async (path, options) => {
      const file = await this.#slowly("open", () => Deno.open(path, options));
      this.open++;
      return this.#watch(file);
    },
    remove: (path, options) => this.#slowly("remove", () => Deno.remove(path, options)),
  };

  /** Makes each such operation wait from now on: before it is done, or, with `after`, afterwards. */
  hold(operation: Operation, when: "before" | "after" = "before"): void {
    this.#operation = operation;
    this.#isDone = when === "after";
    this.#reached = Promise.withResolvers();
    this.#released = Promise.withResolvers();
  }

  /** Resolves when one waits. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  /** Releases all of them, including future ones. */
  release(): void {
    this.#operation = undefined;
    this.#released.resolve();
  }

  #watch(file: Deno.FsFile): Deno.FsFile {
    let isOpen = true;
    const close = () => {
      if (isOpen) this.open--;
      isOpen = false;
      file.close();
    };
    const replaced: Partial<Deno.FsFile> = {
      write: (bytes) => this.#slowly("write", () => file.write(bytes)),
      sync: () => this.#slowly("sync", () => file.sync()),
      close,
      [Symbol.dispose]: close,
    };
    return new Proxy(file, {
      get(target, name) {
        if (Object.hasOwn(replaced, name)) return Reflect.get(replaced, name);
        const value = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  async #slowly<T>(operation: Operation, work: () => Promise<T>): Promise<T> {
    if (operation !== this.#operation) return await work();
    const wait = () => {
      this.#reached.resolve();
      return this.#released.promise;
    };
    if (!this.#isDone) await wait();
    try {
      return await work();
    } finally {
      if (this.#isDone) await wait();
    }
  }
}
