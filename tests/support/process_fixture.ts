/** A folder for one end-to-end test: a server's data, and folders for clients. */
import { type ServedHere, serveHere, type Serving } from "./e2e/served_here.ts";
import { xfer } from "./hosted_xfer.ts";
import { ServerProcess, writeTransferInfo } from "./processes.ts";
import type { Finished } from "./processes.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

export class ProcessFixture<S extends Serving = ServerProcess> implements AsyncDisposable {
  readonly folder: TemporaryFolder;
  server: S;

  private constructor(folder: TemporaryFolder, server: S) {
    this.folder = folder;
    this.server = server;
  }

  static async create(): Promise<ProcessFixture> {
    const folder = await TemporaryFolder.createOnDisk();
    return new ProcessFixture(folder, await ServerProcess.start(folder.join("data")));
  }

  /** With a server in this process, for tests that only need one. */
  static async servedHere(): Promise<ProcessFixture<ServedHere>> {
    const folder = await TemporaryFolder.createOnDisk();
    return new ProcessFixture(folder, await serveHere(folder.join("data")));
  }

  get data(): string {
    return this.folder.join("data");
  }

  /** Stops the server and starts it again on the same data. */
  async restart(
    this: ProcessFixture<ServerProcess>,
    signal: Deno.Signal = "SIGTERM",
  ): Promise<void> {
    await this.server.stop(signal);
    this.server = await ServerProcess.start(this.data);
  }

  /** Writes files and a `transfer.info` that names the first of them into a client's folder. */
  async prepare(
    client: string,
    files: Readonly<Record<string, string | Uint8Array>>,
    { port = this.server.port, userName = "Alice" } = {},
  ): Promise<string> {
    const folder = this.folder.join(client);
    await Deno.mkdir(folder, { recursive: true });
    for (const [name, content] of Object.entries(files)) {
      await this.folder.write(`${client}/${name}`, content);
    }
    await writeTransferInfo(folder, { port, userName, file: Object.keys(files)[0] ?? "" });
    return folder;
  }

  /** Exports a stored file and returns its bytes. */
  async exported(userName: string, name: string): Promise<Uint8Array> {
    const target = this.folder.join(`export-${crypto.randomUUID()}`);
    const { code, stderr } = await this.operate("export", userName, name, target);
    if (code !== 0) throw new Error(stderr);
    return await Deno.readFile(target);
  }

  operate(...args: readonly string[]): Promise<Finished> {
    return xfer(["server", ...args, "--data", this.data]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}
