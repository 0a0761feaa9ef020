/**
 * What `xfer help TOPIC` prints: texts and lists of options from the commands that take them.
 *
 * @module
 */
import type { Command } from "commander";
import { CLIENT_QUIRKS, EDITIONS, QUIRKS } from "../../client/mod.ts";
import { MANY_FILES } from "../text/presentation.ts";
import { EXIT_CODES } from "../exit_codes.ts";
import {
  COMMON,
  CONNECTION,
  LIMITS,
  PROTOCOL_3,
  SERVER,
  SERVING,
  STORES,
  TRANSFER,
} from "./groups.ts";
import { type HelpItem, listItems, reflowText } from "./layout.ts";
import type { TopicName } from "./topics.ts";

/** Options of a group, by the command that has them: its names below the program. */
interface OptionList {
  readonly heading: string;
  readonly command: string;
  readonly group: string;
}

interface ItemList {
  readonly heading: string;
  readonly items: readonly HelpItem[];
}

/** A text has paragraphs, and lines that are indented and stay as they are. */
type TopicPart = string | OptionList | ItemList;

const TEXTS: Readonly<Record<TopicName, readonly TopicPart[]>> = {
  "options": [
    "These options may come before or after the names of commands.",
    { heading: "Every command:", command: "help", group: COMMON },
    { heading: "Every command of 'xfer client':", command: "client", group: CONNECTION },
    { heading: "Every command of 'xfer server':", command: "server", group: SERVER },
    `With more than ${MANY_FILES} files, put, get and remove print a summary, and a line for each file only with ` +
    "--verbose. Sizes are rounded, unless you pass --bytes. Times are local on a terminal, UTC elsewhere.",
    "See also 'xfer help protocol-3' and 'xfer help limits'.",
  ],
  "transfers": [
    "xfer transfers files, folders and symbolic links, with their permissions and modification times. Links " +
    "are not followed, unless you name one with / at its end. Downloads mask permissions of the group and of " +
    "others by the umask. Pipes, sockets and devices are skipped. Hard links become separate files.",
    { heading: "Options of 'xfer client put':", command: "client put", group: TRANSFER },
    { heading: "Options of 'xfer client get':", command: "client get", group: TRANSFER },
    `\
--files-from keeps the folders of each path: photos/sea.jpg is stored under this name. Lists have
one path or pattern per line, or end each with NUL for --from0. A list named - is read from standard
input. Patterns: 'xfer help patterns'.

Examples:
  $ xfer client put photos --exclude-from .gitignore --no-times
  $ find photos -name '*.jpg' -print0 | xfer client put --files-from - --from0`,
  ],
  "serving": [
    "'xfer server' runs until Ctrl-C (SIGINT) or SIGTERM. Transfers in progress then have the time of --grace to " +
    "finish. A second signal stops the server at once.\n\n" +
    "Without --listen, the server takes its port from the file port.info in the current folder, if it exists. " +
    "Protocol 4 has a second port, which clients find through the first. A firewall must allow both.",
    { heading: "Options:", command: "server", group: SERVING },
    `\
Every option can also be set in the settings file ('xfer server config --example' prints one)
or in the environment, such as XFER_TLS_LISTEN=none. 'xfer server config' prints the effective
settings.

Examples:
  $ xfer server --listen 127.0.0.1:4000 --data /srv/xfer
  $ xfer server --tls-cert cert.pem --tls-key key.pem
  $ xfer server --advertise files.example.org:2256 --log-format json`,
  ],
  "stores": [
    "By default, a server keeps everything in its data folder (--data). These options name a PostgreSQL database for " +
    "accounts and names of files, and an S3-compatible object store for their contents. With both, no data folder is " +
    "needed. Pass them to the other commands of 'xfer server', too, or set them in the settings file.",
    { heading: "Options:", command: "server", group: STORES },
    `\
Secrets come from the environment or from files, never from options:
  PGPASSWORD, PGPASSFILE                    password of the database
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY  key of the object store
  AWS_SHARED_CREDENTIALS_FILE, AWS_PROFILE  file with such keys
  XFER_CLUSTER_SECRET                       secret that encrypts the server's
                                            key in the database, or with _FILE
                                            the path of a file with it

Example:
  $ xfer server --catalog postgres://xfer@db/xfer --blobs s3://files/xfer`,
  ],
  "limits": [
    "'xfer server' enforces these limits. \"none\" removes a limit. Each can also be set in the " +
    'settings file, such as quota = "10GB", or in the environment, such as ' +
    "XFER_QUOTA=10GB. On SIGHUP, a running server rereads the file and applies new limits.\n\n" +
    "Times are written as 500ms, 30s, 10m or 2h, those of --history and --check-interval also as 30d; sizes and rates as 4096, 64KiB, 10MB or 2GiB.",
    { heading: "Limits:", command: "server", group: LIMITS },
    "Limits of protocol 3: 'xfer help protocol-3'.",
  ],
  "patterns": [
    `\
list, get and remove take patterns of names on the server, in quotes:
  'photos/*.tmp'   * stands for any characters except /
  'img-?.jpg'      ? stands for one character
  'img.[jJ]pg'     [jJ] stands for one of these, [!a-z] for any other character
  'photos/**/*.x'  ** stands for any number of folders
  'photos/*/'      with / at its end, a pattern stands for folders only

Names that begin with a dot match, too. A name that exists is used as it is, even if it looks like a
pattern. For get and remove, a pattern stands for folders only with --recursive.

--exclude takes patterns like those of a .gitignore file at the top of each folder:
  *.o        files and folders with such a name, at any depth
  /build     build at the top only
  build/     folders named build, at any depth
  a/**/z     z at any depth below a
  !keep.o    include keep.o again; the last pattern that matches wins

Files inside an excluded folder cannot be included again. Paths that you name yourself are never
excluded.

Example:
  $ xfer client put photos --exclude '*.tmp' --exclude /raw/`,
  ],
  "protocol-3": [
    `\
Protocol 3 is the published course protocol, in several yearly editions. It is not secure: anyone
on the network path can read and alter your files. Use it only with servers and clients that have
no protocol 4.

'xfer client' uses protocol 3 when a new server does not offer protocol 4, or when you pass
--protocol 3, --edition or --quirk. It remembers --protocol 3 for that server; to change back, pass
--protocol 4. Over protocol 3 you can upload files, but not folders, and cannot list, download,
rename or delete files. Your account is kept in me.info and priv.key beside transfer.info.

'xfer server' serves both protocols, and recognizes the edition of each client by itself. To serve
other editions at one address, write --listen HOST:PORT=EDITIONS.`,
    { heading: "Client options:", command: "client", group: PROTOCOL_3 },
    { heading: "Server options:", command: "server", group: PROTOCOL_3 },
    { heading: "Editions:", items: EDITIONS.map(({ name }) => [name, aboutEdition(name)]) },
    {
      heading: "Quirks of servers:",
      items: CLIENT_QUIRKS.map((name) => [name, QUIRKS[name]]),
    },
    `\
Examples:
  $ xfer client --protocol 3
  $ xfer client put report.pdf --edition auto
  $ xfer server --listen 0.0.0.0:1256 --listen 0.0.0.0:1257=2024early`,
  ],
  "exit-codes": [
    {
      heading: "Exit codes, with the class of the error:",
      items: EXIT_CODES.map(({ code, class: kind, meaning }) => [
        `${`${code}`.padStart(3)}  ${kind}`.trimEnd(),
        meaning,
      ]),
    },
    'Errors are printed as "xfer: MESSAGE [CODE]". The code in brackets never changes.',
  ],
};

