/**
 * What a server, its operator and a few clients do, told in the order in which they do it: every command is in it, and
 * what people most often do wrong.
 */
import { ServerProcess, writeTransferInfo } from "../helpers/processes.ts";
import { TemporaryFolder } from "../helpers/temporary.ts";

/** Something that is run, and what it is run with. */
export interface Step {
  /** In whose folder. */
  readonly who: Who;
  readonly args: readonly string[];
  /** What is typed on a terminal when something is shown; without a terminal `otherwise` is run. */
  readonly answers?: readonly (readonly [shown: RegExp, keys: string])[];
  readonly otherwise?: readonly string[];
  /** It goes on until it is stopped, when something was shown. */
  readonly stopAfter?: RegExp;
}

export type Who = "Alice" | "laptop" | "Bob" | "operator";

/** Runs a step, and returns all that it has printed. */
export type Run = (step: Step, cwd: string) => Promise<string>;

/** When the files were changed that are stored. */
const CHANGED = new Date("2026-01-02T03:04:05Z");
/** Where nobody listens. */
const NOWHERE = "127.0.0.1:1";

export class Story implements AsyncDisposable {
  readonly folder: TemporaryFolder;
  readonly #server: ServerProcess;
  readonly #run: Run;

  private constructor(folder: TemporaryFolder, server: ServerProcess, run: Run) {
    this.folder = folder;
    this.#server = server;
    this.#run = run;
  }

  static async begin(run: Run): Promise<Story> {
    const folder = await TemporaryFolder.create();
    for (const who of ["Alice", "laptop", "Bob", "operator"] as const) {
      const path = folder.join(who);
      await Deno.mkdir(`${path}/photos/2026`, { recursive: true, mode: 0o700 });
      await Deno.mkdir(`${path}/photos/empty`);
      await write(`${path}/report.txt`, "All is well.\n");
      await write(`${path}/cat.jpg`, "meow");
      await write(`${path}/photos/2026/Nürnberg.jpg`, "x".repeat(3000));
    }
    const args = ["--listen", "127.0.0.1:0", "--versions", "2", "--inline-size", "0"];
    const server = await ServerProcess.start(folder.join("data"), { args });
    return new Story(folder, server, run);
  }

