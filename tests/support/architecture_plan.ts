/**
 * The plan of the sources: the rooms that each room may import. Everything else is an error
 * (tests/architecture_test.ts).
 *
 * @module
 */
import type { Arrows } from "./architecture.ts";

/** Parts of `protocol/` for every room, and for rooms of one protocol. */
const PROTOCOL = ["protocol"];
const V3 = [
  ...[...PROTOCOL, "protocol/cipher", "protocol/crc", "protocol/v3", "protocol/v3/editions"],
];
const V4 = [...PROTOCOL, "protocol/crc", "protocol/v4"];

/** Files at the top of `server/` that need no other room, and those that both protocols use. */
const SERVER = [
  ...["server", "server/catalog", "server/blobs", "server/fs", "server/limits"],
  "server/monitor",
];
const SERVING = [...SERVER, "server/context.ts", "server/accounts", "server/uploads"];

const SQLITE = [...V4, "server/blobs", "server/catalog", "server/catalog/sqlite"];
const POSTGRES = [...V4, "server/blobs", "server/catalog", "server/catalog/postgres"];
const STORE = ["server/catalog/*", "server/blobs/*", "server/data_folder", "server/fs"];

const CLIENT = ["client", "client/net", "client/local"];

/** Rooms for every command. */
const COMMANDS = [
  ...PROTOCOL,
  "cli",
  "cli/exit_codes.ts",
  "cli/arguments",
  "cli/help",
  "cli/output",
  "cli/text",
];

/**
 * Room → rooms that it may import. A room is a folder. A file has a row of its own if it connects rooms, or differs
 * from the others of its folder. `room/*`: the room and all rooms inside it. Everything else is forbidden: `v3` and
 * `v4` never import each other, nor do `client/` and `server/`, and no room imports its own face (`mod.ts`).
 */
