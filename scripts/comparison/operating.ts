/**
 * The table for operators: what xfer does is tried, what the documentation of others says was read. A script is for sh in
 * the folder of a rig, whose server has `OPERATED`; exit code 0 means yes.
 */
import { type Tool, TOOLS } from "./tools.ts";

/** The others, by the heading of their column. */
export const READ = ["SFTPGo", "tusd", "rest-server", "MinIO", "Caddy"] as const;

export interface OperatingRow {
  readonly xfer: string;
  /** In the order of {@link READ}. */
  readonly read: readonly [string, string, string, string, string];
}

/** A server with the settings of an operator. */
export const OPERATED: Tool = {
  ...TOOLS.xfer,
  serve: (ports) =>
    `${TOOLS.xfer.serve(ports)} --admin-listen unix:admin.sock --access-log access.log ` +
    "--log-rotate-size 10KiB",
};

const ASK = "curl --silent --fail --unix-socket admin.sock";
/** An upload that waits for more, in the background. */
const SLOW = "(head -c 3000000 /dev/zero; sleep 20) | xfer client put - --as slow &\n" +
  'trap "kill $!" EXIT; sleep 3\n';

/** Starts another server, whose log is `other.log`, and makes a folder `other` for a client of it. */
function other(options: string): string {
  return `xfer server --listen 127.0.0.1:0 --data second ${options} >other.log 2>&1 &
trap "kill $!" EXIT
for i in $(seq 100); do grep -q 'transfer.info: xfer' other.log && break; sleep 0.1; done
mkdir -m 700 other
grep -o 'xfer://[^,]*' other.log | head -1 >other/transfer.info
echo Alice >>other/transfer.info
port=$(grep -o 'Listening on 127.0.0.1:[0-9]*' other.log | head -1 | cut -d: -f2)
`;
}

export const OPERATING: Readonly<Record<string, OperatingRow>> = {
  "a page for the operator": {
    xfer: `token=$(xfer server admin-link --data store | sed 's/.*token=//')
cookie=$(curl --silent --include --unix-socket admin.sock --data token=$token \\
  http://localhost/login | grep -i '^set-cookie' | cut -d' ' -f2 | cut -d';' -f1)
${ASK} --header "Cookie: $cookie" http://localhost/ | grep -q Throughput`,
    read: ["yes", "no", "no", "no; objects only", "no"],
  },
  "who transfers what now": {
    xfer: `${SLOW}xfer server sessions --data store | grep 'upload of slow'`,
    read: ["yes", "no", "no", "no; calls, with `mc admin trace`", "no"],
  },
  "ending a connection": {
    xfer: `${SLOW}id=$(xfer server sessions --data store | grep Alice | cut -d' ' -f1)
xfer server sessions --end $id --data store && ! xfer server sessions --data store | grep "^$id"`,
    read: ["yes", "no; a hook can stop an upload", "no", "no", "no"],
  },
  "health check over HTTP": {
    xfer: `${ASK} http://localhost/readyz`,
    read: ["yes", "no", "no", "yes", "no; a route of your own"],
  },
  "metrics for Prometheus": {
    xfer: `${ASK} http://localhost/metrics | grep xfer_connections`,
    read: ["yes", "yes", "yes", "yes", "yes"],
  },
  "log of each download, with the user": {
    xfer: `xfer client put src && xfer client get src/file -o - &&
grep ' Alice .*"GET /src/file' access.log`,
    read: [
      "yes",
      "no; it has no users",
      "yes; the path can have the user",
      "yes, to a webhook or Kafka",
      "yes",
    ],
  },
  "log files rotated by the server": {
    xfer: `mkdir many && for i in $(seq 300); do echo $i >many/$i; done
xfer client put many && sleep 1 && [ -e access.log.1 ]`,
    read: ["yes", "no", "no", "no", "yes"],
  },
  "events sent to a URL": {
    xfer: `python3 -c 'import http.server as h
class H(h.BaseHTTPRequestHandler):
  def do_POST(s):
    open("hooked", "ab").write(s.rfile.read(int(s.headers["content-length"])))
    s.send_response(204); s.end_headers()
s = h.HTTPServer(("127.0.0.1", 0), H)
open("hook.port", "w").write(str(s.server_port))
s.serve_forever()' & receiver=$!
sleep 1
echo "whsec_$(head -c 32 /dev/urandom | base64)" >secret && chmod 600 secret
${other("--hook-url http://127.0.0.1:$(cat hook.port)/ --hook-secret-file secret")}
cp -r src other && cd other && xfer client put src && sleep 3 && grep src/file ../hooked; code=$?
kill $receiver; exit $code`,
    read: ["yes", "yes", "no", "yes", "no"],
  },
  "programs run at events": {
    xfer: "xfer server config | grep '^hook-exec'",
    read: ["yes", "yes", "no", "no", "no"],
  },
  "client addresses by the PROXY protocol": {
    xfer: `${other("--proxy-protocol 127.0.0.1")}
python3 -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"PROXY TCP4 203.0.113.9 127.0.0.1 40000 1256\\r\\n" + b"x" * 64)
s.recv(1)' $port
grep 203.0.113.9 other.log`,
    read: ["yes", "no; X-Forwarded headers", "no", "no; X-Forwarded headers", "yes"],
  },
  "addresses with failed sign-ins are refused": {
    xfer: `${other("--max-failed-sign-ins 3")}cd other
for i in 1 2 3 4 5; do xfer client link mfzwizltoq2gk3tumuytgnbvgy; done
grep max-failed-sign-ins ../other.log`,
    read: ["yes", "no; it has no users", "no", "no", "no"],
  },
  "quota of a user": {
    xfer: `xfer client put src/file && xfer server users set-quota Alice --size 1KB --data store &&
! xfer client put src/large && xfer server usage --data store | grep Alice`,
    read: ["yes", "no; it has no users", "no; of all together", "no; of a bucket", "no"],
  },
  "rate limit of a user": {
    xfer: `${other("--max-rate-per-user 1MB")}head -c 5000000 /dev/zero >other/file && cd other
begin=$(date +%s) && xfer client put file && [ $(($(date +%s) - begin)) -ge 3 ]`,
    read: ["yes", "no", "no", "no", "no"],
  },
  "append-only users": {
    xfer: `xfer client put src && xfer server users set Alice --append-only --data store &&
! xfer client remove src/file && xfer client get src/file -o -`,
    read: ["yes", "no", "yes, all together", "yes", "no"],
  },
  "stored contents checked in the background": {
    xfer: `xfer client put src && file=$(find store/files -type f | head -1) &&
printf x | dd of="$file" bs=1 seek=99 conv=notrunc && xfer server check --start --data store &&
for i in $(seq 40); do
  xfer server check --data store; code=$?
  [ $code -eq 6 ] && break || sleep 0.5
done
[ $code -eq 6 ]`,
    read: ["no", "no", "no", "yes", "no"],
  },
  "a removed file can be restored": {
    xfer: `xfer client put src && xfer client remove src/file && xfer client restore src/file &&
xfer client get src/file -o -`,
    read: ["no", "no", "no; restic keeps snapshots", "yes, with versioning", "no"],
  },
  "certificates by ACME": {
    xfer: "xfer server config | grep '^acme'",
    read: ["yes", "no", "no", "no", "yes"],
  },
  "sign-in by an identity provider": {
    xfer: "xfer server config | grep -E '^(oidc|ldap)'",
    read: ["yes", "no; by a hook", "no", "yes", "no; by a plugin"],
  },
};
