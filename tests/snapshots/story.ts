/**
 * A story with every command, in order: a client of protocol 4, one of protocol 3, the operator, mistakes, help. Each
 * chapter is a page, and continues where those before it have ended.
 */
import { TOPICS } from "../../cli/help/topics.ts";
import { allCommands, type SnapshotWorld, wordsOf } from "./world.ts";
import type { FormName } from "./forms.ts";

interface Chapter {
  readonly page: string;
  /** The start of the page. */
  readonly about: string;
  /** The forms in which the chapter is played. Those of later chapters include all chapters before. */
  readonly forms: readonly FormName[];
  readonly tell: (world: SnapshotWorld) => Promise<void>;
}

/** An address without a server. */
const NOBODY = "127.0.0.1:1";

export const CHAPTERS: readonly Chapter[] = [
  {
    page: "client",
    about: "A client of protocol 4, from its transfer.info on.",
    forms: ["terminal", "narrow", "piped", "json"],
    tell: clientOf4,
  },
  {
    page: "protocol-3",
    about: "A client of protocol 3, which moves to protocol 4.",
    forms: ["terminal", "narrow", "piped", "json"],
    tell: clientOf3,
  },
  {
    page: "operator",
    about: "The operator's commands for accounts, files and invitations.",
    forms: ["terminal", "piped", "json"],
    tell: operator,
  },
  {
    page: "trouble",
    about: "Missing and unexpected servers, damaged files, wrong command lines.",
    forms: ["terminal", "piped", "json"],
    tell: trouble,
  },
  {
    page: "general",
    about: "The server itself, its settings, and commands that belong to neither end.",
    forms: ["terminal", "piped", "json"],
    tell: general,
  },
  {
    page: "help",
    about: "The help of every command and topic.",
    forms: ["terminal"],
    tell: help,
  },
];

/** Each run uploads or downloads one file, since the order of two would vary. */
async function clientOf4(world: SnapshotWorld): Promise<void> {
  await world.prepare("Alice", undefined, {
    "hello.txt": "hello\n",
    "photos/sea.jpg": "blue",
  });
  const alice = (line: string) => world.run("Alice", ["client", ...wordsOf(line)]);
  await world.run("Alice", ["client", "init"], {
    answers: [
      { to: /\):\s*$/, keys: "nowhere\n" },
      { to: /Expected [^]*\):\s*$/, keys: `${world.address}\n` },
      { to: /server:\s*$/, keys: "Alice\n" },
      { to: /none\]:\s*$/, keys: "hello.txt\n" },
      { to: QUESTION, keys: "y\n" },
    ],
  });
  const init = `init --server ${world.address} --name Alice`;
  await alice(`${init} --file lost.txt --accept-new --force`);
  await alice(`${init} --file hello.txt`);
  await alice(`${init} --file hello.txt --accept-new --force --quiet`);
  await alice("status");
  await alice("");
  await alice("put photos");
  await world.write("Alice/photos/2024/a long name of a picture of mountains.jpg", "green");
  await alice("put photos");
  // By itself, because several uploads end in any order.
  await Deno.symlink("sea.jpg", world.join("Alice/photos/link"));
  await alice("put photos");
  await world.write("Alice/photos/sea.jpg", "dark blue");
  await alice("put photos/sea.jpg");
  await alice("put hello.txt lost.txt");
  await alice("put hello.txt --as notes --quiet");
  await alice("list");
  await alice("list --recursive --long --sort size");
  await alice("list photos/s* --verbose");
  await alice("list photo --quiet");
  await alice("stat hello.txt");
  await alice("stat photos");
  await alice("versions sea.jpg");
  await alice("versions photos/sea.jpg");
  await alice("get photos/sea.jpg -o sea.jpg");
  await alice("get photos/sea.jpg -o sea.jpg");
  await alice("get photos/sea.jpg -o sea.jpg --version 1");
  await alice("get photos/2024 --recursive -o all");
  await world.write("Alice/all/extra", "mine");
  await alice("get photos/2024 --recursive -o all --delete --dry-run");
  await alice("get photos/2024 --recursive -o all --delete");
  await alice("get photos/2024 --recursive -o all --delete --yes");
  await alice("get . -o everything --dry-run");
  await alice("get photos/*.jpg -o pictures");
  await alice("get photos");
  await alice("get lost.txt --quiet");
  await alice("rename hello.txt docs/hello.txt");
  await alice("rename docs/hello.txt photos/sea.jpg");
  await alice("rename photos pictures --dry-run");
  await alice("restore photos/sea.jpg");
  await alice("remove docs/hello.txt lost.txt *.gif");
  await alice("stat docs/hello.txt");
  await alice("remove photos");
  await alice("remove photos --recursive --dry-run");
  await world.run("Alice", ["client", "remove", "**"], {
    answers: [{ to: QUESTION, keys: "n\n" }],
  });
  await alice("remove photos --recursive --yes");
  await alice("list --removed");
  await alice("restore photos docs lost.txt --dry-run");
  await alice("restore photos docs");
  await alice("remove docs/hello.txt --forever --yes");
  await alice("status");
  const [token = ""] = TOKEN.exec(await alice("link")) ?? [];
  await world.prepare("laptop", [world.location, "Alice"]);
  await world.run("laptop", ["client", "link", token]);
  await world.run("laptop", ["client", "link", token]);
  await world.run("laptop", ["client", "list", "--quiet"]);
}

