/**
 * Checks a server and a client against the published protocol, as black boxes over TCP.
 *
 * Without options, checks our own server and client, as real processes, in every edition. `--server HOST:PORT` checks a
 * running server, `--client COMMAND` a client: a shell runs the command in a folder with transfer.info, against a
 * scripted server. Exits with 0 only if all required cases pass.
 */
import { Command, Option } from "commander";
import { type Address, parseAddress } from "../protocol/address.ts";
import { DEFAULT_EDITION, EDITIONS } from "../protocol/v3/editions/mod.ts";
import type { Edition } from "../protocol/v3/editions/edition.ts";
import { clientCases } from "../tests/conformance/suite/client_cases.ts";
import { runClientCase, runCommand } from "../tests/conformance/suite/client_runner.ts";
import {
  formatResult,
  formatSummary,
  type Result,
  summarize,
} from "../tests/conformance/suite/report.ts";
import { serverCases } from "../tests/conformance/suite/server_cases.ts";
import { runServerCase } from "../tests/conformance/suite/server_runner.ts";
import { command, ServerProcess } from "../tests/support/processes.ts";
import { sideBySide } from "../tests/support/concurrently.ts";
import { TemporaryFolder } from "../tests/support/temporary_folder.ts";

/** The number of parallel cases. Other peers may not be able to serve two at once. */
const AT_ONCE = { ours: 8, others: 1 };

interface Options {
  readonly server?: string;
  readonly client?: string;
  readonly edition?: string;
  readonly json?: boolean;
}

const QUIET = { stdin: "null", stdout: "null", stderr: "null" } as const;

const options = new Command("conformance")
  .description("Check a server or a client against the published protocol.")
  .option("--server <host:port>", "check a running server")
  .option("--client <command>", "check a client, given as a shell command")
  .addOption(
    new Option(
      "--edition <name>",
      `edition (default: all for our own, ${DEFAULT_EDITION.name} for others)`,
    )
      .choices(EDITIONS.map(({ name }) => name)),
  )
  .option("--json", "print one JSON object per case, and a summary")
  .parse(Deno.args, { from: "user" })
  .opts<Options>();

const others = options.server !== undefined || options.client !== undefined;
const editions = EDITIONS.filter(({ name }) =>
  name === (options.edition ?? (others ? DEFAULT_EDITION.name : name))
);
const results = others ? await judgeOthers() : await judgeOurs();
const summary = summarize(results);
if (options.json) console.log(JSON.stringify({ type: "summary", ...summary }));
else console.log(`\n${formatSummary(summary)}`);
Deno.exit(summary.conforms ? 0 : 1);

async function judgeOthers(): Promise<Result[]> {
  const { server, client } = options;
  const address = server === undefined ? undefined : parseAddress(server);
  if (server !== undefined && address === undefined) {
    console.error(`invalid server ${server}: expected HOST:PORT`);
    Deno.exit(2);
  }
  return [
    ...(address === undefined ? [] : await judgeServer(() => address)),
    ...(client === undefined
      ? []
      : await judgeClient((cwd) =>
        new Deno.Command("sh", { args: ["-c", client], cwd, ...QUIET })
      )),
  ];
}

/** Our server at two addresses: 2024early has the request codes of 2023c, so it needs its own address. */
async function judgeOurs(): Promise<Result[]> {
  const [early, ...rest] = [...EDITIONS].reverse();
  await using folder = await TemporaryFolder.createOnDisk();
  const served = (list: readonly (Edition | undefined)[]) => list.map((it) => it?.name).join(",");
  const listen = [`127.0.0.1:0=${served(rest)}`, `127.0.0.1:0=${served([early])}`];
  await using server = await ServerProcess.start(folder.join("data"), {
    args: listen.flatMap((address) => ["--listen", address]),
    listeners: listen.length,
  });
  const port = (edition: Edition) => server.ports[edition === early ? 1 : 0] ?? server.port;
  return [
    ...await judgeServer((edition) => ({ hostname: "127.0.0.1", port: port(edition) })),
    ...await judgeClient((cwd, { name }) =>
      command(["client", "--protocol", "3", "--retries", "0", "--edition", name], { cwd, ...QUIET })
    ),
  ];
}

async function judgeServer(addressFor: (edition: Edition) => Address): Promise<Result[]> {
  return await run(
    editions.flatMap((edition) =>
      serverCases(edition).map((one) => () => runServerCase(addressFor(edition), edition, one))
    ),
  );
}

async function judgeClient(
  start: (folder: string, edition: Edition) => Deno.Command,
): Promise<Result[]> {
  return await run(
    editions.flatMap((edition) =>
      clientCases(edition).map((one) => () =>
        runClientCase((folder, edition) => runCommand(start(folder, edition)), edition, one)
      )
    ),
  );
}

async function run(cases: readonly (() => Promise<Result>)[]): Promise<Result[]> {
  const results: Result[] = [];
  for await (const result of sideBySide(cases, others ? AT_ONCE.others : AT_ONCE.ours)) {
    results.push(result);
    console.log(options.json ? JSON.stringify({ type: "case", ...result }) : formatResult(result));
  }
  return results;
}
