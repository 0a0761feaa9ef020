/** docs/configuration.md, from the table in cli/configuration/settings.ts. */
import { CONFIG, KEYS, SETTINGS, variableOf } from "../../cli/configuration/settings.ts";
import { table } from "./markdown.ts";

function rows(): string[][] {
  const file = [`\`--${CONFIG}\``, "", `\`${variableOf(CONFIG)}\``, "", "read again"];
  return [
    file,
    ...KEYS.map((key) => {
      const { default: text, defaultWords = `\`${text}\``, reloadable = false } = SETTINGS[key];
      const names = [`\`--${key}\``, `\`${key}\``, `\`${variableOf(key)}\``];
      return [...names, defaultWords, reloadable ? "applied" : "needs a restart"];
    }),
  ];
}

export function configurationPage(): string {
  return `# Configuration of the server

You can set each setting in three ways. If several set it, the first of these takes precedence:

1. an option: \`xfer server --quota 10GB\`
2. an environment variable: \`XFER_QUOTA=10GB\`
3. a file: \`quota = "10GB"\`, in the file that \`--config FILE\` or \`XFER_CONFIG=FILE\` names

Otherwise, the setting has its default. The commands below \`xfer server\` use the same settings: \`XFER_DATA=/srv/xfer xfer server list\`.

\`\`\`sh
xfer server config --example > server.toml    # all settings with comments, commented out
xfer server --config server.toml
xfer server config --config server.toml       # the effective settings, and where each comes from
\`\`\`

\`\`\`
data = "/srv/xfer"        # server.toml line 3
listen = ["0.0.0.0:1256"] # port.info
quota = "10GB"            # XFER_QUOTA
max-connections = 4096    # default
…
\`\`\`

The output of \`xfer server config\` is itself a valid settings file. With \`--json\` it is one event for
[each setting](json.md#setting). The command checks the settings as the server does, and exits with
code 3 if they are invalid. Run it before you restart or reload a server.

## How values are written

| kind  | written as                                                                          |
| ----- | ----------------------------------------------------------------------------------- |
| time  | \`500ms\`, \`30s\`, \`10m\`, \`2h\`; for \`history\` and \`check-interval\`: \`10m\`, \`12h\`, \`30d\` |
| size  | \`4096\`, \`64KiB\`, \`10MB\`, \`2GiB\`; the same for rates, per second                   |
| count | \`4096\`                                                                              |
| list  | \`listen\`: separated by spaces, or the option repeated; \`edition\`: by commas         |
| path  | relative to the folder where you start the server, even in a settings file          |

\`none\` removes a limit. 0 is refused for settings with which nothing would work, such as
\`max-connections\`. [Limits](operations.md#limits) says what it means elsewhere: \`min-free = 0\` keeps no
space free, \`max-rate = 0\` sets no limit. An empty variable counts as not set.

The file is [TOML](https://toml.io), in UTF-8, at most 64 KiB, with keys and values but no tables.
Values are texts, written as in an option. Counts, sizes and rates can be plain numbers, and lists can
be arrays.

\`\`\`toml
listen = ["0.0.0.0:1256", "0.0.0.0:1257=2024early"]
registration = "invite"
quota = "10GB"
max-connections = 500
\`\`\`

The file contains no secrets: keys are in files of their own.

## Invalid settings

An unknown key in the file, or a value of the wrong kind or out of range in the file or the
environment, stops the start with code 3, even if another source takes precedence. The error says where it is:

\`\`\`
xfer: /etc/xfer/server.toml line 3: unknown setting "quotta" [unknown-setting]
      Did you mean 'quota'?
xfer: XFER_REGISTRATION: invalid value "invit": expected one of open, invite, closed [bad-setting]
      Run 'xfer server config --example' to see every setting.
\`\`\`

Unknown variables that begin with \`XFER_\` are ignored. xfer cannot see variables that it does not ask
for, and Kubernetes sets such variables (\`XFER_PORT\`) for a service of that name. To check the
spelling of yours, run \`xfer server config\`.

## SIGHUP

On SIGHUP (not on Windows) the server reads the file again, and the
[certificate and key](operations.md#another-certificate-without-a-restart). Limits, \`registration\`
and \`grace\` take effect at once, all together, including for open connections. Only a wait that has already
begun keeps its old limit. Options and variables take precedence over the file, as at the start. The
log shows the result:

| event                   | meaning                                                                                    |
| ----------------------- | ------------------------------------------------------------------------------------------ |
| \`server.reloaded\`       | the changed settings, with their new and old values                                        |
| \`server.restart-needed\` | the changed settings that take effect only after a restart                                 |
| \`server.unchanged\`      | nothing has changed                                                                        |
| \`server.not-reloaded\`   | the file cannot be read or is invalid: nothing changes, not even the certificate           |

A lower limit closes no open connections and removes no files.

## All settings

${table(["option", "key", "variable", "default", "at SIGHUP"], rows())}

[Operations](operations.md#limits) gives the reason for each limit.
`;
}