async function clientOf3(world: SnapshotWorld): Promise<void> {
  await world.prepare("Bob", [world.address, "Bob", "hello.txt"], { "hello.txt": "hello\n" });
  const bob = (line: string) => world.run("Bob", ["client", ...wordsOf(line)]);
  await bob("--protocol 3");
  await bob("--protocol 3");
  await bob("put --protocol 3 hello.txt lost.txt");
  await bob("list --protocol 3");
  await bob("status --protocol 3");
  await bob("put hello.txt");
  await world.run("Bob", ["client", "--protocol", "4"], {
    answers: [{ to: QUESTION, keys: "n\n" }],
  });
  await bob("put --accept-new hello.txt");
  await bob("--protocol 3");
  await bob(`forget ${world.address}`);
  await bob(`forget ${world.address}`);
}

async function operator(world: SnapshotWorld): Promise<void> {
  const operate = (line: string) => world.operate(line);
  await operate("list");
  await operate("usage --top 2");
  await operate("health");
  await operate("admin-link");
  // Everything is given, so that nothing is asked.
  const given = "--advertise files.example.org:1256 --registration invite --quota 10GB";
  await operate(`init server.toml ${given} --log-file server.log --force`);
  await operate(`init server.toml ${given} --log-file server.log`);
  await world.write("import/report.txt", "report\n");
  await operate("import Alice import --as inbox");
  await operate("import Alice import --as inbox");
  await operate("import Alice none import/report.txt");
  await operate("import Carol import");
  await operate("users list");
  const [key = ""] = FINGERPRINT.exec(await operate("users keys Alice")) ?? [];
  await operate(`users keys Alice --remove ${key}`);
  await operate("users disable Bob");
  await world.run("Bob", ["client", "put", "hello.txt", "--accept-new"]);
  await operate("users enable Bob");
  await operate("users rename Bob Robert");
  await operate("users rename Robert Alice");
  await operate("users set-quota Robert --size 10MB --files none");
  await operate("status");
  await operate("check");
  await operate("check --start");
  await operate("sessions");
  await operate("sessions --end 00000000");
  await operate("users set Robert --append-only");
  await operate("users set Robert --full");
  await operate("users set Robert");
  await operate("users set-quota Robert --default");
  await operate("users set-quota Robert");
  await operate("users link Robert");
  await world.run("", ["server", "users", "remove", "Robert", "--data", "data"], {
    answers: [{ to: QUESTION, keys: "n\n" }],
  });
  await operate("users list");
  await operate("users remove Robert --yes");
  await operate("users remove Robert --yes");
  await operate("invite");
  await operate("invite --uses 3 --expires 12h");
  await operate("invite list");
  await operate("invite revoke");
  await operate("invite revoke --all");
  await world.queueEvent("msg_1");
  await operate("hooks list");
  await operate("hooks list --dead");
  await operate("hooks retry");
  await operate("hooks retry msg_2");
  await operate("hooks retry --all");
  await operate("hooks drop msg_1");
  await operate("export Alice photos/sea.jpg sea.jpg");
  await operate("export Alice photos/sea.jpg sea.jpg");
  await operate("export Alice lost.txt lost.txt");
  await operate("verify");
  await operate("backup monday");
  await operate("backup monday --keep 1");
  await operate("backup monday --list");
  await operate("list Alice --backup monday");
  await operate("list Carol --backup monday");
  await operate("verify --backup monday");
  await operate("verify --state monday");
  await world.run("", ["server", "restore", "monday", "--data", "restored"]);
  await world.write("full/hello.txt", "hello\n");
  await world.run("", ["server", "restore", "monday", "--data", "full"]);
  await world.run("", ["server", "migrate", "--to", "moved"]);
}

