#!/usr/bin/env bash
# Trains the families of small networks that aligners learn from and are measured on (docs/results.md), and writes the
# samples they take. About an hour on two cores; --quick: a few networks of each, those of ten epochs for less than one, to
# try the scripts.
# A network follows from its number alone and files that exist are kept: an interrupted run goes on where it was.
#
#   models/families.sh [--quick] FOLDER [FAMILY...]       all families, or those named
set -euo pipefail
cd "$(dirname "$0")/.."
tool=build/release/tools/train-family
part=1
[ "${1:-}" != --quick ] || { part=16; shift; }
[ $# -ge 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2; }
folder=$1
shift
wanted=("$@")
[ -x "$tool" ] || { echo "build first: ./demo.sh" >&2; exit 2; }

is_wanted() {
    [ ${#wanted[@]} -eq 0 ] && return 0
    local name
    for name in "${wanted[@]}"; do [ "$name" != "$1" ] || return 0; done
    return 1
}

# A whole number of networks, an even one of at least four.
share() { local n=$(($1 / part / 2 * 2)); echo $((n < 4 ? 4 : n)); }

# train FAMILY PART FIRST COUNT ARCHITECTURE TASK [OPTION...]: the numbers from FIRST on.
train() {
    local family=$1 set=$2 first=$3 count=$4 architecture=$5 task=$6
    shift 6
    is_wanted "$family" || return 0
    mkdir -p "$folder/$family"
    echo "== $family, $set: $count x $architecture, $task" >&2
    "$tool" "$architecture" --task "$task" --first "$first" --count "$count" -o "$folder/$family/$set" "$@" 2>&1 |
        tail -n 2 >&2
}

# family NAME ARCHITECTURE TASK TRAIN TEST [OPTION...]: networks to learn from, and to be measured on; 0: none.
family() {
    local name=$1 architecture=$2 task=$3 train=$4 test=$5
    shift 5
    [ "$train" -eq 0 ] || train "$name" train 0 "$(share "$train")" "$architecture" "$task" "$@"
    [ "$test" -eq 0 ] || train "$name" test 100000 "$(share "$test")" "$architecture" "$task" "$@"
}

# Pairs whose first network has seen one half of the classes and whose second the other.
pair_up() {
    is_wanted disjoint || return 0
    for set in train test; do
        mkdir -p "$folder/disjoint/$set"
        for path in "$folder/disjoint/$set-a"/*.onnx; do
            name=$(basename "$path" .onnx)
            cp -u "$path" "$folder/disjoint/$set/$name-0.onnx"
            cp -u "$folder/disjoint/$set-b/$name.onnx" "$folder/disjoint/$set/$name-1.onnx"
        done
    done
}

mkdir -p "$folder"
"$tool" mlp:784-10 --write-data -o "$folder/flat"
"$tool" cnn:8/8 --write-data -o "$folder/images"
"$tool" cnn:8/8 --task rotated --write-data -o "$folder/rotated-images"
"$tool" inr:1-8-1 --task sine --write-data -o "$folder/line"
"$tool" inr:2-8-1 --task image --write-data -o "$folder/square"

family mlp mlp:784-128-128-128-10 fashion 352 128
family cnn cnn:8-16-16/32 fashion 352 128
family sine inr:1-32-32-1 sine 2048 64
family image inr:2-32-32-32-1 image 1024 64
family resnet resnet:8-16 fashion 160 128
family mlp-full mlp:784-128-128-128-10 fashion 256 128 --steps $((9370 / part))
family vit vit:32-64-64/4 fashion 96 128
family lstm lstm:32-32 fashion 64 128
# For the mix that the universal aligner learns from.
family mlp-narrow mlp:784-64-64-10 fashion 96 0
family mlp-deep mlp:784-80-80-80-80-10 fashion 96 0
family mlp-gelu mlp-gelu:784-96-96-96-10 fashion 64 0
family mlp-long mlp:784-96-96-10 fashion 64 0 --steps 4000
family cnn-bn cnn-bn:8-16-16/32 fashion 96 0
family cnn-long cnn-bn:8-16/32 fashion 48 0 --steps 1500
family vgg vgg:6-12/24 fashion 96 0
family vgg-narrow vgg:4-8-8/16 fashion 64 0
family cnn-short cnn:12-24/48 fashion 64 0
for set in train test; do
    count=$([ $set = train ] && share 128 || share 64)
    first=$([ $set = train ] && echo 0 || echo 100000)
    train disjoint $set-a "$first" "$count" mlp:784-128-128-128-10 disjoint-a
    train disjoint $set-b "$first" "$count" mlp:784-128-128-128-10 disjoint-b --seed 1
done
pair_up
# Never learned from.
family cnn-rotated cnn:8-16-16/32 rotated 0 128
family mlp-deeper mlp:784-96-96-96-96-96-10 fashion 0 128
family cnn-wide cnn:16-32-32/64 fashion 0 128
family mlp-res mlp-res:784-96-96-96-96-10 fashion 0 128
family vgg-bn vgg-bn:8-16/32 fashion 0 128
