/** The rows of the comparison. A script is for sh; exit code 0 means yes. */
import type { ToolName } from "./tools.ts";

/** Creates a folder with everything that a tool can keep or lose. Needs Linux, root and python3. */
export const MAKE_TREE = `
mkdir -p src/folder src/empty && cd src
head -c 3000000 /dev/urandom >data
echo '#!/bin/sh' >tool; chmod 751 tool; echo x >setuid; chmod 4755 setuid
touch -d '2020-02-03 04:05:06.123456789' time
echo in >folder/file
ln -s ../tool folder/link; ln -s /no/where dangling
echo hard >hard1; ln hard1 hard2
truncate -s 50M sparse
mkfifo pipe; mknod device c 1 3
echo mine >owned; chown 1234:2345 owned
echo a >attributes
python3 -c 'import os; os.setxattr("attributes", "user.color", b"blue")'
echo a >acl
python3 -c 'import os, struct
entries = [(1, 6, -1), (2, 7, 1234), (4, 4, -1), (16, 7, -1), (32, 4, -1)]
acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *e) for e in entries)
os.setxattr("acl", "system.posix_acl_access", acl)'
echo long >"$(printf 'ü%.0s' $(seq 127))x"
echo latin >"$(printf 'caf\\351')"
printf odd >'a
b\\c:d "e"'
touch -d '2019-01-02 03:04:05.987654321' folder empty
`;

const same = (format: string, ...names: readonly string[]) =>
  names.map((name) =>
    `[ "$(stat -c ${format} src/${name})" = "$(stat -c ${format} back/${name})" ]`
  )
    .join(" && ");

/** Rows about the properties of that folder after its download. */
export const KEPT: Readonly<Record<string, string>> = {
  "contents": "cmp src/data back/data && cmp src/folder/file back/folder/file",
  "permissions of files and folders": same("%a", "tool", "time", "folder"),
  "setuid, setgid and sticky bits": same("%a", "setuid"),
  "times, to the second": same("%Y", "time", "data"),
  "times, to the nanosecond": same("%.9Y", "time", "data"),
  "times of folders, to the nanosecond": same("%.9Y", "folder", "empty"),
  "empty folders": "[ -d back/empty ]",
  "symbolic links":
    '[ "$(readlink back/folder/link) $(readlink back/dangling)" = "../tool /no/where" ]',
  "hard links": "[ back/hard1 -ef back/hard2 ]",
  "holes of sparse files": "cmp src/sparse back/sparse && [ $(stat -c %b back/sparse) -lt 1000 ]",
  "pipes": "[ -p back/pipe ]",
  "devices": "[ -c back/device ]",
  "owners": same("%u:%g", "owned"),
  "extended attributes":
    `python3 -c 'import os; assert os.getxattr("back/attributes", "user.color") == b"blue"'`,
  "ACLs": `python3 -c 'import os; name = "system.posix_acl_access"
assert os.getxattr("back/acl", name) == os.getxattr("src/acl", name)'`,
  "names of 255 bytes": `[ -f back/"$(printf 'ü%.0s' $(seq 127))x" ]`,
  "names with line breaks, quotes and backslashes": `[ -f 'back/a
b\\c:d "e"' ]`,
  "names that are not UTF-8": `[ -f back/"$(printf 'caf\\351')" ]`,
};

/** Scripts of a tool, by the options that differ from the plain way. */
export type Scripts = Readonly<Record<string, string>>;
export type Row = Readonly<Record<ToolName, Scripts>>;

/** Before each of the scripts below. */
export const MAKE_FILES = `
mkdir -p src/folder
head -c 3000000 /dev/urandom >src/large
echo one >src/file; echo in >src/folder/file
`;

/** Changes one byte of the largest file that the server stores, and keeps its time. */
const DAMAGE = `python3 -c 'import os
paths = [os.path.join(f, n) for f, _, names in os.walk("store") for n in names]
path = max(paths, key=os.path.getsize)
info = os.stat(path)
with open(path, "r+b") as file:
    file.seek(1500000); byte = file.read(1)[0]
    file.seek(1500000); file.write(bytes([byte ^ 1]))
os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))'`;

