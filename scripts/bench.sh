#!/usr/bin/env bash
# Measures speed and memory of the release binaries; options go to the driver, such as --only push.
set -euo pipefail
cd "$(dirname "$0")/.."

export ASSAY_ONNXRUNTIME="$PWD/.cache/onnxruntime/libonnxruntime.so"
ASSAY_BIN="$(swift build --configuration release --show-bin-path)/assay" .cache/venv/bin/python Benchmarks/bench.py "$@"
