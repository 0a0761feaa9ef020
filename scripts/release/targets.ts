/**
 * The targets of a release.
 *
 * @module
 */
export interface Target {
  /** The name for people, which packaging/install.sh derives from `uname`. */
  readonly name: string;
  /** Deno's name. */
  readonly triple: string;
  /** The executable's name in a release. */
  readonly file: string;
}

export const TARGETS: readonly Target[] = [
  { name: "linux-x64", triple: "x86_64-unknown-linux-gnu", file: "xfer-linux-x64" },
  { name: "linux-arm64", triple: "aarch64-unknown-linux-gnu", file: "xfer-linux-arm64" },
  { name: "macos-x64", triple: "x86_64-apple-darwin", file: "xfer-macos-x64" },
  { name: "macos-arm64", triple: "aarch64-apple-darwin", file: "xfer-macos-arm64" },
  { name: "windows-x64", triple: "x86_64-pc-windows-msvc", file: "xfer-windows-x64.exe" },
];

/** The target of this machine, if any. */
export function hostTarget(): Target | undefined {
  return TARGETS.find(({ triple }) => triple === Deno.build.target);
}
