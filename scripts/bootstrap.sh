#!/usr/bin/env bash
# Installs what building and running Assay needs on Debian 12, and nothing that is there already.
#
#   scripts/bootstrap.sh            system libraries and the pinned ONNX Runtime library
#   scripts/bootstrap.sh --tests    also what the tests need: foreign clients and a Python environment
#   scripts/bootstrap.sh --bench    also what the benchmarks compare with
#
# System packages come from apt; all else goes to .cache/ in the repository.
set -euo pipefail

readonly ONNXRUNTIME_VERSION=1.32.0
readonly ONNXRUNTIME_WHEEL="onnxruntime-$ONNXRUNTIME_VERSION-cp312-cp312-manylinux_2_28_x86_64.whl"
readonly ONNXRUNTIME_WHEEL_SHA256=99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8
readonly ONNXRUNTIME_LIBRARY_SHA256=6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f

readonly BUILD_PACKAGES=(libsqlite3-dev libssl-dev libarchive-dev libxxhash-dev libseccomp-dev pkg-config unzip)
readonly TEST_PACKAGES=(skopeo umoci buildah podman curl openssl)
readonly BENCH_PACKAGES=(nginx-light docker-registry wrk curl)

readonly DOWNLOAD_ATTEMPTS=3
readonly POLICY=/usr/sbin/policy-rc.d

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly ROOT
readonly CACHE="$ROOT/.cache"

fail() {
    printf 'bootstrap: %s\n' "$1" >&2
    exit 1
}

say() {
    printf 'bootstrap: %s\n' "$1"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "'$*' needs root and there is no sudo; run it as root, then run this again"
    fi
}

retry() {
    local attempt
    for ((attempt = 1; attempt <= DOWNLOAD_ATTEMPTS; attempt++)); do
        if "$@"; then
            return 0
        fi
        say "attempt $attempt of $DOWNLOAD_ATTEMPTS failed: $1"
    done
    return 1
}

# System packages

is_installed() {
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

are_installed() {
    local package
    for package in "$@"; do
        is_installed "$package" || return 1
    done
}

install_packages() {
    local package missing=()
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        return 0
    fi
    command -v apt-get >/dev/null || fail "apt-get not found; install by hand: ${missing[*]}"
    say "installing ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" ||
        fail "apt could not install ${missing[*]}; its message is above"
}

# Debian starts the services that a package brings; a policy of 101 ("not allowed") tells it not to.
install_packages_without_services() {
    if are_installed "$@" || [ -e "$POLICY" ]; then
        install_packages "$@"
        return
    fi
    trap 'as_root rm -f "$POLICY"' EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 0755 "$POLICY"
    install_packages "$@"
    as_root rm -f "$POLICY"
    trap - EXIT
}

# ONNX Runtime

has_sha256() {
    [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d ' ' -f 1)" = "$2" ]
}

require_sha256() {
    has_sha256 "$1" "$2" || fail "$(basename "$1") is not the pinned file: its SHA-256 is
  $(sha256sum "$1" | cut -d ' ' -f 1), and it must be
  $2.
Nothing was installed. If the download was damaged, run this again; otherwise do not use that file."
}

download_wheel() {
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --python-version 3.12 --platform manylinux_2_28_x86_64 --dest "$1" "onnxruntime==$ONNXRUNTIME_VERSION"
}

install_onnxruntime() {
    local library="$CACHE/onnxruntime/libonnxruntime.so"
    if has_sha256 "$library" "$ONNXRUNTIME_LIBRARY_SHA256"; then
        return 0
    fi
    [ "$(uname -m)" = x86_64 ] || fail "only x86_64 has a pinned ONNX Runtime, this machine is $(uname -m)"
    say "fetching ONNX Runtime $ONNXRUNTIME_VERSION"
    mkdir -p "$CACHE/onnxruntime"
    local work
    work="$(mktemp -d "$CACHE/onnxruntime/.download-XXXXXX")"
    # The path is fixed now, because the local name is gone when the trap runs.
    # shellcheck disable=SC2064
    trap "rm -rf '$work'" EXIT
    retry download_wheel "$work" || fail "ONNX Runtime could not be downloaded; check the network and run this again"
    require_sha256 "$work/$ONNXRUNTIME_WHEEL" "$ONNXRUNTIME_WHEEL_SHA256"
    unzip -p "$work/$ONNXRUNTIME_WHEEL" "onnxruntime/capi/libonnxruntime.so.$ONNXRUNTIME_VERSION" >"$work/library"
    require_sha256 "$work/library" "$ONNXRUNTIME_LIBRARY_SHA256"
    chmod 0755 "$work/library"
    mv -f "$work/library" "$library"
    rm -rf "$work"
    trap - EXIT
}

# Python

# Pip of the system installs into the new environment, so that Debian's python3-venv is not needed.
pip_install() {
    python3 -m pip --python "$CACHE/venv/bin/python" install --quiet --disable-pip-version-check --requirement "$1"
}

install_python_requirements() {
    local requirements="$ROOT/scripts/python-requirements/$1.txt"
    local stamp="$CACHE/venv/requirements-$1.txt"
    if cmp -s "$requirements" "$stamp" && "$CACHE/venv/bin/python" -c '' 2>/dev/null; then
        return 0
    fi
    say "installing the Python packages of $1.txt"
    "$CACHE/venv/bin/python" -c '' 2>/dev/null || python3 -m venv --clear --without-pip "$CACHE/venv"
    retry pip_install "$requirements" || fail "the Python packages of $1.txt could not be installed"
    cp "$requirements" "$stamp"
}

usage() {
    sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

main() {
    local tests=false bench=false argument
    for argument in "$@"; do
        case "$argument" in
            --tests) tests=true ;;
            --bench) bench=true ;;
            -h | --help) usage && exit 0 ;;
            *) usage >&2 && exit 2 ;;
        esac
    done
    command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 ||
        fail "Python 3 with pip is needed: apt-get install python3 python3-pip"
    install_packages "${BUILD_PACKAGES[@]}"
    install_onnxruntime
    if $tests; then
        install_packages_without_services "${TEST_PACKAGES[@]}"
        install_python_requirements tests
    fi
    if $bench; then
        install_packages_without_services "${BENCH_PACKAGES[@]}"
        install_python_requirements bench
    fi
}

main "$@"
