/** The run of `deno task test:cluster` that a test belongs to. */

/** The task passes its options in this variable, as JSON. */
export const CLUSTER_VARIABLE = "XFER_TEST_CLUSTER";

export interface ClusterRun {
  /** The time for faults, in minutes. */
  readonly minutes: number;
  /** The seed of the random choices; by default, another one each time. */
  readonly seed?: number;
  readonly servers: number;
  /** The path of a file for the counts of faults and what clients did. */
  readonly report: string;
}

/** `undefined` outside of the task, since these tests start servers of other projects. */
export function clusterRun(): ClusterRun | undefined {
  const text = Deno.env.get(CLUSTER_VARIABLE);
  return text === undefined ? undefined : JSON.parse(text);
}
