#!/bin/sh
# Installs xfer from the folder of a release, after verifying its checksums.
#
#   sh install.sh                       install into /usr/local
#   sh install.sh --prefix ~/.local     install into ~/.local
#   sh install.sh --from ./downloads    install from another folder than this script's
#   sh install.sh --only-executable     omit manual pages and completions
#
# Nothing is installed unless all checksums match SHA256SUMS and the executable runs on this machine. Exit codes: 2
# invalid options, 3 something is missing or this machine is not supported, 4 wrong checksum, 5 the folder cannot be
# written to, 6 the executable does not run.
set -eu

prefix=/usr/local
from=$(dirname -- "$0")
extras=yes

usage() {
  echo 'Usage: sh install.sh [--prefix DIR] [--from DIR] [--only-executable]'
  echo '  --prefix DIR        install DIR/bin/xfer, and its manual pages and completions (default: /usr/local)'
  echo '  --from DIR          folder of the release (default: the folder of this script)'
  echo '  --only-executable   omit manual pages and completions'
}

# fail CODE WHAT HINT
fail() {
  echo "install.sh: $2" >&2
  echo "      $3" >&2
  exit "$1"
}

while [ $# -gt 0 ]; do
  case $1 in
    --prefix | --from)
      [ -n "${2-}" ] || fail 2 "$1 needs a folder" "For the options, run 'sh install.sh --help'."
      if [ "$1" = --prefix ]; then prefix=$2; else from=$2; fi
      shift 2
      ;;
    --prefix=?*) prefix=${1#*=}; shift ;;
    --from=?*) from=${1#*=}; shift ;;
    --only-executable) extras=; shift ;;
    -h | --help) usage; exit 0 ;;
    *) fail 2 "unknown option: $1" "For the options, run 'sh install.sh --help'." ;;
  esac
done

case $(uname -s) in
  Linux) os=linux ;;
  Darwin) os=macos ;;
  *) os=$(uname -s) ;;
esac
case $(uname -m) in
  x86_64 | amd64) cpu=x64 ;;
  aarch64 | arm64) cpu=arm64 ;;
  *) cpu=$(uname -m) ;;
esac
case $os-$cpu in
  linux-x64 | linux-arm64 | macos-x64 | macos-arm64) name=xfer-$os-$cpu ;;
  *) fail 3 "xfer is not available for $os on $cpu" 'Use Linux or macOS, on x64 or arm64.' ;;
esac

binary=$from/$name
sums=$from/SHA256SUMS
[ -f "$binary" ] || fail 3 "$name is missing in $from" \
  'Download it from the same release as this script, or name its folder with --from DIR.'
[ -f "$sums" ] || fail 3 "SHA256SUMS is missing in $from" \
  'Download it from the same release. It is needed to verify the executable.'

# expect NAME: sets $expected
expect() {
  expected=$(awk -v name="$1" '{ sub(/^\*/, "", $2); if ($2 == name) print tolower($1) }' "$sums")
  case $expected in
    *[!0-9a-f]*) expected= ;;
  esac
  [ "${#expected}" -eq 64 ] || fail 4 "SHA256SUMS has no valid checksum of $1" \
    'It is damaged or from another release. Download both again.'
}
expect "$name"

# The copy is verified and then only moved. So nobody can replace it in between, a running xfer is not affected, and
# the target is never incomplete.
target=$prefix/bin/xfer
staged=$prefix/bin/.xfer.$$
share=$prefix/share
staged_share=$share/.xfer.$$
unwritable() {
  fail 5 "cannot write into $1" \
    "Run it as root, 'sudo sh install.sh', or install into your home folder, 'sh install.sh --prefix ~/.local'."
}
trap 'rm -rf "$staged" "$staged_share"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$prefix/bin" 2>/dev/null || unwritable "$prefix/bin"
{ cp "$binary" "$staged" && chmod 755 "$staged"; } 2>/dev/null || unwritable "$prefix/bin"

# compare FILE NAME: with $expected
compare() {
  if command -v sha256sum >/dev/null 2>&1; then
    actual=$(sha256sum <"$1")
  elif command -v shasum >/dev/null 2>&1; then
    actual=$(shasum -a 256 <"$1")
  else
    fail 3 'found neither sha256sum nor shasum' 'Install one of them, so that the checksums can be verified.'
  fi
  actual=${actual%% *}
  [ "$actual" = "$expected" ] || fail 4 "wrong checksum of $2; nothing was installed
      expected $expected
      found    $actual" 'It is damaged or was tampered with. Download it again from a source that you trust.'
}
compare "$staged" "$name"

version=$("$staged" --version 2>&1) || fail 6 "$name does not run here: $version" \
  'Nothing was installed. Check that Linux has glibc, and that the disk is not mounted noexec.'

# Manual pages and completions are prepared in a folder below share/ and then only moved to their places.
if [ -n "$extras" ]; then
  for folder in man/man1 bash-completion/completions zsh/site-functions fish/vendor_completions.d; do
    mkdir -p "$share/$folder" "$staged_share/$folder" 2>/dev/null || unwritable "$share"
  done
  for page in "$from"/man/*.1; do
    [ -f "$page" ] || continue # the release was downloaded without them
    page=${page##*/}
    expect "man/$page"
    cp "$from/man/$page" "$staged_share/man/man1/$page" 2>/dev/null || unwritable "$share"
    compare "$staged_share/man/man1/$page" "man/$page"
  done
  while read -r shell file; do
    "$staged" completions "$shell" </dev/null >"$staged_share/$file" 2>/dev/null ||
      fail 6 "$name does not print completions here" \
        "Nothing was installed. To omit completions, run 'sh install.sh --only-executable'."
  done <<'END'
bash bash-completion/completions/xfer
zsh zsh/site-functions/_xfer
fish fish/vendor_completions.d/xfer.fish
END
  chmod -R u=rwX,go=rX "$staged_share"
fi

{ [ ! -d "$target" ] && mv -f "$staged" "$target"; } ||
  fail 5 "cannot overwrite $target" 'Remove it first.'
echo "Installed xfer $version as $target"
if [ -n "$extras" ]; then
  for file in "$staged_share"/*/*/*; do
    mv -f "$file" "$share/${file#"$staged_share"/}" ||
      fail 5 "cannot write all files into $share" \
        'The executable is installed. Check the permissions and run the installer again.'
  done
  echo "  manual pages (man xfer) and completions of bash, zsh and fish in $share"
fi
case :$PATH: in
  *:"$prefix/bin":*) ;;
  *) echo "$prefix/bin is not on your PATH. Add it, or run $target" ;;
esac
