/** A release for packaging/install.sh, with an executable that behaves like xfer as far as the tests need. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { filesIn, writeChecksums } from "../../../scripts/release/report.ts";
import { hostTarget } from "../../../scripts/release/targets.ts";
import { TemporaryFolder } from "../temporary_folder.ts";
import { type Ran, runTool } from "../tools.ts";

export const SCRIPT = fileURLToPath(new URL("../../../packaging/install.sh", import.meta.url));
export const NAME = hostTarget()?.file ?? "";
export const SOUND = '#!/bin/sh\n[ "$1" = completions ] && echo "for $2" || echo "1.2.3"\n';
/** The other files of the release, and their targets. */
export const EXTRAS: Readonly<Record<string, string>> = {
  "man/man1/xfer.1": "the page of xfer",
  "man/man1/xfer-client.1": "the page of xfer client",
  "bash-completion/completions/xfer": "for bash\n",
  "zsh/site-functions/_xfer": "for zsh\n",
  "fish/vendor_completions.d/xfer.fish": "for fish\n",
};
/** A release and a place to install it to. */
export class Place implements AsyncDisposable {
  readonly folder: TemporaryFolder;

  private constructor(folder: TemporaryFolder) {
    this.folder = folder;
  }

  static async create(executable = SOUND): Promise<Place> {
    const place = new Place(await TemporaryFolder.createOnDisk());
    await Deno.mkdir(place.folder.join("release", "man"), { recursive: true });
    for (const [path, content] of Object.entries(EXTRAS)) {
      const page = path.replace("man/man1/", "release/man/");
      if (page !== path) await place.folder.write(page, content);
    }
    await place.folder.write(`release/${NAME}`, executable);
    await writeChecksums(place.folder.join("release"));
    return place;
  }

  get prefix(): string {
    return this.folder.join("prefix");
  }

  get installed(): string {
    return this.folder.join("prefix", "bin", "xfer");
  }

  install(args: readonly string[] = [], env: Record<string, string> = {}): Promise<Ran> {
    const from = ["--from", this.folder.join("release"), "--prefix", this.prefix];
    return runTool("/bin/sh", [SCRIPT, ...from, ...args], { env });
  }

  /** The files in the folder for executables. `undefined` without such a folder. */
  async contents(): Promise<string[] | undefined> {
    try {
      return await Array.fromAsync(
        Deno.readDir(this.folder.join("prefix", "bin")),
        ({ name }) => name,
      );
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /** The other installed files with their contents. */
  async extras(): Promise<Record<string, string>> {
    const extras: Record<string, string> = {};
    const share = this.folder.join("prefix", "share");
    const there = await Deno.stat(share).catch(() => undefined);
    if (there?.isDirectory !== true) return extras;
    for await (const path of filesIn(share)) {
      extras[path] = await Deno.readTextFile(join(share, path));
    }
    return extras;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder[Symbol.asyncDispose]();
  }
}