  /** Ports of the server, and what they are called. */
  get ports(): ReadonlyMap<number, string> {
    const secure = this.#server.log.find(({ event }) => event === "server.listening-securely");
    return new Map([[this.#server.port, "⟨port⟩"], [Number(secure?.["port"]), "⟨TLS port⟩"]]);
  }

  async tell(): Promise<void> {
    await this.#mistakes();
    await this.#alice();
    await this.#others();
    await this.#operator();
    await this.#serve();
  }

  async #mistakes(): Promise<void> {
    for (
      const args of [
        ["--version"],
        ["--help"],
        ["clint"],
        ["client", "put", "--exlude", "x", "photos"],
        ["client", "get"],
        ["client"],
        ["server", "list", "--data", "nowhere"],
        ["help", "exit-codes"],
        ["help", "client", "rename"],
      ]
    ) await this.#say("Alice", args);
  }

  async #alice(): Promise<void> {
    const server = `127.0.0.1:${this.#server.port}`;
    await this.#say("Alice", ["client", "init"], {
      answers: [
        [/The server, HOST:PORT/, `${server}\r`],
        [/Your name there/, "Alice\r"],
        [/The file to store/, "report.txt\r"],
        [/Trust it/, "y\r"],
      ],
      otherwise: [
        ...["client", "init", "--server", server, "--name", "Alice", "--file", "report.txt"],
        "--accept-new",
      ],
    });
    const client = (...args: string[]) => this.#say("Alice", ["client", ...args]);
    await client("status");
    await client();
    await client("put", "photos");
    await client("put", "cat.jpg");
    await client("put", "photos", "report.txt");
    await client("put", "report.txt", "missing.txt");
    await client("put", "report.txt", "--as", "notes", "--quiet");
    await client("list");
    await client("list", "photos/2026");
    await client("stat", "cat.jpg");
    await write(this.folder.join("Alice", "report.txt"), "All is better.\n");
    await client("get", "report.txt");
    await client("put", "report.txt");
    await client("versions", "report.txt");
    await client("get", "report.txt", "--version", "2", "-o", "old.txt");
    await client("get", "report.txt", "--version", "1", "-o", "older.txt");
    await client("get", "report.txt");
    await client("get", "photos", "--recursive", "-o", "back");
    await client("get", "photos");
    await client("rename", "notes", "photos/notes");
    await client("rename", "report.txt", "photos/notes");
    await client("remove", "photos/notes", "none");
    await client("status");
    await client("list", "--verbose");
  }

  async #others(): Promise<void> {
    const info = await Deno.readTextFile(this.folder.join("Alice", "transfer.info"));
    await Deno.writeTextFile(this.folder.join("laptop", "transfer.info"), info);
    const [token = ""] = /\b[a-z2-7]{26}\b/.exec(await this.#say("Alice", ["client", "link"])) ??
      [];
    await this.#say("laptop", ["client", "link", token]);
    await this.#say("laptop", ["client", "link", token]);
    await writeTransferInfo(this.folder.join("Bob"), {
      ...{ port: this.#server.port, userName: "Bob", file: "report.txt" },
    });
    const bob = (...args: string[]) => this.#say("Bob", ["client", ...args]);
    await bob("--protocol", "3");
    await this.#say("Bob", ["client", "put", "cat.jpg", "--protocol", "4"], {
      answers: [[/Trust it/, "n\r"]],
    });
    await bob("put", "cat.jpg", "--protocol", "4", "--accept-new");
    await bob("forget", `127.0.0.1:${this.#server.port}`);
    await bob("forget", `127.0.0.1:${this.#server.port}`);
    await Deno.writeTextFile(this.folder.join("Bob", "no.info"), `${NOWHERE}\nBob\nreport.txt\n`);
    await bob("--retries", "0", "--transfer-info", "no.info", "--protocol", "3");
  }

  async #operator(): Promise<void> {
    const data = this.folder.join("data");
    const operate = (...args: string[]) =>
      this.#say("operator", ["server", ...args, "--data", data]);
    await operate("list");
    await operate("users", "list");
    await operate("export", "Bob", "report.txt", "report-of-bob.txt");
    await operate("export", "Bob", "none", "x");
    await operate("users", "disable", "Bob");
    await operate("users", "enable", "Bob");
    await operate("users", "rename", "Bob", "Bobby");
    await operate("users", "set-quota", "Bobby", "--bytes", "1GB", "--files", "none");
    const keys = await operate("users", "keys", "Alice");
    const [fingerprint = ""] = /SHA256:[A-Za-z0-9+/]{43}/.exec(keys) ?? [];
    await operate("users", "keys", "Alice", "--remove", fingerprint);
    await operate("users", "link", "Bobby");
    await this.#say("operator", ["server", "users", "remove", "Bobby", "--data", data], {
      answers: [[/\?/, "n\r"]],
    });
    await operate("users", "remove", "Bobby", "--yes");
    await operate("users", "remove", "Bobby", "--yes");
    await operate("invite", "--uses", "3", "--expires", "2d");
    await operate("invite", "list");
    await operate("invite", "revoke", "--all");
    await operate("verify");
    await operate("backup", "../backup");
    await this.#say("operator", ["server", "restore", "../backup", "--data", "../restored"]);
    await operate("restore", "../backup");
    const listed = await this.#say("operator", [...LIST, data]);
    const [path = ""] = /files\/[0-9a-f]{32}\/[0-9a-f]{32}/.exec(listed) ?? [];
    await Deno.writeTextFile(`${data}/${path}`, "damaged");
    await operate("verify");
    await Deno.writeTextFile(this.folder.join("operator", "server.toml"), 'qouta = "10GB"\n');
    await operate("config", "--config", "server.toml");
    await Deno.writeTextFile(this.folder.join("operator", "server.toml"), 'quota = "10GB"\n');
    await operate("config", "--config", "server.toml");
  }

  async #serve(): Promise<void> {
    const args = ["server", "--listen", "127.0.0.1:0", "--data", "data"];
    await this.#say("operator", args, { stopAfter: /Listening[^]*Listening/ });
  }

  #say(who: Who, args: readonly string[], more: Partial<Step> = {}): Promise<string> {
    return this.#run({ who, args, ...more }, this.folder.join(who));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

/** One client alone, so that the first path is always that of the same file. */
const LIST: readonly string[] = ["server", "list", "--data"];

async function write(path: string, content: string): Promise<void> {
  await Deno.writeTextFile(path, content);
  await Deno.utime(path, CHANGED, CHANGED);
}
