/** Programs of other projects that tests of a cluster need, from Debian's packages. */

/** Installs the packages that are missing, which needs root. Waits for another installation in progress. */
export async function installPackages(names: readonly string[]): Promise<void> {
  const missing = await missingPackages(names);
  if (missing.length === 0) return;
  const apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=600"];
  await output(...apt as [string], "-q", "update").catch(() => "");
  await output(...apt as [string], "-q", "install", "-y", "--no-install-recommends", ...missing);
}

/** Those of the packages that are not installed; all, if this is not Debian. */
export async function missingPackages(names: readonly string[]): Promise<string[]> {
  const missing = [];
  for (const name of names) {
    const status = await output("dpkg-query", "-W", "-f", "${Status}", name).catch(() => "");
    if (!status.includes("install ok installed")) missing.push(name);
  }
  return missing;
}

/** Whether the packages are there, or can be installed. */
export async function canInstall(names: readonly string[]): Promise<boolean> {
  return Deno.build.os === "linux" &&
    (Deno.uid() === 0 || (await missingPackages(names)).length === 0);
}

/** The standard output of a program. Throws an error with its messages if it fails. */
export async function output(program: string, ...args: readonly string[]): Promise<string> {
  const command = new Deno.Command(program, { args: [...args], stdout: "piped", stderr: "piped" });
  const { code, stdout, stderr } = await command.output();
  const [text, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  // swift-ring-builder ends with 1 for a warning.
  const isWarning = program === "swift-ring-builder" && code === 1;
  if (code !== 0 && !isWarning) throw new Error(`${program} ${args.join(" ")}: ${errors || text}`);
  return text ?? "";
}
