/** docs/configuration.md, of the table in cli/configuration/settings.ts. */
import { CONFIG, KEYS, SETTINGS, variableOf } from "../../cli/configuration/settings.ts";
import { table } from "./markdown.ts";

function rows(): string[][] {
  const file = [`\`--${CONFIG}\``, "", `\`${variableOf(CONFIG)}\``, "", "read again"];
  return [
    file,
    ...KEYS.map((key) => {
      const { default: text, defaultWords = `\`${text}\``, reloadable = false } = SETTINGS[key];
      const names = [`\`--${key}\``, `\`${key}\``, `\`${variableOf(key)}\``];
      return [...names, defaultWords, reloadable ? "in force" : "needs a restart"];
    }),
  ];
}

export function configurationPage(): string {
  return `# Configuration of the server

Each setting can be given in three ways, or not at all. The first of these that says something of it
is in force:

1. an option: \`xfer server --quota 10GB\`
2. a variable of the environment: \`XFER_QUOTA=10GB\`
3. a file: \`quota = "10GB"\` in the one that \`--config FILE\` or \`XFER_CONFIG=FILE\` names
4. its default

The commands below \`xfer server\` go by the same: \`XFER_DATA=/srv/xfer xfer server list\`.

\`\`\`sh
xfer server config --example > server.toml    # everything, commented out, with what it is for
xfer server --config server.toml
xfer server config --config server.toml       # what would be in force, and whence
\`\`\`

\`\`\`
data = "/srv/xfer"        # server.toml line 3
listen = ["0.0.0.0:1256"] # port.info
quota = "10GB"            # XFER_QUOTA
max-connections = 4096    # default
…
\`\`\`

What \`xfer server config\` prints is a file with settings itself; with \`--json\`, an event for
[each](json.md#setting). It checks them as the server does,
and ends with code 3 where they can't be used: try it before you restart or reload a server.

## How values are written

| kind  | written                                                                              |
| ----- | ------------------------------------------------------------------------------------ |
| time  | \`500ms\`, \`30s\`, \`10m\`, \`2h\`                                                          |
| size  | \`4096\`, \`64KiB\`, \`10MB\`, \`2GiB\`; a rate likewise, each second                        |
| count | \`4096\`                                                                               |
| list  | \`listen\`: between spaces, or the option repeated; \`edition\`: between commas          |
| path  | relative ones begin at the folder that the server is started in, wherever they stand |

\`none\` lifts a limit. 0 is refused where nothing would work with it, as for \`max-connections\`; where
it is taken, it means 0: \`min-free = 0\` leaves no room free. An empty variable is as good as none.

The file is [TOML](https://toml.io), in UTF-8, at most 64 KiB: keys and values without tables.
Values are texts, as an option would have them; counts, sizes and rates may be plain numbers, lists
may be arrays.

\`\`\`toml
listen = ["0.0.0.0:1256", "0.0.0.0:1257=2024early"]
registration = "invite"
quota = "10GB"
max-connections = 500
\`\`\`

Nothing in there is secret: keys are in files of their own.

## What is wrong is refused

A key that there is not, a value of a wrong kind or out of its bounds, in the file or the
environment, ends the start with code 3, whether or not another goes before it. The error says
where:

\`\`\`
xfer: /etc/xfer/server.toml line 3: there is no setting "quotta" [unknown-setting]
      Did you mean quota?
xfer: /etc/xfer/server.toml line 4, idle-timeout: found 30 [bad-setting]
      Expected a time such as 500ms, 30s, 10m or 2h, or none.
xfer: XFER_REGISTRATION: found "invit" [bad-setting]
      Expected one of open, invite, closed.
\`\`\`

Variables that begin with \`XFER_\` and are no setting are not looked at: xfer can't see any that it
does not ask for, and Kubernetes sets such (\`XFER_PORT\`) for a service of that name. Whether yours
is spelled right is shown by \`xfer server config\`.

## SIGHUP

At SIGHUP (not on Windows) the server reads the file again, and
[certificate and key](operations.md#another-certificate-without-a-restart). Limits, \`registration\`
and \`grace\` are in force at once, all together, for connections that are open too; only a wait that
has begun ends as it would have. An option or a variable goes before the file as at the start. The
log tells what came of it:

| event                   | when                                                                                            |
| ----------------------- | ----------------------------------------------------------------------------------------------- |
| \`server.reloaded\`       | what is in force now, and what it was                                                           |
| \`server.restart-needed\` | what was changed too, and stays as it was until the server is started again                     |
| \`server.unchanged\`      | all is the same                                                                                 |
| \`server.not-reloaded\`   | the file can't be read or something in it is wrong: everything stays as it was, certificate too |

What goes over a new limit already stays: connections are not cut, files not removed.

## All settings

${table(["option", "key", "variable", "default", "at SIGHUP"], rows())}

Why the limits are what they are: [operations](operations.md#limits).
`;
}
