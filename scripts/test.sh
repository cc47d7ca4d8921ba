#!/usr/bin/env bash
# Builds and runs all tests: first the Swift ones, then the clients against a running server.
set -euo pipefail
cd "$(dirname "$0")/.."

export ASSAY_ONNXRUNTIME="$PWD/.cache/onnxruntime/libonnxruntime.so"
swift build --build-tests --explicit-target-dependency-import-check error
swift test --skip-build --parallel
ASSAY_BIN="$(swift build --show-bin-path)/assay" .cache/venv/bin/python -m pytest -q Tests/Clients
