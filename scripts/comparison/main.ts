/**
 * `deno task comparison`: tries what docs/comparison.md says about xfer, rsync, restic and rclone, with real commands
 * and servers on this machine, and prints its tables. Needs Linux, root, python3, rsync, restic and rclone.
 *
 * --only A,B  run only these tables: kept, resumed, undone, verified, "other features", operating (of xfer alone)
 * --tool A,B  run only these tools
 * --row TEXT  run only rows that contain this text (not of the table kept)
 * --write     also write the tables into docs/comparison.md; not with --tool or --row
 * --log       print what the commands print
 */
import { Rig } from "./rig.ts";
import { type Tool, type ToolName, TOOLS, type Way } from "./tools.ts";
import { KEPT, MAKE_FILES, MAKE_TREE, OTHERS, type Row, UNDONE, VERIFIED } from "./trials.ts";
import { DISTURBED } from "./disturbed.ts";
import { OPERATED, OPERATING, READ } from "./operating.ts";
import { withTable } from "./with_table.ts";

/** Verdicts by row, tool and options. */
type Verdicts = Map<string, Map<ToolName, Map<string, boolean>>>;

const NAMES = Object.keys(TOOLS) as ToolName[];
const args = Deno.args;
const chosen = (option: string, all: readonly string[]) =>
  args.includes(option) ? (args[args.indexOf(option) + 1] ?? "").split(",") : all;
/** An empty text is in every row. */
const wanted = args.includes("--row") ? args[args.indexOf("--row") + 1] ?? "" : "";
const tools = NAMES.filter((name) => chosen("--tool", NAMES).includes(name));

function note(verdicts: Verdicts, row: string, tool: ToolName, options: string, verdict: boolean) {
  const cells = verdicts.get(row) ?? new Map();
  verdicts.set(row, cells);
  const cell = cells.get(tool) ?? new Map();
  cells.set(tool, cell.set(options, verdict));
}

async function kept(): Promise<Verdicts> {
  const verdicts: Verdicts = new Map();
  for (const name of tools) {
    const tool: Tool = TOOLS[name];
    for (const [options, way] of Object.entries(tool.keeping)) {
      await using rig = await Rig.start(tool);
      await rig.sh(MAKE_TREE);
      await rig.sh(way.put);
      await rig.sh(way.get);
      for (const [row, check] of Object.entries(KEPT)) {
        note(verdicts, row, name, options, await rig.sh(check) === 0);
      }
      await show(rig, `kept, ${name} ${options}`);
    }
  }
  return verdicts;
}

const tried = (rows: Readonly<Record<string, Row>>) => async (): Promise<Verdicts> => {
  const verdicts: Verdicts = new Map();
  for (const [row, cells] of Object.entries(rows)) {
    if (!row.includes(wanted)) continue;
    verdicts.set(row, new Map());
    for (const name of tools) {
      for (const [options, script] of Object.entries(cells[name])) {
        await using rig = await Rig.start(TOOLS[name]);
        await rig.sh(MAKE_FILES);
        note(verdicts, row, name, options, await rig.sh(script) === 0);
        await show(rig, `${row}, ${name} ${options}`);
      }
    }
  }
  return verdicts;
};

async function disturbed(): Promise<Verdicts> {
  const verdicts: Verdicts = new Map();
  for (const [row, attempt] of Object.entries(DISTURBED)) {
    if (!row.includes(wanted)) continue;
    for (const name of tools) {
      const tool: Tool = TOOLS[name];
      for (const [options, way] of Object.entries<Way>(tool.resuming)) {
        await using rig = await Rig.start(tool);
        note(verdicts, row, name, options, await attempt(rig, way));
        await show(rig, `${row}, ${name} ${options}`);
      }
    }
  }
  return verdicts;
}

async function show(rig: Rig, title: string): Promise<void> {
  if (!args.includes("--log")) return;
  console.error(`\n=== ${title}\n${await Deno.readTextFile(`${rig.path}/log`).catch(() => "")}`);
}

/** The plain way first; another one only if it makes a difference. */
function cell(verdicts: ReadonlyMap<string, boolean> | undefined): string {
  if (verdicts === undefined) return "no";
  const [[options, plain] = ["", false], ...others] = verdicts;
  if (plain) return options === "" ? "yes" : `yes, with ${quoted(options)}`;
  const better = others.find(([, verdict]) => verdict);
  return better === undefined ? "no" : `no; with ${quoted(better[0])} yes`;
}

function quoted(options: string): string {
  return /^(a|an) /.test(options) ? options : `\`${options}\``;
}

function table(verdicts: Verdicts): string {
  const rows = [...verdicts].map(([row, cells]) => [
    row,
    ...tools.map((name) => cell(cells.get(name))),
  ]);
  return lines([["", ...tools], ["---", ...tools.map(() => "---")], ...rows]);
}

function lines(rows: readonly (readonly string[])[]): string {
  return rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The cells of others were read, not tried. */
async function operating(): Promise<string> {
  const rows: string[][] = [];
  for (const [row, { xfer, read }] of Object.entries(OPERATING)) {
    if (!row.includes(wanted)) continue;
    await using rig = await Rig.start(OPERATED);
    await rig.sh(MAKE_FILES);
    const verdict = await rig.sh(xfer) === 0 ? "yes" : "no";
    rows.push([row, verdict, ...read]);
    await show(rig, `${row}: ${verdict}`);
  }
  return lines([["", "xfer", ...READ], ["---", "---", ...READ.map(() => "---")], ...rows]);
}

const tableOf = (run: () => Promise<Verdicts>) => async () => table(await run());

const TABLES: Readonly<Record<string, () => Promise<string>>> = {
  kept: tableOf(kept),
  resumed: tableOf(disturbed),
  undone: tableOf(tried(UNDONE)),
  verified: tableOf(tried(VERIFIED)),
  "other features": tableOf(tried(OTHERS)),
  operating,
};

const PAGE = new URL("../../docs/comparison.md", import.meta.url);
const writes = args.includes("--write");
if (writes && (args.includes("--tool") || args.includes("--row"))) {
  throw new Error("--write needs whole tables, without --tool and --row");
}

for (const name of chosen("--only", Object.keys(TABLES))) {
  const run = TABLES[name];
  if (run === undefined) throw new Error(`no such table: ${name}`);
  const tried = await run();
  console.log(`\n${name}\n\n${tried}`);
  if (!writes) continue;
  await Deno.writeTextFile(PAGE, withTable(await Deno.readTextFile(PAGE), name, tried));
}
if (writes) {
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", PAGE.pathname] }).output();
}
