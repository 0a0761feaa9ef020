/** curl, with an nginx that is started here. */
import type { Ready } from "./contender.ts";
import { freePort, run, startServer, stop } from "./processes.ts";

export async function prepareNginx(folder: string): Promise<Ready> {
  const port = freePort();
  const certificate = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await run([
    ...["openssl", "req", ...certificate, "-subj", "/CN=localhost", "-days", "2"],
    ...["-addext", "subjectAltName=IP:127.0.0.1"],
    ...["-keyout", `${folder}/key.pem`, "-out", `${folder}/cert.pem`],
  ]);
  for (const name of ["target", "temporary"]) await Deno.mkdir(`${folder}/${name}`);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `  ${name}_temp_path ${folder}/temporary/${name};`);
  await Deno.writeTextFile(
    `${folder}/nginx.conf`,
    [
      "daemon off;",
      ...(Deno.uid() === 0 ? ["user root;"] : []),
      `pid ${folder}/nginx.pid;`,
      `error_log ${folder}/error.log;`,
      "events {}",
      "http {",
      "  access_log off;",
      ...temporary,
      "  client_max_body_size 0;",
      "  server {",
      `    listen 127.0.0.1:${port} ssl;`,
      "    ssl_protocols TLSv1.3;",
      `    ssl_certificate ${folder}/cert.pem;`,
      `    ssl_certificate_key ${folder}/key.pem;`,
      `    location / { root ${folder}/target; dav_methods PUT; }`,
      "  }",
      "}",
      "",
    ].join("\n"),
  );
  const server = await startServer(
    ["nginx", "-e", `${folder}/error.log`, "-c", `${folder}/nginx.conf`],
    port,
  );
  const curl = ["curl", "--silent", "--show-error", "--fail", "--cacert", `${folder}/cert.pem`];
  const location = `https://127.0.0.1:${port}/`;
  return {
    ...{ serverPid: server.pid, cwd: folder },
    // One after another over one connection, like xfer.
    put: (paths) => [...curl, ...paths.flatMap((path) => ["-T", path, location])],
    get: (name, target) => [...curl, "-o", target, `${location}${name}`],
    find: (name) => Promise.resolve(`${folder}/target/${name}`),
    [Symbol.asyncDispose]: () => stop(server),
  };
}
