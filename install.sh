#!/bin/sh
# Builds sre-copilot from this checkout and installs it for one user: the program, its man pages and its completions.
# It changes nothing outside the prefix, asks for no rights, and may be run again at any time.
set -eu

usage() {
    cat <<'USAGE'
Builds sre-copilot and installs it, its man pages and its completions.

Usage: ./install.sh [--prefix DIR] [--uninstall] [--help]

  --prefix DIR   where to install (default: ~/.local)
  --uninstall    remove what this script has installed there
  --help         this text

Needs cargo (https://rustup.rs) and a C compiler, which one dependency is built with. Never needs root:
give a prefix that you may write to.
USAGE
}

say() { printf '%s\n' "$*"; }

fail() {
    printf 'error: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf '  try: %s\n' "$2" >&2
    exit "${3:-1}"
}

prefix=''
uninstall=''
while [ $# -gt 0 ]; do
    case $1 in
        --prefix)
            prefix=${2:-}
            [ -n "$prefix" ] || fail '--prefix needs a folder' './install.sh --prefix DIR' 2
            shift
            ;;
        --prefix=?*) prefix=${1#--prefix=} ;;
        --uninstall) uninstall=yes ;;
        -h | --help)
            usage
            exit 0
            ;;
        *) fail "unknown argument: $1" './install.sh --help' 2 ;;
    esac
    shift
done

if [ -z "$prefix" ]; then
    [ -n "${HOME:-}" ] || fail 'there is no home folder to install into' './install.sh --prefix DIR'
    prefix=$HOME/.local
fi
# A relative prefix is meant from where the script is called.
case $prefix in
    /*) ;;
    *) prefix=$PWD/$prefix ;;
esac
case $0 in
    */*) cd "${0%/*}" ;;
esac

# Every file that is installed: where it comes from, where it goes below the prefix.
files() {
    for page in man/*.1; do
        say "$page share/man/man1/$(basename "$page")"
    done
    say 'completions/sre-copilot.bash share/bash-completion/completions/sre-copilot'
    say 'completions/_sre-copilot share/zsh/site-functions/_sre-copilot'
    say 'completions/sre-copilot.fish share/fish/vendor_completions.d/sre-copilot.fish'
}

if [ -n "$uninstall" ]; then
    removed=''
    for file in bin/sre-copilot $(files | cut -d ' ' -f 2); do
        if [ -e "$prefix/$file" ]; then
            rm -f "$prefix/$file"
            say "removed $prefix/$file"
            removed=yes
        fi
    done
    [ -n "$removed" ] || say "nothing of sre-copilot is installed in $prefix"
    exit 0
fi

command -v cargo >/dev/null 2>&1 || fail 'cargo, which builds it, is not there' 'install Rust from https://rustup.rs and run this again'
command -v cc >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1 || command -v clang >/dev/null 2>&1 ||
    fail 'there is no C compiler' 'apt-get install gcc, dnf install gcc, apk add gcc musl-dev, or xcode-select --install'
if ! mkdir -p "$prefix/bin" 2>/dev/null || [ ! -w "$prefix/bin" ]; then
    fail "cannot write to $prefix" './install.sh --prefix DIR with a folder that you may write to'
fi

say 'building (a few minutes the first time)'
cargo build --release --locked
built=${CARGO_TARGET_DIR:-target}/release/sre-copilot
[ -x "$built" ] || fail "cargo has left no program at $built" 'unset CARGO_BUILD_TARGET and CARGO_TARGET_DIR'

# By way of a new file, so that a program that is running is not written over.
put() {
    mkdir -p "$(dirname "$3")"
    cp "$2" "$3.new"
    chmod "$1" "$3.new"
    mv -f "$3.new" "$3"
    say "installed $3"
}

put 755 "$built" "$prefix/bin/sre-copilot"
files | while read -r from to; do
    put 644 "$from" "$prefix/$to"
done

"$prefix/bin/sre-copilot" --version
case ":${PATH:-}:" in
    *":$prefix/bin:"*) ;;
    *) say "$prefix/bin is not in PATH: add it in your shell's profile" ;;
esac
