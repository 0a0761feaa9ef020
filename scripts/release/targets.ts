/**
 * The machines that a release is for.
 *
 * @module
 */
export interface Target {
  /** As people name it, and as packaging/install.sh makes it out of `uname`. */
  readonly name: string;
  /** As Deno names it. */
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

/** This machine, if it is one of them. */
export function hostTarget(): Target | undefined {
  return TARGETS.find(({ triple }) => triple === Deno.build.target);
}
