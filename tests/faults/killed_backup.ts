/** A backup or a restore that kills itself at one of its calls to the file system. Takes a {@link KilledCopy} as JSON. */
import { backup, restore } from "../../server/operator/mod.ts";
import { type Fault, FaultySystem } from "../support/store/faulty_file_system.ts";

export interface KilledCopy {
  readonly work: "backup" | "restore";
  readonly dataFolder: string;
  readonly copy: string;
  /** The number of the call. */
  readonly at: number;
  readonly when: (Fault & { type: "kill" })["when"];
}

if (import.meta.main) {
  const { work, dataFolder, copy, at, when } = JSON.parse(Deno.args[0] ?? "{}") as KilledCopy;
  const system = new FaultySystem();
  system.plan = ({ number }) => number === at ? { type: "kill", when } : undefined;
  const { fileSystem } = system;
  if (work === "backup") await backup(dataFolder, copy, { keep: 1, fileSystem });
  else await restore(copy, dataFolder, { fileSystem });
}
