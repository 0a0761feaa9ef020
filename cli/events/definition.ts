/**
 * How an event is defined: its fields, for programs, and its words, for people.
 *
 * @module
 */
import type { Paint } from "../text/colors.ts";

/** The part of JSON Schema that fields are described with. */
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
  /** Whether it may be missing. */
  readonly isOptional?: boolean;
  /** Whether it is a text of several lines. */
  readonly hasLines?: boolean;
  /** Only for the compiler. */
  readonly [VALUE]?: T;
}

type Optional<T> = Field<T> & { readonly isOptional: true };
export type Fields = Readonly<Record<string, Field>>;
type FieldValue<F> = F extends Field<infer T> ? T : never;

/** What an event with such fields holds. */
export type Values<F extends Fields> =
  & { readonly [K in keyof F as F[K] extends Optional<unknown> ? never : K]: FieldValue<F[K]> }
  & {
    readonly [K in keyof F as F[K] extends Optional<unknown> ? K : never]?:
      | FieldValue<F[K]>
      | undefined;
  };

/**
 * `result` is what a command was run for; `note` is what goes on meanwhile; `progress` is drawn, not written; `security`
 * is a warning that people always see, with `--quiet` too. The result goes to standard output, all else to standard error.
 */
export type EventKind = "result" | "note" | "warning" | "security" | "error" | "progress";

type Words<F extends Fields> = (event: Values<F>, paint: Paint) => string | undefined;

export interface Definition<F extends Fields = Fields> {
  /** Of every such event, or by what it says. */
  readonly kind: EventKind | ((event: Values<F>) => EventKind);
  /** Whether people are told only with `--verbose`: always, or of such an event. */
  readonly isDetail?: boolean | ((event: Values<F>) => boolean);
  /** What has happened, as a sentence. */
  readonly what: string;
  readonly fields: F;
  /** For people, one line or several; all texts are safe to show by then. Nothing, where there is nothing to say. */
  readonly words: Words<F>;
  /** What is said beside the result, as a note. */
  readonly aside?: Words<F>;
}

export function defineEvent<F extends Fields>(definition: Definition<F>): Definition<F> {
  return definition;
}

const field = <T>(schema: Schema): Field<T> => ({ schema });

/** A text of one line or several. */
export const lines = (description: string): Field<string> => ({
  schema: { type: "string", description },
  hasLines: true,
});

export const text = (description: string) => field<string>({ type: "string", description });
export const flag = (description: string) => field<boolean>({ type: "boolean", description });
export const number = (description: string) =>
  field<number>({ type: "number", minimum: 0, description });

/** A whole number, from 0 on: bytes, files, a checksum. */
export const count = (description: string) =>
  field<number>({ type: "integer", minimum: 0, description });

/** A moment, as ISO 8601 has it, in UTC. */
export const time = (description: string) =>
  field<string>({ type: "string", format: "date-time", description });

export const oneOf = <const V extends string | number>(values: readonly V[], description: string) =>
  field<V>({ enum: values, description });

/** A quantity that may have no bound, which is `"none"`; `null` where another one holds. */
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

/** The schema of an object with these fields and no others. */
export function schemaOf(fields: Fields): Schema {
  const entries = Object.entries(fields);
  return {
    type: "object",
    properties: Object.fromEntries(entries.map(([name, { schema }]) => [name, schema])),
    required: entries.filter(([, { isOptional }]) => isOptional !== true).map(([name]) => name),
    additionalProperties: false,
  };
}
