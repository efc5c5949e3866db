#!/usr/bin/env bash
# Exports the zoo and checks it with ONNX Runtime (tests/zoo/check.py), and that as an engine for what it alone can run
# (tests/zoo/engines.py): minutes; with --large also networks of usual size and trained models from PyPI packages, for hours
# (the target `zoo` of the build does that). Needs a build and build/venv, which ./test.sh makes, and Debian's python3-torch
# and python3-torchvision.
#
#   tests/zoo/run.sh FOLDER [--large] [--seeds N] [--table docs/zoo.md]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
[ $# -ge 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2; }
folder=$1
shift
export_options=() check_options=()
for option in "$@"; do
    if [ "$option" = --large ]; then export_options+=(--large); else check_options+=("$option"); fi
done
OMP_NUM_THREADS=1 /usr/bin/python3 "$root/tests/zoo/export.py" "$folder" "${export_options[@]}"
if [ ${#export_options[@]} -gt 0 ]; then "$root/build/venv/bin/python" "$root/tests/zoo/fetch.py" "$folder"; fi
"$root/build/venv/bin/python" "$root/tests/zoo/fuse.py" "$folder"
"$root/build/venv/bin/python" "$root/tests/zoo/check.py" "$folder" "${check_options[@]}"
"$root/build/venv/bin/python" "$root/tests/zoo/engines.py" "$folder"
