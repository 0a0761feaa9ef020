/** A server, its data and folders of clients, in which the story is played in one form. */
import { commandsOf, makeProgram } from "../../cli/program.ts";
import { Run } from "../../cli/run.ts";
import { pathOf } from "../../cli/arguments/usage_error.ts";
import { CATALOG } from "../../protocol/server_files.ts";
import { SqliteCatalog } from "../../server/catalog/sqlite/sqlite_catalog.ts";
import { ServerProcess } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { type Command, type FormName, FORMS, Hosts, type Printed } from "./forms.ts";
import { Names } from "./names.ts";

/** A moment before any run. */
const CHANGED = new Date("2024-05-06T07:08:09Z");

/** The data folder, relative to the operator's folder. */
const DATA = "data";

/** The length of the path of every world, so that xfer wraps lines at the same words. */
const PATH_LENGTH = 64;

/** A folder in `parent` whose path has that length, if the parent's is not longer. */
async function folderOfFixedLength(parent: string): Promise<string> {
  const path = `${parent}/`.padEnd(PATH_LENGTH, "-");
  await Deno.mkdir(path, { recursive: true });
  return path.replace(/\/$/, "");
}

export interface Step {
  /** The command line, with names in it. */
  readonly title: string;
  /** The names of the command, such as `client put`. */
  readonly command: string;
  readonly printed: Printed;
}

/** The parts of a step that are not its command line. */
export interface StepOptions extends Pick<Command, "answers" | "stopAt"> {
  /** The maximum number of lines on the page, and of characters per line. */
  readonly show?: number;
}

export class SnapshotWorld implements AsyncDisposable {
  readonly steps: Step[] = [];
  readonly form: FormName;
  readonly server: ServerProcess;
  /** The xfer:// line of the server, for line 1 of transfer.info. */
  readonly location: string;
  readonly #folder: TemporaryFolder;
  readonly #path: string;
  readonly #names: Names;
  readonly #hosts = new Hosts();
  readonly #commands: ReadonlySet<string>;

  private constructor(
    form: FormName,
    folder: TemporaryFolder,
    path: string,
    names: Names,
    server: ServerProcess,
    location: string,
    commands: ReadonlySet<string>,
  ) {
    this.form = form;
    this.#folder = folder;
    this.#path = path;
    this.server = server;
    this.location = location;
    this.#names = names;
    this.#commands = commands;
  }

  static async create(form: FormName): Promise<SnapshotWorld> {
    const folder = await TemporaryFolder.createOnDisk();
    const args = ["--listen", "127.0.0.1:0", "--inline-size", "0"];
    const path = await folderOfFixedLength(folder.path);
    // The server's start is a moment of the run.
    const names = new Names(path);
    const server = await ServerProcess.start(`${path}/${DATA}`, { args });
    const { location } = await server.logged("server.listening-securely");
    await Deno.mkdir(`${path}/operator`);
    return new SnapshotWorld(
      form,
      folder,
      path,
      names,
      server,
      `${location}`,
      new Set(await allCommands()),
    );
  }

  /** HOST:PORT. */
  get address(): string {
    return `127.0.0.1:${this.server.port}`;
  }

  join(...names: string[]): string {
    return [this.#path, ...names.filter((name) => name !== "")].join("/");
  }

  /** Creates a client's folder, with a `transfer.info` if its lines are given, and files. */
  async prepare(
    client: string,
    info: readonly string[] | undefined,
    files: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await Deno.mkdir(this.join(client), { recursive: true, mode: 0o700 });
    if (info !== undefined) {
      await Deno.writeTextFile(this.join(client, "transfer.info"), `${info.join("\n")}\n`);
    }
    for (const [name, content] of Object.entries(files)) {
      await this.write(`${client}/${name}`, content);
    }
  }

  /** Writes a file with an mtime that is the same in every run. */
  async write(name: string, content: string): Promise<void> {
    const path = this.join(name);
    await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(path, content);
    await Deno.utime(path, CHANGED, CHANGED);
  }

  /** Runs a command in a folder, and records its output. Returns all of it, without names. */
  async run(
    where: string,
    args: readonly string[],
    { show, ...beside }: StepOptions = {},
  ): Promise<string> {
    const cwd = this.join(where);
    const printed = await FORMS[this.form].run(
      { args, cwd, hosts: this.#hosts, ...beside },
      this.#names,
    );
    const title = this.#names.in(["xfer", ...args].map(quoted).join(" "));
    const shown = show === undefined ? printed.shown : shortened(printed.shown, show);
    this.steps.push({ title, command: this.#commandIn(args), printed: { ...printed, shown } });
    return printed.raw;
  }

  /** Runs `xfer server …` on the data. */
  operate(line: string): Promise<string> {
    return this.run("", ["server", ...wordsOf(line), "--data", DATA]);
  }

  /** Queues an event for a receiver, which the server does not have. */
  async queueEvent(delivery: string): Promise<void> {
    await using catalog = SqliteCatalog.open(this.join(DATA, CATALOG));
    const [type, data] = ["file.stored", { user: "Alice", file: "photos/sea.jpg" }];
    const body = JSON.stringify({ type, timestamp: CHANGED.toISOString(), data });
    await catalog.hooks.add([{ delivery, type, body, accountId: undefined, lane: undefined }]);
  }

  /** Changes the stored file with this content. */
  async damage(content: string): Promise<void> {
    for (const path of filesIn(this.join(DATA, "files"))) {
      if (await Deno.readTextFile(path) === content) await Deno.writeTextFile(path, "damaged");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hosts[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }

  /** The longest command with which a command line begins. */
  #commandIn(args: readonly string[]): string {
    for (let count = args.length; count > 0; count--) {
      const name = args.slice(0, count).join(" ");
      if (this.#commands.has(name)) return name;
    }
    return "";
  }
}

/** The words of a line without quotes. */
export function wordsOf(line: string): string[] {
  return line === "" ? [] : line.split(" ");
}

/** Every command of the tree, such as `client put`; `""` for the program itself. */
export async function allCommands(): Promise<string[]> {
  const tree = await makeProgram(new Run());
  return [...commandsOf(tree)].map((command) => pathOf(command).replace(/^xfer ?/, ""));
}

function* filesIn(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* filesIn(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}

function shortened(lines: readonly string[], count: number): string[] {
  const first = lines.slice(0, count).map((line) =>
    line.length > 100 ? `${line.slice(0, 99)}…` : line
  );
  return lines.length > count ? [...first, "  …"] : first;
}

function quoted(word: string): string {
  return /^[\w./:=,@#+-]+$/.test(word) ? word : `'${word}'`;
}