function aboutEdition(name: string): string {
  const about: Readonly<Record<string, string>> = {
    "2023c": "request codes 1025 to 1031; the default of 'xfer client'",
    "2023a": "request codes 1100 to 1106",
    "2022": "request codes 1100 to 1106, without reconnecting",
    "2024": "request codes 825 to 902; 256-bit keys; files in packets",
    "2024early": "like 2024, with the request codes of 2023c; served only if named",
  };
  return about[name] ?? "";
}

/** The text of a topic in lines of at most `width` characters; `program` has all commands. */
export function topicText(name: TopicName, program: Command, width: number): string {
  return TEXTS[name].map((part) => {
    if (typeof part === "string") return reflowText(part, width);
    const items = "items" in part ? part.items : itemsOf(program, part);
    return `${part.heading}\n${listItems(items, width)}`;
  }).join("\n\n");
}

function itemsOf(program: Command, { command: name, group }: OptionList): HelpItem[] {
  const command = name.split(" ").reduce(
    (above, part) => above.commands.find((child) => child.name() === part) ?? above,
    program,
  );
  const help = command.createHelp();
  return help.visibleOptions(command).filter(({ helpGroupHeading }) => helpGroupHeading === group)
    .map((option) => [option.flags, help.optionDescription(option)]);
}
