/**
 * What the executable may do, and why. All else is refused to it: running programs, loading libraries, most of the
 * environment. The end-to-end tests run xfer with exactly these, from source as well as compiled.
 *
 * @module
 */
interface Permission {
  readonly flag: string;
  readonly why: string;
}

export const PERMISSIONS: readonly Permission[] = [
  { flag: "--allow-net", why: "the server listens and the client connects where the user says" },
  {
    flag: "--allow-read",
    why: "files to send, identities and data folders lie where the user says",
  },
  { flag: "--allow-write", why: "what is received, and the data folder, go where the user says" },
  {
    flag:
      "--allow-env=CLICOLOR_FORCE,FORCE_COLOR,LANG,LC_ALL,LC_CTYPE,NO_COLOR,TERM,WT_SESSION,XFER_*",
    why:
      "what the terminal can draw, and whether in colours; commander asks whether its help may have colours; the " +
      "server's settings",
  },
  {
    flag: "--allow-sys=hostname,statfs,uid",
    why: "the host's name in the line for transfer.info, the room on a disk, whose a key file is",
  },
  { flag: "--deny-import", why: "all code is in the executable; none comes over the network" },
  { flag: "--no-prompt", why: "what is not allowed fails, and nobody is asked to allow it" },
];

export const PERMISSION_FLAGS: readonly string[] = PERMISSIONS.map(({ flag }) => flag);
