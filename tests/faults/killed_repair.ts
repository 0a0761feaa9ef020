/** A repair that kills itself at one of its calls to file system and database. Takes a {@link KilledRepair} as JSON. */
import { verify } from "../../server/operator/verify.ts";
import { type Fault, FaultySystem } from "../support/store/faulty_file_system.ts";

export interface KilledRepair {
  readonly dataFolder: string;
  /** The number of the call. */
  readonly at: number;
  readonly when: (Fault & { type: "kill" })["when"];
}

if (import.meta.main) {
  const { dataFolder, at, when } = JSON.parse(Deno.args[0] ?? "{}") as KilledRepair;
  const system = new FaultySystem();
  system.plan = ({ number }) => number === at ? { type: "kill", when } : undefined;
  const { fileSystem, openCatalog } = system;
  await verify({ dataFolder, repair: true, fileSystem, openCatalog });
}
