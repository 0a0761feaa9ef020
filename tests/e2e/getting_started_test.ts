/** The commands of docs/getting-started.md, run in the order of the page, print what the page says. */
import assert from "node:assert/strict";
import { fencesIn } from "../support/markdown.ts";
import { writeLauncher } from "../support/processes.ts";
import { TemporaryFolder } from "../support/temporary_folder.ts";
import { tiedCommand } from "../support/tied_processes.ts";

const PAGE = new URL("../../docs/getting-started.md", import.meta.url);

/** The page's values for things that differ on each machine. */
const FINGERPRINT = "SHA256:zgjYg8ywgX/xhXKbmEq4i63Jvt+XgLfBO0w6nGYalBU";
const ADDRESS = "127.0.0.1:1256";
const PUBLIC_ADDRESS = "files.example.org:1256";
const TOKEN = "mfzwizltoq2gk3tumuytgnbvgy";

/** Settings for `xfer server`. The page names none, and every setting can come from the environment. */
const PUBLIC_ENV = { XFER_LISTEN: "127.0.0.1:0" };

interface Block {
  /** The terminal in which it is typed. */
  readonly terminal: string;
  readonly commands: string;
  /** The output on the page, if it has one. */
  readonly printed: string | undefined;
}

/** Commands are in blocks `sh TERMINAL`, their output in a block `text` after it. */
function blocksOf(page: string): Block[] {
  const fences = fencesIn(page);
  return fences.flatMap(({ info, text }, i) => {
    const [language, terminal] = info.split(" ");
    if (language !== "sh") return [];
    if (terminal === undefined) throw new Error(`In which terminal is this typed?\n${text}`);
    const next = fences[i + 1];
    return [{ terminal, commands: text, printed: next?.info === "text" ? next.text : undefined }];
  });
}

/** Terminals. Each keeps its current folder between commands. */
class Terminals {
  readonly #home: TemporaryFolder;
  readonly #folders = new Map<string, string>();

  private constructor(home: TemporaryFolder) {
    this.#home = home;
  }

  static async create(home: TemporaryFolder): Promise<Terminals> {
    await writeLauncher(home.join("bin"));
    return new Terminals(home);
  }

  /** Both streams as one, like on a terminal. */
  start(terminal: string, commands: string, env: Record<string, string> = {}): Deno.ChildProcess {
    return tiedCommand("sh", {
      args: ["-euc", `exec 2>&1\n${commands}`],
      cwd: this.#folders.get(terminal) ?? this.#home.path,
      env: {
        ...{ NO_COLOR: "1", HOME: this.#home.path },
        PATH: `${this.#home.join("bin")}:${Deno.env.get("PATH")}`,
        ...env,
      },
      ...{ stdin: "null", stdout: "piped", stderr: "inherit" },
    }).spawn();
  }

  /** Runs commands to their end. Throws if one of them fails. */
  async run(terminal: string, commands: string): Promise<string> {
    const where = this.#home.join("where");
    const child = this.start(terminal, `${commands}\npwd > '${where}'\n`);
    const [{ success }, printed] = await Promise.all([
      child.status,
      new Response(child.stdout).text(),
    ]);
    assert.ok(success, `${commands}\nprints\n${printed}`);
    this.#folders.set(terminal, (await Deno.readTextFile(where)).trim());
    return printed;
  }
}

/** A server in the foreground of its terminal. */
class ForegroundServer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  #listening = Promise.withResolvers<void>();
  printed = "";

  constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#reading = this.#read();
  }

  /** Resolves to the log line with the link for `transfer.info`. */
  async location(): Promise<{ readonly address: string; readonly fingerprint: string }> {
    await this.#listening.promise;
    const match = /transfer\.info: xfer:\/\/[^\s#]*:(\d+)#(SHA256:[^\s,]+)/.exec(this.printed);
    return { address: `127.0.0.1:${match?.[1]}`, fingerprint: match?.[2] ?? "" };
  }

  /** Like Ctrl-C. */
  async stop(): Promise<number> {
    this.#process.kill("SIGINT");
    await this.#reading;
    return (await this.#process.status).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // It has already ended.
    }
    await Promise.all([this.#reading, this.#process.status]);
  }

  async #read(): Promise<void> {
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      this.printed += text;
      if (/transfer\.info: .*\n/.test(this.printed)) this.#listening.resolve();
    }
    this.#listening.reject(new Error(`It ended:\n${this.printed}`));
    this.#listening.promise.catch(() => undefined);
  }
}

/** Lines without values that differ between runs, and sorted: the order of two files sent at once varies. */
function comparable(printed: string, home: string): string[] {
  return printed.trimEnd().split("\n").map((line) =>
    line.replaceAll(home, "/home/alice")
      .replaceAll(/SHA256:[A-Za-z0-9+/]{43}/g, "SHA256:…")
      .replaceAll(/\b[0-9a-f]{32}\b/g, "ID").replaceAll(/\b[a-z2-7]{26}\b/g, "TOKEN")
      .replaceAll(/\b(127\.0\.0\.1|files\.example\.org):\d+/g, "HOST:PORT")
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
  ).sort();
}

Deno.test({
  name: "getting started: every command of the page prints what the page says",
  ignore: Deno.build.os === "windows",
  async fn(t) {
    await using home = await TemporaryFolder.createOnDisk();
    const terminals = await Terminals.create(home);
    await using stack = new AsyncDisposableStack();
    const servers: ForegroundServer[] = [];
    let swaps: readonly (readonly [string, string])[] = [[ADDRESS, "127.0.0.1:0"]];
    const swapped = (text: string) =>
      swaps.reduce((text, [from, to]) => text.replaceAll(from, to), text);
    const blocks = blocksOf(await Deno.readTextFile(PAGE));
    assert.ok(blocks.length > 10, "the page has blocks");
    for (const { terminal, commands, printed } of blocks) {
      await t.step(`${terminal}: ${commands.trim().split("\n").at(-1)}`, async () => {
        const typed = swapped(commands);
        let found: string;
        if (/^xfer server( --listen .*)?$/m.test(commands)) {
          const foreground = typed.replace(/^xfer server/m, "exec $&");
          const server = stack.use(
            new ForegroundServer(terminals.start(terminal, foreground, PUBLIC_ENV)),
          );
          servers.push(server);
          const { address, fingerprint } = await server.location();
          const shown = servers.length === 1 ? ADDRESS : PUBLIC_ADDRESS;
          swaps = [
            [`${shown}#${FINGERPRINT}`, `${address}#${fingerprint}`],
            ...swaps.filter(([from]) => from !== shown),
            [shown, address],
          ];
          found = server.printed;
        } else found = await terminals.run(terminal, typed);
        const token = /^[a-z2-7]{26}$/m.exec(found)?.[0];
        if (token !== undefined) swaps = [...swaps, [TOKEN, token]];
        if (printed === undefined) return;
        assert.deepEqual(comparable(found, home.path), comparable(printed, home.path));
      });
    }
    await t.step("servers: Ctrl-C", async () => {
      for (const server of servers) assert.equal(await server.stop(), 0);
      assert.equal(servers.length, 2);
    });
  },
});
