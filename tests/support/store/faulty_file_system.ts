/** A file system and a database whose calls are numbered, and fail as planned. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { OpenCatalog } from "../../../server/data_folder/data_folder.ts";
import type { FileSystem } from "../../../server/fs/file_system.ts";
import { openInThisThread } from "./catalogs.ts";

/** The errors of a machine, in the words of Deno and of node:sqlite. */
const ERRORS = {
  ENOSPC: ["No space left on device (os error 28)", "database or disk is full", 13],
  EIO: ["Input/output error (os error 5)", "disk I/O error", 10],
  EMFILE: ["Too many open files (os error 24)", "unable to open database file", 14],
} as const;

export type ErrorName = keyof typeof ERRORS;
export const ERROR_NAMES = Object.keys(ERRORS) as ErrorName[];

export type Fault =
  /** The process ends like in a power cut, except for the kernel's buffers. */
  | { readonly type: "kill"; readonly when: "before" | "after" }
  /** The call throws: without being done, or although it was. */
  | { readonly type: "fail"; readonly error: ErrorName; readonly when: "before" | "after" }
  /** A write takes only half of its bytes. */
  | { readonly type: "short" };

export interface Call {
  /** The number of the call, from 1. */
  readonly number: number;
  readonly operation: string;
  /** A path, or SQL. */
  readonly target: string;
  readonly on: "files" | "database";
}

export type Plan = (call: Call) => Fault | undefined;

/** Closing reports no failure, and SQLite's rollback only discards memory. */
const NEVER_FAILS: readonly string[] = ["close", "ROLLBACK", "ROLLBACK TO part; RELEASE part"];

export class FaultySystem {
  /** The number of calls so far. */
  calls = 0;
  /** The number of failed calls. */
  faults = 0;
  plan: Plan = () => undefined;

  readonly openCatalog: OpenCatalog = (path) =>
    openInThisThread(path, (path) => this.#openDatabase(path));

  readonly fileSystem: FileSystem = {
    open: (path, options) =>
      this.#file(
        "open",
        path,
        async () => this.#watchFile(await Deno.open(path, options), `${path}`),
      ),
    mkdir: (path, options) => this.#file("mkdir", path, () => Deno.mkdir(path, options)),
    rename: (from, to) => this.#file("rename", to, () => Deno.rename(from, to)),
    remove: (path, options) => this.#file("remove", path, () => Deno.remove(path, options)),
    lstat: (path) => this.#file("lstat", path, () => Deno.lstat(path)),
    readDir: (path) => this.#now("files", "readDir", `${path}`, () => Deno.readDir(path)),
  };

  #watchFile(file: Deno.FsFile, path: string): Deno.FsFile {
    const close = () => this.#now("files", "close", path, () => file.close());
    const watched: Partial<Deno.FsFile> = {
      read: (buffer) => this.#file("read", path, () => file.read(buffer)),
      write: (bytes) =>
        this.#file(
          "write",
          path,
          (short) => file.write(short ? bytes.subarray(0, Math.ceil(bytes.length / 2)) : bytes),
        ),
      seek: (offset, from) => this.#file("seek", path, () => file.seek(offset, from)),
      truncate: (size) => this.#file("truncate", path, () => file.truncate(size)),
      sync: () => this.#file("sync", path, () => file.sync()),
      syncData: () => this.#file("syncData", path, () => file.syncData()),
      close,
      [Symbol.dispose]: close,
    };
    return overlay(file, watched);
  }

  #openDatabase(path: string): DatabaseSync {
    const watch = <T>(operation: string, sql: string, work: () => T) =>
      this.#now("database", operation, sql, work);
    const database = watch("open", path, () => new DatabaseSync(path));
    return overlay(database, {
      exec: (sql) => watch("exec", sql, () => database.exec(sql)),
      close: () => watch("close", path, () => database.close()),
      prepare: (sql) => {
        const statement = watch("prepare", sql, () => database.prepare(sql));
        const watched = (["run", "all", "get"] as const).map((name) => [
          name,
          (...values: Parameters<StatementSync["run"]>) =>
            watch(name, sql, () => statement[name](...values)),
        ]);
        return overlay(statement, Object.fromEntries(watched));
      },
    });
  }

  async #file<T>(operation: string, path: string | URL, work: (short: boolean) => Promise<T>) {
    let short = false;
    const end = this.#begin("files", operation, `${path}`, () => short = true);
    try {
      return await work(short);
    } finally {
      end();
    }
  }

  #now<T>(on: Call["on"], operation: string, target: string, work: () => T): T {
    const end = this.#begin(on, operation, target);
    try {
      return work();
    } finally {
      end();
    }
  }

  /** Numbers a call and applies the plan to it. Returns how to complete the call. */
  #begin(on: Call["on"], operation: string, target: string, shorten = () => {}): () => void {
    const fault = this.plan({ number: ++this.calls, operation, target, on });
    if (fault === undefined) return () => {};
    if (fault.type === "short") {
      if (operation === "write") this.faults++;
      shorten();
      return () => {};
    }
    const happen = () => {
      if (fault.type === "kill") Deno.kill(Deno.pid, "SIGKILL");
      if (NEVER_FAILS.includes(operation) || NEVER_FAILS.includes(target)) return;
      this.faults++;
      if (fault.type === "fail") throw errorOf(on, fault.error);
    };
    if (fault.when === "before") happen();
    return fault.when === "after" ? happen : () => {};
  }
}

function errorOf(on: Call["on"], name: ErrorName): Error {
  const [ofFiles, ofDatabase, errcode] = ERRORS[name];
  return on === "files"
    ? Object.assign(new Error(ofFiles), { code: name })
    : Object.assign(new Error(ofDatabase), {
      code: "ERR_SQLITE_ERROR",
      errcode,
      errstr: ofDatabase,
    });
}

/** `target` with some of its members replaced. */
function overlay<T extends object>(target: T, replaced: Partial<T>): T {
  return new Proxy(target, {
    get(target, name) {
      if (Object.hasOwn(replaced, name)) return Reflect.get(replaced, name);
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
