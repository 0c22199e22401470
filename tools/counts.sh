#!/bin/sh
# Counts the instructions of a few calls and training steps, and compares them with
# benches/counts.txt, which names its compiler.
#
#   tools/counts.sh           # fails if a count has grown by more than a margin
#   tools/counts.sh record    # writes the file: after a change that is worth it, or with another
#                             # compiler
#
# If there is no valgrind, the first run needs a network and Debian: root installs it, other users
# unpack it into target/.
set -eu
cd "$(dirname "$0")/.."

folder=$PWD/target/valgrind
if ! command -v valgrind >/dev/null && [ ! -x "$folder/usr/bin/valgrind" ]; then
    if [ "$(id -u)" = 0 ]; then
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends valgrind
    else
        mkdir -p "$folder/lists/partial"
        (
            cd "$folder"
            apt-get update -qq -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder"
            apt-get download -qq -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder" \
                valgrind
            dpkg -x valgrind_*.deb .
            rm -rf valgrind_*.deb lists ./*.bin
        )
    fi
fi
if ! command -v valgrind >/dev/null; then
    export VALGRIND="$folder/usr/bin/valgrind" VALGRIND_LIB="$folder/usr/libexec/valgrind"
fi
cargo bench --quiet --bench counts -- "$@"
