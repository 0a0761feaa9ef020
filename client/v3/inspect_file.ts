/**
 * Checks whether protocol 3 can carry a file.
 *
 * @module
 */
import type { Bytes } from "../../protocol/bytes.ts";
import { StorageError } from "../../protocol/errors.ts";
import { printable } from "../../protocol/printable.ts";
import { FIELDS } from "../../protocol/v3/editions/edition.ts";
import { maxFileSize } from "../../protocol/v3/file_parts.ts";
import type { Profile } from "../../protocol/v3/server_session.ts";
import { encodeTextField } from "../../protocol/v3/text_field.ts";
import { SourceFile } from "../local/source_file.ts";

/**
 * Inspects a file before it is sent. `nameField`: its name as a field of a request. Throws `UsageError` `empty-path`;
 * `StorageError` `cannot-read`, `not-a-file`, `name-too-long` or `file-too-large`.
 */
export async function inspectFile(
  path: string,
  profile: Profile,
): Promise<{ readonly file: SourceFile; readonly nameField: Bytes }> {
  const file = await SourceFile.inspect(path);
  const shown = printable(path);
  const nameField = encodeTextField(file.name, FIELDS.fileName.size);
  if (nameField === undefined) {
    throw new StorageError(
      "name-too-long",
      `cannot upload ${shown}: its name is longer than ${FIELDS.fileName.size - 1} bytes`,
      { hint: "Rename the file." },
    );
  }
  const max = maxFileSize(profile);
  if (file.size > max) {
    throw new StorageError(
      "file-too-large",
      `cannot upload ${shown}: it has ${file.size} bytes, and protocol 3 allows at most ${max}`,
      { hint: "Split the file, for example with split." },
    );
  }
  return { file, nameField };
}
