#!/usr/bin/env bash
# Holds the layers of docs/architecture.md: core <- onnx_io <- plugin, and inside core
# base <- linalg, ir <- exec, symmetry, assign <- grad, match, merge <- check, soft <- tape <- learn. Exits 1 on the
# first kind of breach, naming it.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0
breach() {
    echo "layers: $1" >&2
    failed=1
}

# includes FOLDER... : "file:line:included" of every quoted include
includes() {
    grep -rnoE --include='*.[ch]' '#include "[^"]+"' "$@" | sed -E 's/#include "([^"]+)"/\1/'
}

allow() { # allow FOLDER REGEX: whatever the files of FOLDER include by quotes must match
    local found
    found=$(includes "$1" | grep -vE ":($2)" || true)
    [ -z "$found" ] || breach "$1 may not include this:
$found"
}

allow core 'core/'
allow onnx_io '(core|onnx_io)/|onnx\.pb-c\.h'
allow plugin '(core|onnx_io|plugin)/'
base='core/base/'
low="core/(base|linalg|ir)/"
middle="core/(base|linalg|ir|exec|symmetry|assign)/"
allow core/base "$base"
allow core/linalg "core/(base|linalg)/"
allow core/ir "core/(base|ir)/"
allow core/exec "$low|core/exec/"
allow core/symmetry "$low|core/symmetry/"
allow core/assign "$low|core/assign/"
allow core/grad "$low|core/(exec|grad)/"
allow core/match "$middle|core/match/"
allow core/merge "$middle|core/merge/"
allow core/check "$middle|core/(merge|check)/"
allow core/soft "$middle|core/(grad|match|soft)/"
allow core/tape "$middle|core/(grad|match|soft|tape)/"
allow core/learn "$middle|core/(grad|match|soft|tape|learn)/"

# Each dependency in one place.
found=$(grep -rlE '<(protobuf-c/|onnx)' core plugin || true)
[ -z "$found" ] || breach "protobuf outside onnx_io: $found"
found=$(grep -rl 'pb-c' core plugin --include='*.[ch]' || true)
[ -z "$found" ] || breach "protobuf messages outside onnx_io: $found"
found=$(grep -rlE '<(cblas|openblas)' core onnx_io plugin --include='*.[ch]' | grep -v '^core/linalg/blas\.c$' || true)
[ -z "$found" ] || breach "the BLAS outside core/linalg/blas.c: $found"
found=$(grep -rnE '\b(f?open|fopen64|mmap|unlink|rename)\(' core --include='*.[ch]' || true)
[ -z "$found" ] || breach "files in core: $found"
found=$(grep -rnE '\b(printf|fprintf|puts|putchar|perror|exit|abort|_Exit)\(' core onnx_io --include='*.[ch]' || true)
[ -z "$found" ] || breach "the library prints or exits: $found"

# No symbol of protobuf in the core library, no state that calls share in any of ours.
for library in "${1:-build/release}"/core/liboa_core.a "${1:-build/release}"/onnx_io/liboa_onnx_io.a; do
    [ -f "$library" ] || { breach "$library is not built"; continue; }
    case $library in
    *core.a)
        found=$(nm -u "$library" | grep -i protobuf || true)
        [ -z "$found" ] || breach "$library uses protobuf: $found"
        ;;
    esac
    # By section: tables of constants with addresses in them (.data.rel.ro) are read-only once loaded.
    found=$(nm -f sysv "$library" 2>/dev/null | awk -F'|' '$7 ~ /\.(data|bss)|COM/ && $7 !~ /\.data\.rel\.ro/ {print $1}' |
        grep -vE '^ *onnx__' || true)
    [ -z "$found" ] || breach "$library has global mutable state: $found"
done
[ $failed = 0 ] && echo "layers: 1 passed, 0 failed"
exit $failed