async function trouble(world: SnapshotWorld): Promise<void> {
  const alice = (line: string) => world.run("Alice", ["client", ...wordsOf(line)]);
  const laptop = (line: string) => world.run("laptop", ["client", ...wordsOf(line)]);
  const stranger = async (line: string, info?: readonly string[]) => {
    await world.prepare("stranger", info, { "hello.txt": "hello\n" });
    return await world.run("stranger", ["client", ...wordsOf(line)]);
  };
  await stranger("");
  await stranger("list");
  await stranger("put hello.txt", ["nowhere", "Carol"]);
  await stranger("", [world.location, "Carol"]);
  await stranger("put hello.txt --retries 0", [NOBODY, "Carol"]);
  await stranger("list --retries 0");
  await stranger("status");
  await stranger("put hello.txt", [
    world.location.replace(/SHA256:.{8}/, "SHA256:AAAAAAAA"),
    "Carol",
  ]);
  await stranger("put hello.txt", [world.location, "Alice"]);
  await stranger(`put hello.txt --invitation ${"a".repeat(26)}`, [world.location, "Carol"]);

  await world.damage("dark blue");
  await alice("get photos/sea.jpg");
  await laptop("get photos/sea.jpg");
  await world.operate("verify");
  await world.operate("verify --repair");
  await world.operate("export Alice photos/sea.jpg damaged.jpg");
  await world.operate("backup tuesday");
  await world.server.stop();
  await laptop("list --retries 0");
  await world.operate("verify --repair");
  await world.operate("list");
  await world.run("", ["server", "verify", "--data", "nowhere"]);

  for (const line of MISTAKES) await world.run("", wordsOf(line));
}

/** Wrong command lines. */
const MISTAKES = [
  "sevrer",
  "server users",
  "server users lsit",
  "put report.pdf",
  "client upload report.pdf",
  "client report.pdf",
  "client put",
  "client put a --exlude b",
  "client put a --parallel many",
  "client list --color sometimes",
  "client forget nowhere",
  "client link token",
  "client --retries 1000",
  "server --quota much",
  "server --listen nowhere",
  "server invite --uses 0",
  "completions tcsh",
  "help client pt",
  "help put",
];

async function general(world: SnapshotWorld): Promise<void> {
  await Deno.writeTextFile(world.join("server.toml"), 'quota = "10GB"\nlisten = ["127.0.0.1:0"]\n');
  await world.run("", ["server", "config", "--config", "server.toml"]);
  await world.run("", ["server", "config", "--example"], { show: SHORTLY });
  await Deno.writeTextFile(world.join("wrong.toml"), 'quota = "much"\nqutoa = "1"\n');
  await world.run("", ["server", "config", "--config", "wrong.toml"]);
  await world.run("", ["server", "--config", "server.toml", "--data", "other"], {
    stopAt: /Listening[^]*Listening[^]*\n/,
  });
  await world.run("", ["server", "--listen", "127.0.0.1:0", "--data", "server.toml"]);
  for (const shell of ["bash", "zsh", "fish", "powershell"]) {
    await world.run("", ["completions", shell], { show: SHORTLY });
  }
  await world.run("", []);
  await world.run("", ["--version"]);
  await world.run("", ["client", "list", "--help"]);
  await world.run("", ["help", "exit-codes"]);
  await world.run("", ["help", "patterns"]);
  await world.run("", ["help", "client", "list"]);
}

async function help(world: SnapshotWorld): Promise<void> {
  for (const command of await allCommands()) {
    await world.run("", [...wordsOf(command), "--help"]);
  }
  for (const topic of Object.keys(TOPICS)) await world.run("", ["help", topic]);
}

/** Long lines that are shown elsewhere. */
const SHORTLY = 4;

/** The end of a question, which may take two rows. */
const QUESTION = /\[\s?y\s?\/\s?N\s?\]\s*$/;
const TOKEN = /\b[a-z2-7]{26}\b/;
const FINGERPRINT = /SHA256:[A-Za-z0-9+/]{43}/;
