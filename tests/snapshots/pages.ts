/** The pages: the output of every command, each step in all its forms. */
import { type FormName, FORMS } from "./forms.ts";
import { CHAPTERS } from "./story.ts";
import { SnapshotWorld, type Step } from "./world.ts";

export interface Page {
  /** The name of its file. */
  readonly name: string;
  readonly text: string;
  readonly steps: readonly FormedStep[];
}

export type FormedStep = readonly (readonly [FormName, Step])[];

/** The path of a page. */
export function pathOfPage(name: string): URL {
  return new URL(`${name}.txt`, import.meta.url);
}

/** Plays the story in all forms. Each has its own server. */
export async function makePages(): Promise<Page[]> {
  const rendered = await Promise.all(
    (Object.keys(FORMS) as FormName[]).map(async (form) => [form, await play(form)] as const),
  );
  return CHAPTERS.map(({ page: name, about }) => {
    const byForm = rendered.flatMap(([form, chapters]) => {
      const steps = chapters.get(name);
      return steps === undefined ? [] : [[form, steps] as const];
    });
    const [[, first]] = byForm as [typeof byForm[number]];
    const steps = first.map((_, i) =>
      byForm.map(([form, steps]) => [form, steps[i] as Step] as const)
    );
    return { name, steps, text: pageOf(about, steps) };
  });
}

/** The output of each chapter in a form. */
async function play(form: FormName): Promise<Map<string, readonly Step[]>> {
  await using world = await SnapshotWorld.create(form);
  const chapters = new Map<string, readonly Step[]>();
  for (const { page, forms, tell } of CHAPTERS) {
    if (!forms.includes(form)) break;
    const before = world.steps.length;
    await tell(world);
    chapters.set(page, world.steps.slice(before));
  }
  return chapters;
}

function pageOf(about: string, steps: readonly FormedStep[]): string {
  const parts = steps.map((forms) =>
    [
      `━━━ ${forms[0]?.[1].title}`,
      ...forms.flatMap(([form, { printed: { code, shown } }]) => [
        "",
        `─── ${FORMS[form].title}${code === 0 ? "" : `, exit ${code}`}`,
        ...shown,
      ]),
    ].join("\n")
  );
  return [`${about}\n${LEGEND}`, ...parts].join("\n\n") + "\n";
}

const LEGEND = `Written by \`deno task snapshots\`; how to read it: names.ts and forms.ts.`;
