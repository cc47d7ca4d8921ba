#!/usr/bin/env bash
# Builds the release binaries, and puts ONNX Runtime beside them, where they look for it.
set -euo pipefail
cd "$(dirname "$0")/.."

for product in assay assay-evaluator; do
    swift build --configuration release --static-swift-stdlib --product "$product"
done
ln -sf "$PWD/.cache/onnxruntime/libonnxruntime.so" "$(swift build --configuration release --show-bin-path)/libonnxruntime.so"
