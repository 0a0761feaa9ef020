/** The results of a run of the conformance suite. */
import type { Grade } from "./server_case.ts";

export interface Result {
  readonly target: "server" | "client";
  readonly edition: string;
  readonly name: string;
  readonly grade: Grade;
  readonly passed: boolean;
  readonly expected: string;
  readonly came: string;
}

export interface Summary {
  readonly cases: number;
  /** The numbers of passed cases and of all, by grade. */
  readonly grades: Readonly<Record<Grade, { readonly passed: number; readonly all: number }>>;
  /** Whether all required cases passed. */
  readonly conforms: boolean;
}

export function summarize(results: readonly Result[]): Summary {
  const of = (grade: Grade) => {
    const cases = results.filter((result) => result.grade === grade);
    return { passed: cases.filter(({ passed }) => passed).length, all: cases.length };
  };
  const grades = { required: of("required"), robust: of("robust"), optional: of("optional") };
  const conforms = grades.required.all > 0 && grades.required.passed === grades.required.all;
  return { cases: results.length, grades, conforms };
}

const VERDICTS = {
  required: ["FAIL", "pass"],
  robust: ["weak", "pass"],
  optional: ["no", "yes"],
} as const;

export function formatResult(
  { target, edition, name, grade, passed, expected, came }: Result,
): string {
  const verdict = VERDICTS[grade][passed ? 1 : 0];
  const columns = [verdict.padEnd(4), grade.padEnd(8), edition.padEnd(9), target, name];
  return `${columns.join("  ")} | expected: ${expected} | received: ${came}`;
}

export function formatSummary({ cases, grades, conforms }: Summary): string {
  const { required, robust, optional } = grades;
  return `${cases} cases: required ${required.passed} of ${required.all}, robust ${robust.passed} of ` +
    `${robust.all}; optional behavior ${optional.passed} of ${optional.all}. ` +
    (conforms ? "The target conforms." : "The target does not conform.");
}
