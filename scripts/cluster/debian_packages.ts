/** Programs of other projects that tests of a cluster need, from Debian's packages. */

/** The most time to download packages, in milliseconds. */
const DOWNLOAD_MS = 180_000;
/** Without a network, a download fails soon. Waits for another installation in progress. */
const APT = [
  ...["apt-get", "-q", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=15"],
  ...["-o", "DPkg::Lock::Timeout=120"],
] as const;

/** Installs packages that are missing, which needs root. Returns those that are missing after that, with the reason. */
export async function installPackages(names: readonly string[]): Promise<MissingPackages> {
  const missing = await missingPackages(names);
  if (missing.length === 0) return { names: [], reason: "" };
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return { names: missing, reason: "" };
  try {
    const options = ["install", "-y", "--no-install-recommends"];
    const signal = AbortSignal.timeout(DOWNLOAD_MS);
    await apt(["update"], signal).catch(() => undefined); // known packages may do
    // A download can be ended at any time, an installation cannot.
    await apt([...options, "--download-only", ...missing], signal);
    await apt([...options, "--no-download", ...missing]);
    return { names: await missingPackages(names), reason: "" };
  } catch (error) {
    return { names: missing, reason: error instanceof Error ? error.message : String(error) };
  }
}

export interface MissingPackages {
  readonly names: readonly string[];
  /** Why they could not be installed, if that was tried. */
  readonly reason: string;
}

/** Those of the packages that are not installed; all, if this is not Debian. */
async function missingPackages(names: readonly string[]): Promise<string[]> {
  const missing = [];
  for (const name of names) {
    const status = await output(["dpkg-query", "-W", "-f", "${Status}", name]).catch(() => "");
    if (!status.includes("install ok installed")) missing.push(name);
  }
  return missing;
}

async function apt(args: readonly string[], signal?: AbortSignal): Promise<void> {
  await output(["env", "DEBIAN_FRONTEND=noninteractive", ...APT, ...args], { signal });
}

/** The standard output of a program. Throws an error with its messages if it fails. */
export async function output(
  [program = "", ...args]: readonly string[],
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const command = new Deno.Command(program, {
    ...{ args, stdin: "null", stdout: "piped", stderr: "piped" },
    ...(signal === undefined ? {} : { signal }),
  });
  const { code, stdout, stderr } = await command.output();
  const [text = "", errors = ""] = [stdout, stderr].map((bytes) =>
    new TextDecoder().decode(bytes).trim()
  );
  // swift-ring-builder ends with 1 for a warning.
  const isWarning = program === "swift-ring-builder" && code === 1;
  if (code !== 0 && !isWarning) {
    throw new Error(`${[program, ...args].join(" ")}: ${errors || text || `exit code ${code}`}`);
  }
  return text;
}
