#!/usr/bin/env bash
# Builds onnx-align and merges the pairs of models/: two independently trained classifiers each.
set -euo pipefail
cd "$(dirname "$0")"
. tests/install.sh
install_packages build

cmake --preset release -DOA_BUILD_TESTS=OFF >/dev/null
cmake --build --preset release
tool=build/release/onnx-align
out=build/demo
mkdir -p "$out"

for name in mlp cnn resnet; do
    echo
    echo "== $name =="
    "$tool" "models/$name-a.onnx" "models/$name-b.onnx" -o "$out/$name-merged.onnx" \
        --method deep-align+weights --data models/fashion-test-images-1000.idx.gz --labels models/fashion-test-labels-1000.idx.gz \
        --report "$out/$name.html" --points 5
done

echo
echo "Each pair was trained independently, reordered without changing its function (verified), and averaged. The images"
echo "only judged: deep-align and weight matching go by the weights alone."
echo "The merged models are in $out: $(cd "$out" && ls -- *-merged.onnx | tr '\n' ' ')"
echo "What was done, and how good they are, is shown by the pages beside them: $(cd "$out" && ls -- *.html | tr '\n' ' ')"