const RESTIC_OLD =
  `id=$(restic snapshots --json | grep -o '"short_id":"[^"]*' | head -1 | cut -d'"' -f4)`;

const XFER_LINK = `mkdir other && head -2 transfer.info >other/transfer.info &&
(cd other && xfer client link "$(cd .. && xfer client link --quiet)")`;

/** A second machine: the folder other, with a file of the same name. */
const OTHER = "mkdir -p other/src && echo theirs >other/src/file";

export const UNDONE: Readonly<Record<string, Row>> = {
  "an overwritten file": {
    xfer: {
      "": `xfer client put src && echo two! >src/file && xfer client put src &&
xfer client restore src/file && xfer client get src/file -o back && grep one back`,
    },
    rsync: {
      "": `rsync -a src $R/ && echo two! >src/file && rsync -a src $R/ &&
rsync -a $R/ back/ && grep -r one back`,
      "--backup": `rsync -a src $R/ && echo two! >src/file && rsync -a --backup src $R/ &&
rsync -a $R/src/file~ back && grep one back`,
    },
    restic: {
      "": `restic backup src && echo two! >src/file && restic backup src &&
${RESTIC_OLD} && restic dump $id src/file | grep one`,
    },
    rclone: {
      "": `rclone copy src r:src && echo two! >src/file && rclone copy src r:src &&
rclone copy r: back && grep -r one back`,
      "--backup-dir": `rclone copy src r:src && echo two! >src/file &&
rclone copy --backup-dir r:old src r:src && rclone cat r:old/file | grep one`,
    },
  },
  "a removed file": {
    xfer: {
      "": `xfer client put src && xfer client remove src/file && xfer client restore src/file &&
xfer client get src/file -o back && grep one back`,
    },
    rsync: {
      "": `rsync -a src $R/ && rm src/file && rsync -a --delete src $R/ &&
rsync -a $R/ back/ && grep -r one back`,
      "--backup": `rsync -a src $R/ && rm src/file && rsync -a --delete --backup src $R/ &&
rsync -a $R/src/file~ back && grep one back`,
    },
    restic: {
      "": `restic backup src && rm src/file && restic backup src &&
${RESTIC_OLD} && restic dump $id src/file | grep one`,
    },
    rclone: {
      "": `rclone copy src r:src && rm src/file && rclone sync src r:src &&
rclone copy r: back && grep -r one back`,
      "--backup-dir": `rclone copy src r:src && rm src/file &&
rclone sync --backup-dir r:old src r:src && rclone cat r:old/file | grep one`,
    },
  },
  "a removed folder": {
    xfer: {
      "": `xfer client put src && xfer client remove src/folder --recursive &&
xfer client restore src/folder && xfer client get src/folder --recursive -o back &&
grep in back/file`,
    },
    rsync: {
      "": `rsync -a src $R/ && rm -r src/folder && rsync -a --delete src $R/ &&
rsync -a $R/ back/ && [ -e back/src/folder/file ]`,
      "--backup-dir": `rsync -a src $R/ && rm -r src/folder &&
rsync -a --delete --backup --backup-dir=/old src $R/ && rsync -a $R/old/ back/ &&
grep -r in back`,
    },
    restic: {
      "": `restic backup src && rm -r src/folder && restic backup src &&
${RESTIC_OLD} && restic dump $id src/folder/file | grep in`,
    },
    rclone: {
      "": `rclone copy src r:src && rclone purge r:src/folder && rclone copy r: back &&
[ -e back/src/folder/file ]`,
      "--backup-dir": `rclone copy src r:src && rm -r src/folder &&
rclone sync --backup-dir r:old src r:src && rclone cat r:old/folder/file | grep in`,
    },
  },
  "a file that another machine overwrote": {
    xfer: {
      "": `xfer client put src && ${XFER_LINK} && ${OTHER} && (cd other && xfer client put src) &&
xfer client restore src/file && xfer client get src/file -o back && grep one back`,
    },
    rsync: {
      "": `rsync -a src $R/ && ${OTHER} && (cd other && rsync -a src $R/) &&
rsync -a $R/ back/ && grep -r one back`,
      "--backup": `rsync -a src $R/ && ${OTHER} && (cd other && rsync -a --backup src $R/) &&
rsync -a $R/src/file~ back && grep one back`,
    },
    restic: {
      "": `restic backup src && ${OTHER} && (cd other && restic --host other backup src) &&
${RESTIC_OLD} && restic dump $id src/file | grep one`,
    },
    rclone: {
      "": `rclone copy src r:src && ${OTHER} && (cd other && rclone copy src r:src) &&
rclone copy r: back && grep -r one back`,
      "--backup-dir": `rclone copy src r:src && ${OTHER} &&
(cd other && rclone copy --backup-dir r:old src r:src) && rclone cat r:old/file | grep one`,
    },
  },
  "the second machine is warned": {
    xfer: {
      "": `xfer client put src && ${XFER_LINK} && ${OTHER} &&
(cd other && xfer client put src) 2>&1 | grep -i replaced`,
    },
    rsync: {
      "":
        `rsync -a src $R/ && ${OTHER} && (cd other && rsync -ai src $R/) 2>&1 | grep -i -e overw -e replac`,
    },
    restic: {
      "": `restic backup src && ${OTHER} && (cd other && restic --host other backup src) 2>&1 |
grep -i -e overw -e replac`,
    },
    rclone: {
      "": `rclone copy src r:src && ${OTHER} && (cd other && rclone copy -v src r:src) 2>&1 |
grep -i -e overw -e replaced.*other`,
    },
  },
};

