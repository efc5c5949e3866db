#!/usr/bin/env bash
# Builds everything and runs all tests: unit tests in release and under the sanitizers, the layers, and the end-to-end
# tests with ONNX Runtime, SciPy and NumPy as oracles. Under 20 minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")"
. tests/install.sh
install_packages test

step() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }

step "models: the files are those of the manifest"
(cd models && sha256sum --quiet -c SHA256SUMS)
echo "manifest holds"

step "format"
git ls-files '*.c' '*.h' | xargs -r clang-format --dry-run -Werror
echo "formatted"

step "release build (gcc)"
cmake --preset release -DOA_BUILD_TESTS=ON >/dev/null
cmake --build --preset release

step "layers"
tests/check_layers.sh build/release

step "clang build"
cmake --preset clang >/dev/null
cmake --build --preset clang

step "oracles (PyPI, in build/venv), ONNX Runtime for the engine of that name among them"
if ! cmp -s tests/python/requirements.txt build/venv/installed.txt; then
    rm -rf build/venv
    python3 -m venv build/venv
    build/venv/bin/pip install --quiet --disable-pip-version-check -r tests/python/requirements.txt
    cp tests/python/requirements.txt build/venv/installed.txt
fi

step "unit tests, release"
ctest --test-dir build/release --output-on-failure -LE slow

step "ONNX's own operator cases"
build/release/tests/exec/conformance /usr/share/libonnx-testdata/data | grep 'cases:'

step "planted recovery, 100 seeds"
build/release/tests/recovery/test_recovery 2>&1 | grep -vE '^\[ +(RUN|OK)'

step "sanitizer build and unit tests"
cmake --preset asan >/dev/null
cmake --build --preset asan
ctest --test-dir build/asan --output-on-failure -LE slow

step "assignment against SciPy"
build/venv/bin/python tests/python/check_assign.py build/release/tests/assign/assign_driver

step "end to end, with ONNX Runtime"
build/venv/bin/python -m unittest discover -s tests/python -p 'test_*.py' -v

step "zoo, small models of every kind"
tests/zoo/run.sh build/zoo --seeds 2

step "done"
