/**
 * The contents of the executable with licenses, in CycloneDX format.
 *
 * @module
 */
// The library's validator loads these three by name. The imports make sure that they are installed.
import "ajv";
import "ajv-formats";
import "ajv-formats-draft2019";
import {
  Contrib,
  Enums,
  Models,
  Serialize,
  SPDX,
  Spec,
  Validation,
} from "@cyclonedx/cyclonedx-library";
import { join } from "node:path";
import type { Package } from "./packages.ts";

const SPEC = Spec.Spec1dot6;
const { Application, Library, Platform } = Enums.ComponentType;

/** The program whose contents are listed. */
export interface Program {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly packages: readonly Package[];
  /** The folder of an unpacked package. */
  readonly folderOf: (of: Package) => Promise<string>;
}

/** Deno appends the program to its own runtime, whose contents are listed in Deno's releases. */
const RUNTIME = [
  {
    type: Platform,
    name: "deno",
    version: Deno.version.deno,
    license: "MIT",
    description: "The runtime that the program is compiled into",
  },
  {
    type: Library,
    name: "v8",
    version: Deno.version.v8,
    license: "BSD-3-Clause",
    description: "The JavaScript engine, a part of the runtime",
  },
] as const;

/**
 * The list as JSON. The same program always gives the same text. Throws `Error` if a package's license has no SPDX id,
 * or if the list violates the schema.
 */
export async function billOfMaterials(program: Program): Promise<string> {
  const own = new Models.Component(Application, program.name, {
    bomRef: `${program.name}@${program.version}`,
    version: program.version,
  });
  own.licenses.add(spdx(program.name, program.license));
  const bom = new Models.Bom();
  bom.metadata.component = own;
  for (const { type, name, version, license, description } of RUNTIME) {
    const bomRef = `${name}@${version}`;
    const component = new Models.Component(type, name, { bomRef, version, description });
    component.licenses.add(spdx(name, license));
    own.dependencies.add(component.bomRef);
    bom.components.add(component);
  }
  const parts: (readonly [Package, Models.Component])[] = [];
  for (const of of program.packages) {
    parts.push([of, await componentOf(of, await program.folderOf(of))]);
  }
  const refs = new Map(parts.map(([{ id }, { bomRef }]) => [id, bomRef]));
  for (const [{ direct, dependencies }, component] of parts) {
    bom.components.add(component);
    if (direct) own.dependencies.add(component.bomRef);
    for (const id of dependencies) component.dependencies.add(refs.get(id) ?? missing(id));
  }
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(SPEC));
  const text = serializer.serialize(bom, { sortLists: true, space: 2 });
  const fault = await new Validation.JsonStrictValidator(SPEC.version).validate(text);
  if (fault !== null) throw new Error(`Cannot write the SBOM: ${JSON.stringify(fault)}`);
  return `${text}\n`;
}

/** A package's own description, with its entry in deno.lock. */
async function componentOf(
  { id, name, version, integrity }: Package,
  folder: string,
): Promise<Models.Component> {
  const json = await Deno.readTextFile(join(folder, "package.json"));
  const { description, license } = JSON.parse(json) as { description?: string; license?: string };
  const [, group, bare = name] = /^(@[^/]+)\/(.+)$/.exec(name) ?? [];
  const component = new Models.Component(Library, bare, {
    bomRef: id,
    version,
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    ...(group === undefined ? {} : { group }),
    ...(description === undefined ? {} : { description }),
  });
  component.hashes.set(...Contrib.FromNodePackageJson.Utils.parsePackageIntegrity(integrity));
  component.licenses.add(spdx(id, license));
  const evidence = new Models.ComponentEvidence();
  const gatherer = new Contrib.License.Utils.LicenseEvidenceGatherer();
  for (const { file, text } of gatherer.getFileAttachments(folder)) {
    evidence.licenses.add(new Models.NamedLicense(`file: ${file}`, { text }));
  }
  if (evidence.licenses.size > 0) component.evidence = evidence;
  return component;
}

function spdx(id: string, license: string | undefined): Models.SpdxLicense {
  if (license !== undefined && SPDX.isSupportedSpdxId(license)) {
    return new Models.SpdxLicense(license);
  }
  throw new Error(`Cannot list ${id}: its license ${JSON.stringify(license)} has no SPDX id`);
}

function missing(id: string): never {
  throw new Error(`Cannot list ${id}: it is a dependency but not among the packages`);
}
