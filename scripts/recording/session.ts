/**
 * A newcomer's real session: a server, a client that uploads its first file, and more. Server and client run on this
 * machine. The picture shows them as two machines, with addresses for documentation.
 */
import { writeLauncher } from "../../tests/support/processes.ts";
import { pseudoRandomBytes } from "../../tests/support/bytes.ts";
import { TemporaryFolder } from "../../tests/support/temporary_folder.ts";
import { develop } from "./film.ts";
import { scrub, type Swap } from "./scrub.ts";
import { type Pane, Stage } from "./stage.ts";
import { toSvg } from "./svg.ts";

export interface Session {
  readonly stage: Stage;
  readonly server: Pane;
  readonly client: Pane;
  /** The line for `transfer.info` that the server printed. */
  location(): string;
}

/** A play, which begins before the server is started. */
export type Script = (session: Session) => Promise<void>;

const COLUMNS = 110;
const ROWS = { server: 7, client: 28 };

/** The duration of the last picture, in milliseconds. */
const LAST_MS = 6000;

/** Starts the server and uploads the first file. */
export async function firstFile({ stage, server, client, location }: Session): Promise<void> {
  await server.type("xfer server");
  await server.wrote(/transfer\.info: .*\r\n/);
  stage.pause(2500);
  await client.type("xfer client init");
  await client.wrote(/line\): $/);
  await client.paste(location());
  await client.wrote(/Your user name on the server: $/);
  await client.type("Alice");
  await client.wrote(/\[none\]: $/);
  await client.type("report.pdf");
  await client.isAtPrompt();
  stage.pause(1500);
  await client.run("xfer client");
  stage.pause(2000);
}

/** The whole session, in less than a minute. */
export async function newcomer(session: Session): Promise<void> {
  await firstFile(session);
  const { stage, client } = session;
  await client.run("xfer client put holiday --limit-rate 20MB");
  stage.pause(2000);
  await client.run("xfer client list holiday");
  stage.pause(1500);
  await client.run(
    "xfer client get report.pdf -o back.pdf && cmp report.pdf back.pdf && echo same",
  );
  stage.pause(1500);
}

/** Runs a play in a temporary folder, which is removed at the end. Returns the picture. */
export async function record(play: Script): Promise<string> {
  await using folder = await TemporaryFolder.createOnDisk();
  await writeLauncher(folder.join("bin"));
  const [at, home] = [folder.join("srv"), folder.join("alice")];
  await furnish(home);
  await Deno.mkdir(at);
  const path = `${folder.join("bin")}:${Deno.env.get("PATH")}`;
  await using stage = new Stage();
  const server = await stage.open({
    ...{ title: "files.example.org", columns: COLUMNS, rows: ROWS.server, cwd: at },
    env: { PATH: path, XFER_LISTEN: "127.0.0.1:0" },
  });
  const client = await stage.open({
    ...{ title: "Alice’s machine", columns: COLUMNS, rows: ROWS.client, cwd: home },
    env: { PATH: path },
  });
  const found = () => findingsIn(server.written);
  await play({ stage, server, client, location: () => found().location });
  const length = stage.elapsed + LAST_MS;
  const panes = [server.size, client.size];
  const changes = await develop(panes, scrub(stage.outputs, swapsFor(found(), at)));
  return toSvg({ title: TITLE, panes, changes, length });
}

const TITLE =
  "A server starts. A client uploads its first file, then a folder, and downloads the file.";

/** Writes the files to upload, the same in each recording. */
async function furnish(home: string): Promise<void> {
  await Deno.mkdir(`${home}/holiday/2026`, { recursive: true });
  const files = {
    "report.pdf": 81_920,
    "holiday/film.mov": 60_000_000,
    "holiday/2026/sea.jpg": 3e6,
  };
  for (const [name, size] of Object.entries(files)) {
    await Deno.writeFile(`${home}/${name}`, pseudoRandomBytes(size));
  }
}

interface Findings {
  readonly location: string;
  readonly port: string;
  readonly securePort: string;
  readonly fingerprint: string;
}

/** Ports, location and fingerprint from the server's output. Throws if it is not listening yet. */
function findingsIn(written: string): Findings {
  const match =
    /Listening on 127\.0\.0\.1:(\d+) for protocol 4, .*(xfer:\/\/127\.0\.0\.1:(\d+)#(SHA256:[\w+/]{43}))/
      .exec(written);
  if (match === null) throw new Error(`The server has not printed its address:\n${written}`);
  const [, securePort = "", location = "", port = "", fingerprint = ""] = match;
  return { location, port, securePort, fingerprint };
}

/** Replacements with addresses for documentation, from RFC 2606 and RFC 5737. */
function swapsFor({ port, securePort, fingerprint }: Findings, data: string): Swap[] {
  const at = (port: string) => `127\\.0\\.0\\.1:${port}\\b`;
  return [
    [new RegExp(`(?<=Listening on )${at(port)}`, "g"), "0.0.0.0:1256"],
    [new RegExp(at(securePort), "g"), "0.0.0.0:1257"],
    [new RegExp(at(port), "g"), "files.example.org:1256"],
    [fingerprint, "SHA256:zgjYg8ywgX/xhXKbmEq4i63Jvt+XgLfBO0w6nGYalBU"],
    [data, "/srv"],
    [/127\.0\.0\.1:\d+/g, "192.0.2.7:49152"],
    [/\b[0-9a-f]{32}\b/g, "74adb33578fcad92fe7e6f877eec57b3"],
    [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "2026-06-12 09:30:00"],
    [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z/g, "2026-06-12T09:30:00.000Z"],
    [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, "2026-06-12T09:30:00Z"],
  ];
}
