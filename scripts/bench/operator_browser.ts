/**
 * An operator who looks at the page of a server, and a Prometheus that reads its metrics each second, until killed: `PORT
 * TOKEN`. Prints a line when the page is open.
 */

/** The interval of readings of the metrics, in milliseconds. */
const SCRAPE_MS = 1000;

if (import.meta.main) {
  const [port, token = ""] = Deno.args;
  const base = `http://127.0.0.1:${port}`;
  const { headers, body } = await fetch(`${base}/login`, {
    ...{ method: "POST", body: new URLSearchParams({ token }), redirect: "manual" },
  });
  await body?.cancel();
  const cookie = (headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const page = await fetch(`${base}/live`, { headers: { cookie } });
  if (!page.ok) throw new Error(`the page answers ${page.status}`);
  void page.body?.pipeTo(new WritableStream());
  console.log("The page is open");
  for (;;) {
    await (await fetch(`${base}/metrics`)).text();
    await new Promise((resolve) => setTimeout(resolve, SCRAPE_MS));
  }
}
