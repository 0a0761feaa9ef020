/**
 * The definition of an event: fields for programs, words for people.
 *
 * @module
 */
import type { Presentation } from "../text/presentation.ts";

/** The part of JSON Schema that describes fields. */
export interface Schema {
  readonly type?: "string" | "integer" | "number" | "boolean" | "array" | "object" | "null";
  readonly anyOf?: readonly Schema[];
  readonly const?: string;
  readonly enum?: readonly (string | number)[];
  readonly format?: "date-time";
  readonly minimum?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false;
  readonly description?: string;
}

declare const VALUE: unique symbol;

export interface Field<T = unknown> {
  readonly schema: Schema;
  /** Whether the field may be missing. */
  readonly isOptional?: boolean;
  /** Whether the text has several lines. */
  readonly hasLines?: boolean;
  /** Only for the compiler. */
  readonly [VALUE]?: T;
}

type Optional<T> = Field<T> & { readonly isOptional: true };
export type Fields = Readonly<Record<string, Field>>;
type FieldValue<F> = F extends Field<infer T> ? T : never;

/** The values of an event with these fields. */
export type Values<F extends Fields> =
  & { readonly [K in keyof F as F[K] extends Optional<unknown> ? never : K]: FieldValue<F[K]> }
  & {
    readonly [K in keyof F as F[K] extends Optional<unknown> ? K : never]?:
      | FieldValue<F[K]>
      | undefined;
  };

/**
 * `result`: the output of the command, on standard output. All others go to standard error: `note` informs, `progress` is
 * drawn instead of written, and `security` is a warning that `--quiet` keeps.
 */
export type EventKind = "result" | "note" | "warning" | "security" | "error" | "progress";

type Words<F extends Fields> = (event: Values<F>, show: Presentation) => string | undefined;

export interface Definition<F extends Fields = Fields> {
  /** The kind of every such event, or a function of its fields. */
  readonly kind: EventKind | ((event: Values<F>) => EventKind);
  /**
   * Whether people see the event only with `--verbose`. `"many"`: if the command handles more than `MANY_FILES` files; the
   * summary counts them.
   */
  readonly isDetail?: boolean | "many" | ((event: Values<F>) => boolean);
  /** The description in docs/json.md, a sentence. */
  readonly what: string;
  readonly fields: F;
  /** For people: one or more lines, or nothing. All texts are already safe to print. */
  readonly words: Words<F>;
  /** A note that follows a result. */
  readonly note?: Words<F>;
}

export function defineEvent<F extends Fields>(definition: Definition<F>): Definition<F> {
  return definition;
}

const field = <T>(schema: Schema): Field<T> => ({ schema });

/** A text of one or more lines. */
export const lines = (description: string): Field<string> => ({
  schema: { type: "string", description },
  hasLines: true,
});

export const text = (description: string) => field<string>({ type: "string", description });
export const flag = (description: string) => field<boolean>({ type: "boolean", description });
export const number = (description: string) =>
  field<number>({ type: "number", minimum: 0, description });

/** A whole number from 0: bytes, files, a checksum. */
export const count = (description: string) =>
  field<number>({ type: "integer", minimum: 0, description });

/** A time: ISO 8601, in UTC. */
export const time = (description: string) =>
  field<string>({ type: "string", format: "date-time", description });

export const oneOf = <const V extends string | number>(values: readonly V[], description: string) =>
  field<V>({ enum: values, description });

/** A limit; `"none"`: no limit, `null`: the default applies. */
export const limit = (description: string) =>
  field<number | "none" | null>({
    anyOf: [{ type: "integer", minimum: 0 }, { const: "none" }, { type: "null" }],
    description,
  });

export const list = <T>(item: Field<T>, description: string) =>
  field<readonly T[]>({ type: "array", items: item.schema, description });

export const record = <F extends Fields>(fields: F, description: string) =>
  field<Values<F>>({ ...schemaOf(fields), description });

export const optional = <T>(field: Field<T>): Optional<T> => ({ ...field, isOptional: true });

/** The schema of an object with exactly these fields. */
export function schemaOf(fields: Fields): Schema {
  const entries = Object.entries(fields);
  return {
    type: "object",
    properties: Object.fromEntries(entries.map(([name, { schema }]) => [name, schema])),
    required: entries.filter(([, { isOptional }]) => isOptional !== true).map(([name]) => name),
    additionalProperties: false,
  };
}
