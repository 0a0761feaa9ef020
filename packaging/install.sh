#!/bin/sh
# Installs xfer from a folder with a release, after a check of its checksums.
#
#   sh install.sh                       into /usr/local
#   sh install.sh --prefix ~/.local     into ~/.local
#   sh install.sh --from ./downloads    what is in another folder than this script
#   sh install.sh --only-executable     neither manual pages nor completions
#
# Nothing is installed unless all is what SHA256SUMS says, and the executable runs here. Exit codes: 2 for wrong
# options, 3 where something is missing or this machine is none that xfer is made for, 4 for a wrong checksum, 5 where
# the folder can't be written to, 6 for an executable that does not run.
set -eu

prefix=/usr/local
from=$(dirname -- "$0")
extras=yes

usage() {
  echo 'Usage: sh install.sh [--prefix DIR] [--from DIR] [--only-executable]'
  echo '  --prefix DIR        installs DIR/bin/xfer, and what belongs to it in DIR/share (default: /usr/local)'
  echo '  --from DIR          the folder with the release (default: where this script is)'
  echo '  --only-executable   neither manual pages nor completions'
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
      [ -n "${2-}" ] || fail 2 "$1 needs a folder" 'See sh install.sh --help.'
      if [ "$1" = --prefix ]; then prefix=$2; else from=$2; fi
      shift 2
      ;;
    --prefix=?*) prefix=${1#*=}; shift ;;
    --from=?*) from=${1#*=}; shift ;;
    --only-executable) extras=; shift ;;
    -h | --help) usage; exit 0 ;;
    *) fail 2 "unknown option: $1" 'See sh install.sh --help.' ;;
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
  *) fail 3 "there is no xfer for $os on $cpu" 'It is made for Linux and macOS, on x64 and arm64.' ;;
esac

binary=$from/$name
sums=$from/SHA256SUMS
[ -f "$binary" ] || fail 3 "there is no $name in $from" \
  'Get it from the same release as this script, or name its folder: --from DIR.'
[ -f "$sums" ] || fail 3 "there is no SHA256SUMS in $from" \
  'Get it from the same release: without it nobody can tell whether the executable is whole.'

# expect NAME: sets $expected
expect() {
  expected=$(awk -v name="$1" '{ sub(/^\*/, "", $2); if ($2 == name) print tolower($1) }' "$sums")
  case $expected in
    *[!0-9a-f]*) expected= ;;
  esac
  [ "${#expected}" -eq 64 ] || fail 4 "SHA256SUMS has no checksum of $1" \
    'It is of another release, or damaged: get both anew.'
}
expect "$name"

# What is checked is the copy, which is then only moved: nobody can exchange it in between, a running xfer stays whole,
# and nobody finds half a file.
target=$prefix/bin/xfer
staged=$prefix/bin/.xfer.$$
share=$prefix/share
staged_share=$share/.xfer.$$
unwritable() {
  fail 5 "cannot write into $1" \
    'Run it as root (sudo sh install.sh), or name a folder of yours: --prefix ~/.local.'
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
    fail 3 'there is neither sha256sum nor shasum here' 'Install one: nothing is installed unchecked.'
  fi
  actual=${actual%% *}
  [ "$actual" = "$expected" ] || fail 4 "$2 is not what SHA256SUMS says; nothing was installed
      expected $expected
      found    $actual" 'It is damaged or was tampered with: get it anew, from where you trust.'
}
compare "$staged" "$name"

version=$("$staged" --version 2>&1) || fail 6 "$name does not run here: $version" \
  'Nothing was installed. It needs glibc on Linux; on a disk that is mounted noexec nothing runs.'

# Where man and the shells look: files below share/, set ready beside their places and then only moved there.
if [ -n "$extras" ]; then
  for folder in man/man1 bash-completion/completions zsh/site-functions fish/vendor_completions.d; do
    mkdir -p "$share/$folder" "$staged_share/$folder" 2>/dev/null || unwritable "$share"
  done
  for page in "$from"/man/*.1; do
    [ -f "$page" ] || continue # a release that was got without them
    page=${page##*/}
    expect "man/$page"
    cp "$from/man/$page" "$staged_share/man/man1/$page" 2>/dev/null || unwritable "$share"
    compare "$staged_share/man/man1/$page" "man/$page"
  done
  while read -r shell file; do
    "$staged" completions "$shell" </dev/null >"$staged_share/$file" 2>/dev/null ||
      fail 6 "$name does not print completions here" 'Nothing was installed. Leave them out: --only-executable.'
  done <<'END'
bash bash-completion/completions/xfer
zsh zsh/site-functions/_xfer
fish fish/vendor_completions.d/xfer.fish
END
  chmod -R u=rwX,go=rX "$staged_share"
fi

{ [ ! -d "$target" ] && mv -f "$staged" "$target"; } ||
  fail 5 "cannot replace $target" 'Remove it first.'
echo "Installed xfer $version as $target"
if [ -n "$extras" ]; then
  for file in "$staged_share"/*/*/*; do
    mv -f "$file" "$share/${file#"$staged_share"/}" ||
      fail 5 "cannot put all into $share" 'The executable is installed; what comes with it is not, or not all.'
  done
  echo "  manual pages (man xfer) and completions of bash, zsh and fish in $share"
fi
case :$PATH: in
  *:"$prefix/bin":*) ;;
  *) echo "$prefix/bin is not on your PATH: add it, or run $target" ;;
esac
