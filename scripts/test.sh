#!/usr/bin/env bash
# Builds and runs all tests: first the Swift ones, then the clients against a running server.
set -euo pipefail
cd "$(dirname "$0")/.."

export ASSAY_ONNXRUNTIME="$PWD/.cache/onnxruntime/libonnxruntime.so"
swift build --build-tests --explicit-target-dependency-import-check error
swift test --skip-build --parallel
# Files run beside each other, the tests of one file one after the other: they share what it prepares.
ASSAY_BIN="$(swift build --show-bin-path)/assay" .cache/venv/bin/python -m pytest -q \
    --numprocesses auto --dist loadfile Tests/Clients
