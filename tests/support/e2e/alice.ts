/** A client of protocol 4 in a folder of its own, and its server. */
import { xfer } from "../hosted_xfer.ts";
import { type ServedHere, serveHere } from "./served_here.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

export class Alice implements AsyncDisposable {
  /** Creates files with these names, each with its name as its content. */
  static async create(...files: readonly string[]): Promise<Alice> {
    const folder = await TemporaryFolder.createOnDisk();
    const server = await serveHere(folder.join("data"));
    const here = folder.join("Alice");
    await Deno.mkdir(here, { mode: 0o700 });
    await Deno.writeTextFile(`${here}/transfer.info`, `${server.location}\nAlice\n`);
    for (const name of files) await Deno.writeTextFile(`${here}/${name}`, name);
    return new Alice(folder, server, here);
  }

  /** The client's folder. */
  readonly here: string;
  readonly #folder: TemporaryFolder;
  readonly #server: ServedHere;

  private constructor(folder: TemporaryFolder, server: ServedHere, here: string) {
    this.here = here;
    this.#folder = folder;
    this.#server = server;
  }

  /** The server's data folder. */
  get data(): string {
    return this.#folder.join("data");
  }

  /** Runs a command below `xfer client`. */
  readonly run = (...args: readonly string[]) => xfer(["client", ...args], this.here);

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}
