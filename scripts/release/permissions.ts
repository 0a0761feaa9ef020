/**
 * The permissions of the executable, with reasons. Everything else is denied: running programs, most of the environment.
 * `xfer server` gives up what only the client needs. The end-to-end tests run xfer with exactly these, from source and compiled.
 *
 * @module
 */
interface Permission {
  readonly flag: string;
  readonly why: string;
}

export const PERMISSIONS: readonly Permission[] = [
  {
    flag: "--allow-net",
    why: "the server listens and the client connects at addresses that the user chooses",
  },
  {
    flag: "--allow-read",
    why: "the user chooses the paths of uploads, identities and data folders",
  },
  { flag: "--allow-write", why: "the user chooses the paths of downloads and the data folder" },
  {
    flag:
      "--allow-env=AWS_*,CLICOLOR_FORCE,FORCE_COLOR,LANG,LC_ALL,LC_CTYPE,NOTIFY_SOCKET,NO_COLOR,OTEL_DENO,PG*,TERM,WATCHDOG_USEC,WT_SESSION,XFER_*",
    why:
      "the abilities and colors of the terminal, for which commander asks too; the server's settings; the " +
      "address and the secrets of a database (PG*) and an object store (AWS_*); the socket of systemd (NOTIFY_SOCKET, " +
      "WATCHDOG_USEC); whether Deno exports traces (OTEL_DENO)",
  },
  {
    flag: "--allow-sys=hostname,statfs,uid",
    why: "the host name in the line for transfer.info, free disk space, the owner of a key file",
  },
  {
    // The library has a path of its own on each system, and Deno restricts libraries only by their absolute path.
    flag: "--allow-ffi",
    why:
      "on Linux, the C library gives the client times in nanoseconds, cheaper calls to files and the sync of many, " +
      "TCP_NODELAY and messages to systemd to the server, and to both one pool of free memory for all threads",
  },
  { flag: "--deny-import", why: "all code is in the executable; none is loaded over the network" },
  { flag: "--no-prompt", why: "a denied operation fails without a prompt" },
];

export const PERMISSION_FLAGS: readonly string[] = PERMISSIONS.map(({ flag }) => flag);
