/**
 * A command of the operator that kills itself at one of its calls to the file system. Takes a {@link KilledWork} as
 * JSON.
 */
import { backup, importFiles, restore } from "../../server/operator/mod.ts";
import { type Fault, FaultySystem } from "../support/store/faulty_file_system.ts";

export interface KilledWork {
  readonly work: "backup" | "restore" | "import";
  readonly dataFolder: string;
  /** The backup, or the folder to import. */
  readonly other: string;
  /** The number of the call. */
  readonly at: number;
  readonly when: (Fault & { type: "kill" })["when"];
}

if (import.meta.main) {
  const { work, dataFolder, other, at, when } = JSON.parse(Deno.args[0] ?? "{}") as KilledWork;
  const system = new FaultySystem();
  system.plan = ({ number }) => number === at ? { type: "kill", when } : undefined;
  const { fileSystem } = system;
  switch (work) {
    case "backup":
      await backup(dataFolder, other, { keep: 1, fileSystem });
      break;
    case "restore":
      await restore(other, dataFolder, { fileSystem });
      break;
    case "import":
      await importFiles({ dataFolder, userName: "Alice", paths: [other], fileSystem });
      break;
  }
}
