# Installs what is missing from Debian's packages; sourced by demo.sh and test.sh. Says what it installs.
#   install_packages build    what building needs
#   install_packages test     that, and what the tests need
install_packages() {
    local wanted="gcc g++ libc6-dev cmake ninja-build pkg-config protobuf-c-compiler libprotobuf-c-dev libopenblas-pthread-dev
        libjansson-dev zlib1g-dev libonnx-dev"
    if [ "$1" = test ]; then
        wanted="$wanted libcmocka-dev libonnx-testdata dataset-fashion-mnist clang clang-format git python3 python3-venv time
            python3-torch python3-torchvision"
    fi
    local missing="" package
    for package in $wanted; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    echo "installing with apt:$missing"
    local as_root=""
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { echo "these packages need root: apt-get install$missing" >&2; return 1; }
        as_root=sudo
    fi
    $as_root apt-get update -qq || echo "apt-get update failed; trying with the lists at hand" >&2
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
