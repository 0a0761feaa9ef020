/** Modules that a command loads before it runs. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly { readonly code?: { readonly specifier?: string } }[];
}

/** The modules that Deno loads with a module, and packages, by their specifiers. Types are not loaded. */
async function loadedWith(entry: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    ...{ args: ["info", "--json", "--no-lock", entry], cwd: ROOT, stderr: "null" },
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: readonly Module[];
  };
  const bySpecifier = new Map(modules.map((module) => [module.specifier, module]));
  const loaded = new Set<string>();
  const visit = (specifier: string) => {
    if (loaded.has(specifier)) return;
    loaded.add(specifier);
    for (const { code } of bySpecifier.get(specifier)?.dependencies ?? []) {
      if (code?.specifier !== undefined) visit(code.specifier);
    }
  };
  visit(new URL(`../../${entry}`, import.meta.url).href);
  return [...loaded];
}

/** The operator's port and traces, but for the files that load them and ask for health. */
const ADMIN =
  /\/server\/admin\/(?!admin_address|admin_access|admin_links|load_admin|read_health)|^npm:\/?(hono|@opentelemetry\/api|uqr)@/;
/** The delivery of events, but for what settings need. */
const HOOKS = /\/server\/hooks\/(?!hook_settings|load_hooks)/;
const ELSEWHERE = /\/server\/catalog\/postgres\/|\/server\/blobs\/s3\/|^npm:\/?(pg|aws4fetch)@/;

Deno.test("loading: a server with a data folder loads nothing of databases and object stores", async () => {
  const loaded = await loadedWith("cli/commands/server/mod.ts");
  assert.ok(loaded.some((specifier) => specifier.endsWith("/server/stores/open_stores.ts")));
  assert.deepEqual(loaded.filter((specifier) => ELSEWHERE.test(specifier)), []);
});

Deno.test("loading: a server without --admin-listen loads nothing of the operator's port", async () => {
  const loaded = await loadedWith("cli/commands/server/mod.ts");
  assert.ok(loaded.some((specifier) => specifier.endsWith("/server/admin/load_admin.ts")));
  assert.deepEqual(loaded.filter((specifier) => ADMIN.test(specifier)), []);
});

Deno.test("loading: a server without --hook-url loads nothing that delivers events", async () => {
  const loaded = await loadedWith("cli/commands/server/mod.ts");
  assert.ok(loaded.some((specifier) => specifier.endsWith("/server/hooks/load_hooks.ts")));
  assert.deepEqual(loaded.filter((specifier) => HOOKS.test(specifier)), []);
});

for (
  const [entry, needed] of [
    ["server/catalog/postgres/open_catalog.ts", /^npm:\/?pg@/],
    ["server/blobs/s3/open_blobs.ts", /^npm:\/?aws4fetch@/],
    ["server/admin/open_admin.ts", /^npm:\/?hono@/],
    ["server/hooks/open_hooks.ts", /\/server\/hooks\/hook_delivery\.ts$/],
    ["server/admin/tracing.ts", /^npm:\/?@opentelemetry\/api@/],
  ] as const
) {
  Deno.test(`loading: ${entry} is compiled in, and loads its library`, async () => {
    const { compile } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
    assert.ok(compile.include.includes(entry));
    assert.ok((await loadedWith(entry)).some((specifier) => needed.test(specifier)));
  });
}