export const VERIFIED: Readonly<Record<string, Row>> = {
  "a download of a file that was damaged on the server fails": {
    xfer: { "": `xfer client put src && ${DAMAGE} && ! xfer client get src --recursive -o back` },
    rsync: {
      "": `rsync -a src $R/ && ${DAMAGE} && ! rsync -a $R/src/ back/`,
      "--checksum": `rsync -a src $R/ && ${DAMAGE} && ! rsync -a --checksum $R/src/ back/`,
    },
    restic: {
      "": `restic backup src && ${DAMAGE} && rm -rf cache && ! restic restore latest --target out`,
    },
    rclone: { "": `rclone copy src r:src && ${DAMAGE} && ! rclone copy r:src back` },
  },
  "a check of everything stored finds damage, without the original files": {
    xfer: { "": `xfer client put src && ${DAMAGE} && ! xfer server verify --data store` },
    rsync: {},
    restic: {
      "": `restic backup src && ${DAMAGE} && ! restic check`,
      "--read-data": `restic backup src && ${DAMAGE} && ! restic check --read-data`,
    },
    rclone: {},
  },
  "a comparison with the original files finds damage": {
    xfer: { "": `xfer client put src && ${DAMAGE} && xfer client put src --dry-run | grep large` },
    rsync: {
      "": `rsync -a src $R/ && ${DAMAGE} && rsync -ani src $R/ | grep large`,
      "--checksum": `rsync -a src $R/ && ${DAMAGE} && rsync -ani --checksum src $R/ | grep large`,
    },
    restic: {},
    rclone: {
      "rclone check": `rclone copy src r:src && ${DAMAGE} && ! rclone check src r:src`,
      "rclone check --download": `rclone copy src r:src && ${DAMAGE} &&
! rclone check --download src r:src`,
    },
  },
};

