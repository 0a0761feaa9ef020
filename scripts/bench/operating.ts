/** What an operator's page, metrics and events cost: the time of the same clients with servers that have them, in turns. */
import { adminLink } from "../../server/admin/admin_links.ts";
import { ServerProcess } from "../../tests/support/processes.ts";
import { TemporaryFolder } from "../../tests/support/temporary_folder.ts";
import { driveAt, SERVED } from "./crowds.ts";
import { median } from "./figures.ts";

/** Clients that store files at the same time, and the bytes of each file. */
const [CLIENTS, SIZE] = [50, 4096];

/** The medians of the rounds. */
export interface OperatingCost {
  readonly what: string;
  readonly seconds: number;
  /** With the sign-ins, CPU seconds. */
  readonly serverCpu: number;
}

export interface Operating {
  readonly clients: number;
  /** Files of each client in a round. */
  readonly files: number;
  readonly rounds: number;
  /** The first is the server alone. */
  readonly costs: readonly OperatingCost[];
}

/** A server, and what happens around it while its clients work. */
interface Attended {
  readonly what: string;
  readonly server: ServerProcess;
  /** Begins it. It ends when the result is disposed of. */
  readonly attend: () => Promise<AsyncDisposable>;
}

const NOTHING: AsyncDisposable = { [Symbol.asyncDispose]: () => Promise.resolve() };

export async function operating(rounds: number, files: number): Promise<Operating> {
  await using folder = await TemporaryFolder.createOnDisk();
  await using stack = new AsyncDisposableStack();
  const start = async (name: string, args: readonly string[] = []) =>
    stack.use(await ServerProcess.start(folder.join(name), { args: [...SERVED, ...args] }));
  const receiver = stack.use(new CountingReceiver());
  const secret = await folder.write("secret", `whsec_${btoa("x".repeat(32))}`);
  const hooks = ["--hook-url", receiver.url, "--hook-secret-file", secret];
  const watched = await start("watched", ["--admin-listen", "127.0.0.1:0"]);
  const contenders: readonly Attended[] = [
    { what: "alone", server: await start("alone"), attend: () => Promise.resolve(NOTHING) },
    {
      what: "with the page open, and metrics read each second",
      ...{ server: watched, attend: () => look(watched, folder.join("watched")) },
    },
    {
      what: "with each stored file sent to a receiver of events",
      server: await start("hooked", hooks),
      attend: () => receiver.expect(CLIENTS * (1 + files)),
    },
  ];
  const seconds = contenders.map((): number[] => []);
  const cpu = contenders.map((): number[] => []);
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const at = (round + turn) % contenders.length;
      const { server, attend } = contenders[at] as Attended;
      await using _attending = await attend();
      const more = [`${files}`, `Round${round}User`];
      const crowd = await driveAt(server, "small", CLIENTS, SIZE, more);
      if (round === 0) continue;
      seconds[at]?.push(crowd.seconds);
      cpu[at]?.push(crowd.serverCpu);
    }
  }
  return {
    ...{ clients: CLIENTS, files, rounds },
    costs: contenders.map(({ what }, at) => ({
      ...{ what, seconds: median(seconds[at] ?? []), serverCpu: median(cpu[at] ?? []) },
    })),
  };
}

/** An operator looks at the page, and a Prometheus reads the metrics, from a process of their own. */
async function look(server: ServerProcess, dataFolder: string): Promise<AsyncDisposable> {
  const { port } = await server.logged("server.listening-for-operator");
  const link = await adminLink({ dataFolder }, Date.now());
  const { searchParams } = new URL(link);
  const looker = new URL("./operator_browser.ts", import.meta.url).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", looker, `${port}`, searchParams.get("token") ?? ""],
    ...{ stdin: "null", stdout: "piped" },
  }).spawn();
  // It says that the page is open.
  const { done } = await process.stdout.getReader().read();
  if (done) throw new Error("the page cannot be opened");
  return {
    async [Symbol.asyncDispose]() {
      process.kill("SIGKILL");
      await process.status;
    },
  };
}

/** A receiver of events. */
class CountingReceiver implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #expected = 0;
  #received = 0;
  #change = Promise.withResolvers<void>();

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => undefined },
      async (request) => {
        await request.arrayBuffer();
        this.#received++;
        this.#change.resolve();
        this.#change = Promise.withResolvers();
        return new Response(null, { status: 204 });
      },
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** Resolves at once. To dispose of the result waits for this number of events, so that none disturbs the next server. */
  expect(count: number): Promise<AsyncDisposable> {
    this.#expected += count;
    return Promise.resolve({
      [Symbol.asyncDispose]: async () => {
        while (this.#received < this.#expected) await this.#change.promise;
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
