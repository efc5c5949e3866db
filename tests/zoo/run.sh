#!/usr/bin/env bash
# Exports the zoo and checks it with ONNX Runtime (tests/zoo/check.py): minutes; with --large, torchvision's networks too,
# an hour. Needs a build and build/venv (./test.sh makes both), and Debian's python3-torch and python3-torchvision.
#
#   tests/zoo/run.sh FOLDER [--large] [--seeds N] [--table docs/zoo.md]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
[ $# -ge 1 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2; }
folder=$1
shift
export_options=() check_options=()
for option in "$@"; do
    if [ "$option" = --large ]; then export_options+=(--large); else check_options+=("$option"); fi
done
OMP_NUM_THREADS=1 /usr/bin/python3 "$root/tests/zoo/export.py" "$folder" "${export_options[@]}"
"$root/build/venv/bin/python" "$root/tests/zoo/check.py" "$folder" "${check_options[@]}"
