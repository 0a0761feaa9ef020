/**
 * Assembles protocol/crc/reverse_bits.wat and writes the bytes into reverse_bits.ts beside it. With `--check`, only
 * compares.
 */
import wabt from "wabt";

const SOURCE = new URL("../protocol/crc/reverse_bits.wat", import.meta.url);
const TARGET = new URL("../protocol/crc/reverse_bits.ts", import.meta.url);
const LINE = 96;

/** The source of the module that contains the assembled bytes. */
export async function assemble(): Promise<string> {
  const { parseWat } = await wabt();
  const features = { simd: true, relaxed_simd: true };
  const module = parseWat("reverse_bits.wat", await Deno.readTextFile(SOURCE), features);
  try {
    const bytes = module.toBinary({}).buffer;
    const text = btoa(String.fromCharCode(...bytes));
    const lines = text.match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
    return [
      "/** `reverse_bits.wat`, assembled by scripts/build_wasm.ts: WebAssembly in base64. */",
      "export const REVERSE_BITS =",
      `${lines.map((line) => `  "${line}"`).join(" +\n")};`,
      "",
    ].join("\n");
  } finally {
    module.destroy();
  }
}

if (import.meta.main) {
  const text = await assemble();
  const there = await Deno.readTextFile(TARGET).catch(() => "");
  if (text === there) console.log("reverse_bits.ts is up to date");
  else if (Deno.args.includes("--check")) {
    console.error("reverse_bits.ts is out of date: run 'deno task build:wasm'");
    Deno.exit(1);
  } else {
    await Deno.writeTextFile(TARGET, text);
    console.log("Wrote reverse_bits.ts");
  }
}