export const ARROWS: Arrows = {
  // The operating system, where Deno has no call for it.
  "platform": [],
  // Bytes in, values out.
  "protocol": [],
  "protocol/encoding": ["protocol"],
  "protocol/crc": ["protocol"],
  "protocol/cipher": ["protocol"],
  "protocol/v3/editions": ["protocol"],
  "protocol/v3/general_error.ts": ["protocol", "protocol/v3/editions"],
  "protocol/v3": ["protocol", "protocol/cipher", "protocol/crc", "protocol/v3/editions"],
  "protocol/v4": ["protocol", "protocol/crc", "protocol/encoding"],
  // The published faces of both protocols. Other rooms import the files directly.
  "protocol/v3/mod.ts": V3,
  "protocol/v4/mod.ts": V4,

  // A client: sockets, files of this machine, identity, then the two protocols, then the choice between them.
  "client/net": PROTOCOL,
  "client/local": [...V4, "platform"],
  "client": [...PROTOCOL, "protocol/v3/editions", "client/net", "client/local"],
  // It keeps accounts of both protocols, and claims those of protocol 3.
  "client/identity": [...V3, ...V4, "protocol/encoding", ...CLIENT],
  "client/v3": [...V3, ...CLIENT, "client/identity"],
  // It sends a hello to a port where a server of protocol 3 may answer.
  "client/v4": [
    ...V4,
    "protocol/cipher",
    "protocol/encoding",
    ...CLIENT,
    "client/identity",
    "protocol/v3/general_error.ts",
  ],
  // Faces that few commands load.
  "client/v3/mod.ts": ["client/v3"],
  "client/v4/downloads.ts": ["client/v4"],
  "client/protocol_choice.ts": [...V4, ...CLIENT, "client/identity", "client/v4"],
  "client/status.ts": [
    ...[...V3, ...V4],
    ...CLIENT,
    "client/identity",
    "client/v3",
    "client/v4",
    "client/protocol_choice.ts",
  ],
  "client/mod.ts": [
    ...["protocol/v3/editions", "protocol/v4", "client", "client/net", "client/local"],
    "client/identity",
    ...["client/v3", "client/v4", "client/protocol_choice.ts", "client/status.ts"],
  ],

  // A server: stores, limits, uploads, then the two protocols.
  "server": [...PROTOCOL, "protocol/cipher"],
  "server/fs": PROTOCOL,
  // Packs are records of protocol 4.
  "server/catalog": [...V4, "server/blobs"],
  "server/catalog/postgres/connection": [...PROTOCOL, "server/catalog"],
  "server/catalog/postgres": [
    ...[...PROTOCOL, "server/catalog", "server/catalog/postgres/connection"],
  ],
  "server/catalog/postgres/operations": [...POSTGRES],
  "server/catalog/postgres/table_copy.ts": [...POSTGRES, "server/catalog/postgres/files"],
  "server/catalog/postgres/files": [...POSTGRES, "server/catalog/postgres/operations"],
  "server/catalog/postgres/postgres_catalog.ts": [
    ...[...POSTGRES, "server/catalog/postgres/operations", "server/catalog/postgres/files"],
    ...["server/catalog/postgres/connection", "server/catalog/postgres/table_copy.ts"],
  ],
  "server/catalog/postgres/open_catalog.ts": [
    "server/catalog/postgres/connection",
    "server/catalog/postgres/postgres_catalog.ts",
  ],
  "server/catalog/sqlite": [...PROTOCOL, "server/blobs", "server/catalog"],
  "server/catalog/sqlite/operations": SQLITE,
  "server/catalog/sqlite/sqlite_catalog.ts": [
    ...[...SQLITE, "server/catalog/sqlite/operations", "server/catalog/sqlite/dump.ts"],
  ],
  "server/catalog/sqlite/batching.ts": [
    ...[...SQLITE, "server/catalog/sqlite/operations", "server/catalog/sqlite/sqlite_catalog.ts"],
  ],
  "server/catalog/sqlite/dump.ts": [...SQLITE, "server/catalog/sqlite/operations"],
  "server/catalog/sqlite/foreign_catalog.ts": [...PROTOCOL, "protocol/v4", "server/catalog"],
  "server/catalog/sqlite/local_catalog.ts": [
    ...[...SQLITE, "server/catalog/sqlite/batching.ts", "server/catalog/sqlite/sqlite_catalog.ts"],
  ],
  "server/catalog/sqlite/worker.ts": [
    ...[...SQLITE, "server/catalog/sqlite/batching.ts", "server/catalog/sqlite/sqlite_catalog.ts"],
  ],
  "server/catalog/sqlite/worker_catalog.ts": [
    ...[...SQLITE, "server/catalog/sqlite/batching.ts", "server/catalog/sqlite/sqlite_catalog.ts"],
    "server/catalog/sqlite/worker.ts",
  ],
  "server/blobs": PROTOCOL,
  "server/blobs/disk": [...PROTOCOL, "server/blobs", "server/fs"],
  "server/blobs/s3": [...PROTOCOL, "server", "server/blobs"],
  "server/data_folder": [...V4, "server", "server/catalog/*", "server/blobs/*", "server/fs"],
  "server/monitor": PROTOCOL,
  "server/limits": [...PROTOCOL, "server", "server/catalog", "server/monitor"],
  "server/listen/tls": [...V4, "protocol/encoding", "server/fs", "server/data_folder"],
  "server/listen": [
    ...[...V4, "protocol/v3/editions", "server", "server/limits", "server/monitor"],
    ...["platform", "server/listen/tls"],
  ],
  "server/hooks": [...PROTOCOL, "server", "server/catalog", "server/limits", "server/monitor"],
  "server/cluster": [...PROTOCOL, "server/catalog"],
  "server/stores": [
    ...[...PROTOCOL, ...STORE, "server/limits", "server/listen/tls", "server/cluster"],
    "server/accounts",
  ],
  "server/accounts": [...V4, "server", "server/catalog", "server/limits"],
  "server/uploads": [...V4, ...SERVER, "server/accounts"],
  "server/context.ts": [
    ...[...PROTOCOL, ...SERVER, "server/accounts", "server/uploads", "server/data_folder"],
  ],
  "server/check": [...V4, ...SERVER, "server/data_folder"],
  "server/v3": [...V3, ...SERVING, "server/data_folder", "server/listen"],
  "server/v4": [
    ...[...V4, ...SERVING, "server/data_folder", "server/listen", "server/listen/tls"],
    "server/check",
  ],
  "server/operator": [
    ...[...V4, ...SERVER, "server/accounts", "server/data_folder", "server/uploads"],
    "server/stores",
  ],
  "server/operator/import": [
    ...[...V4, ...SERVER, "server/accounts", "server/data_folder", "server/uploads"],
    ...["server/operator", "server/stores"],
  ],
  // A backup copies blobs as they are on this disk.
  "server/operator/backup": [
    ...[...V4, ...SERVER, "server/blobs/disk", "server/data_folder", "server/stores"],
    ...["server/catalog/sqlite/sqlite_catalog.ts", "server/catalog/sqlite/local_catalog.ts"],
    "server/cluster",
  ],
  // The operator's HTTP port, which most servers do not load.
  "server/control": [
    ...[
      ...PROTOCOL,
      "server/context.ts",
      "server/hooks",
      "server/limits",
      "server/monitor",
      "server/operator",
    ],
    ...["server/catalog", "server/cluster", "server/stores", "server/listen", "server/fs"],
    "server/check",
  ],
  "server/admin": [
    ...[...PROTOCOL, ...SERVING, "server/check", "server/hooks", "server/listen"],
    "server/listen/tls",
  ],
  "server/admin/page": [
    ...[...V4, ...SERVING, "server/admin", "server/check", "server/control", "server/hooks"],
    "server/operator",
  ],
  "server/admin/admin_app.ts": [...PROTOCOL, ...SERVING, "server/admin", "server/admin/page"],
  "server/admin/open_admin.ts": [
    ...[...PROTOCOL, ...SERVING, "server/admin", "server/admin/page", "server/hooks"],
    "server/admin/admin_app.ts",
  ],
  "server/admin/load_admin.ts": [
    ...[...PROTOCOL, "server/monitor", "server/listen", "server/listen/tls", "server/admin"],
    "server/admin/open_admin.ts",
  ],
  // Everything that opens, keeps and closes the parts.
  "server/lifecycle": [
    ...[...V4, ...SERVING, ...STORE, "server/listen/*", "server/v3", "server/v4"],
    ...["server/stores", "server/cluster", "server/check", "server/control", "server/hooks"],
    ...["server/admin", "server/admin/load_admin.ts", "server/admin/open_admin.ts"],
  ],
  "server/server.ts": [
    ...[...PROTOCOL, ...SERVING, "server/listen", "server/v3", "server/v4", "server/admin"],
    "server/lifecycle",
  ],
  // Faces of the library.
  "server/catalog/mod.ts": ["server/catalog"],
  "server/blobs/mod.ts": ["server/blobs"],
  "server/operator/mod.ts": [
    ...["server/accounts", "server/data_folder", "server/operator", "server/operator/backup"],
    ...["server/operator/import", "server/stores"],
  ],
  "server/mod.ts": [
    ...["protocol/v3/editions", "server/accounts", "server/catalog", "server/limits"],
    ...["server/listen", "server/operator", "server/operator/mod.ts", "server/v3"],
    ...["server/admin", "server/admin/load_admin.ts", "server/cluster", "server/control"],
    ...["server/hooks", "server/lifecycle", "server/server.ts"],
  ],

  // The command line: words and tables, output, then the commands. It imports only the faces of the others.
  "cli/signals.ts": PROTOCOL,
  "cli/exit_codes.ts": [...PROTOCOL, "cli/signals.ts"],
  "cli/command_tree.ts": ["cli/help"],
  "cli/text": PROTOCOL,
  "cli/arguments": [...PROTOCOL, "server/mod.ts"],
  "cli/events": [...PROTOCOL, "cli/text"],
  "cli/output": [
    ...[...PROTOCOL, "client/mod.ts", "server/mod.ts", "cli/events", "cli/text"],
    "cli/exit_codes.ts",
  ],
  "cli/progress": [...PROTOCOL, "cli/events", "cli/output", "cli/text"],
  "cli/help": [...PROTOCOL, "client/mod.ts", "cli/exit_codes.ts", "cli/text"],
  "cli": [
    ...[...PROTOCOL, "platform", "client/mod.ts", "cli/output", "cli/help"],
    ...["client/v3/mod.ts", "client/v4/downloads.ts"],
    ...["cli/exit_codes.ts", "cli/signals.ts"],
  ],
  "cli/configuration": [
    ...[...PROTOCOL, "server/mod.ts", "cli/arguments", "cli/events", "cli/help", "cli/output"],
    "cli/text",
  ],
  "cli/completions": ["cli/command_tree.ts"],
  "cli/commands": [...COMMANDS, "cli/command_tree.ts", "cli/completions"],
  "cli/commands/client": [...COMMANDS, "client/mod.ts", "cli/progress"],
  "cli/commands/server": [
    ...[...COMMANDS, "server/mod.ts", "cli/configuration", "cli/events", "cli/signals.ts"],
    "platform",
    ...["cli/commands/server/import.ts", "cli/commands/server/report_action.ts"],
  ],
  "cli/commands/server/report_action.ts": [...COMMANDS, "server/mod.ts", "cli/configuration"],
  // An import keeps times to the nanosecond, which only the client's files can read.
  "cli/commands/server/import.ts": [
    ...[...COMMANDS, "client/mod.ts", "server/mod.ts", "cli/configuration"],
    "cli/commands/server/report_action.ts",
  ],
  "cli/program.ts": ["cli", "cli/arguments", "cli/commands/*", "cli/help", "cli/text"],
  "cli/main.ts": ["cli", "cli/arguments", "cli/exit_codes.ts", "cli/program.ts"],

  // The executable and the library.
  "main.ts": ["cli/main.ts"],
  "mod.ts": ["protocol/*", "client/*", "server/*"],
};

/** Deviations from the plan, by rule. These lists only shrink: an entry that is no longer needed is an error. */
export const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  "imports go only where the plan has an arrow": [],
  "no files import each other in a circle": [],
  "no rooms import each other in a circle": [],
  "protocol/ only computes": [],
  "platform/c_library.ts alone loads a library": [],
  "the top levels of server, client and cli have at most eight files": [],
  "no name of a type is declared in two files": [],
  "no folder is named after nothing": [],
  "every row of the plan has files": [],
};