export const OTHERS: Readonly<Record<string, Row>> = {
  "upload from standard input, download to standard output": {
    xfer: {
      "": `xfer client put - --as x <src/large && xfer client get x -o - | cmp - src/large`,
    },
    rsync: {
      "": `rsync -a /dev/stdin $R/x <src/large && rsync -a $R/x back && cmp back src/large`,
    },
    restic: {
      "":
        `restic backup --stdin --stdin-filename x <src/large && restic dump latest x | cmp - src/large`,
    },
    rclone: { "": `rclone rcat r:x <src/large && rclone cat r:x | cmp - src/large` },
  },
  "mirror to the server": {
    xfer: {
      "": `xfer client put src && rm src/file && xfer client put src --delete &&
xfer client get src --recursive -o back && [ ! -e back/file ]`,
    },
    rsync: {
      "--delete": `rsync -a src $R/ && rm src/file && rsync -a --delete src $R/ &&
[ ! -e store/src/file ]`,
    },
    restic: {
      "": `restic backup src && rm src/file && restic backup src &&
restic restore latest --target out && [ -e back/large ] && [ ! -e back/file ]`,
    },
    rclone: {
      "rclone sync": `rclone copy src r:src && rm src/file && rclone sync src r:src &&
[ ! -e store/src/file ]`,
    },
  },
  "mirror from the server": {
    xfer: {
      "": `xfer client put src && xfer client get src --recursive -o back && echo x >back/extra &&
xfer client get src --recursive --delete -o back && [ ! -e back/extra ]`,
    },
    rsync: {
      "--delete": `rsync -a src $R/ && rsync -a $R/src/ back/ && echo x >back/extra &&
rsync -a --delete $R/src/ back/ && [ ! -e back/extra ]`,
    },
    restic: {
      "": `restic backup src && restic restore latest --target out && echo x >back/extra &&
restic restore latest --target out && [ ! -e back/extra ]`,
    },
    rclone: {
      "rclone sync": `rclone copy src r:src && rclone copy r:src back && echo x >back/extra &&
rclone sync r:src back && [ ! -e back/extra ]`,
    },
  },
  "preview of an upload": {
    xfer: {
      "--dry-run": `xfer client put src/file && xfer client put src --dry-run | grep large &&
! xfer client stat src/large`,
    },
    rsync: { "--dry-run": "rsync -ai --dry-run src $R/ | grep large && [ ! -e store/src ]" },
    restic: {
      "--dry-run": `restic backup -vv --dry-run src | grep large && ! restic dump latest src/large`,
    },
    rclone: {
      "--dry-run": "rclone copy --dry-run src r:src 2>&1 | grep large && [ ! -e store/src ]",
    },
  },
  "preview of a download": {
    xfer: {
      "--dry-run": `xfer client put src && xfer client get src --recursive -o back --dry-run |
grep large && [ ! -e back ]`,
    },
    rsync: {
      "--dry-run":
        "rsync -a src $R/ && rsync -ai --dry-run $R/src/ back/ | grep large && [ ! -e back ]",
    },
    restic: {
      "--dry-run": `restic backup src && restic restore latest --dry-run --target out | grep large`,
    },
    rclone: {
      "--dry-run": `rclone copy src r:src && rclone copy --dry-run r:src back 2>&1 | grep large &&
[ ! -e back ]`,
    },
  },
  "contents encrypted at rest": {
    xfer: { "": `echo $MARKER >src/file && xfer client put src && ! grep -rq $MARKER store` },
    rsync: { "": `echo $MARKER >src/file && rsync -a src $R/ && ! grep -rq $MARKER store` },
    restic: { "": `echo $MARKER >src/file && restic backup src && ! grep -rq $MARKER store` },
    rclone: {
      "": `echo $MARKER >src/file && rclone copy src r:src && ! grep -rq $MARKER store`,
      "a crypt remote":
        `echo $MARKER >src/file && rclone copy src c:src && ! grep -rq $MARKER store`,
    },
  },
  "equal contents stored once": {
    xfer: {
      "": `cp src/large src/copy && xfer client put src && [ $(du -sk store | cut -f1) -lt 5000 ]`,
    },
    rsync: {
      "": `cp src/large src/copy && rsync -a src $R/ && [ $(du -sk store | cut -f1) -lt 5000 ]`,
    },
    restic: {
      "": `cp src/large src/copy && restic backup src && [ $(du -sk store | cut -f1) -lt 5000 ]`,
    },
    rclone: {
      "":
        `cp src/large src/copy && rclone copy src r:src && [ $(du -sk store | cut -f1) -lt 5000 ]`,
    },
  },
};
