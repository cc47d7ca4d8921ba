#!/usr/bin/env bash
# The main job on real data, each step printed as a person would type it. It can be run again: it begins anew each time.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
export PATH="$(swift build --configuration release --show-bin-path):$PATH"
data=$root/fixtures/digits
rm -rf .quickstart
mkdir .quickstart
cd .quickstart

say() { printf '\n# %s\n' "$*"; }
run() {
    printf '$ %s\n' "$*"
    "$@"
}

say "A store, and a key that signs what training pushes"
run assay init store
run assay key generate --out release
run assay --store store key trust release.pub.pem --name release

say "A server on a free port of this machine"
printf '$ assay serve --store store --listen 127.0.0.1:0 &\n'
assay serve --store store --listen 127.0.0.1:0 >server.log 2>&1 &
server=$!
# What a pull remembers of the log stays in here, too.
export XDG_STATE_HOME=$PWD/state
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
    grep -q '^listening on ' server.log && break
    kill -0 "$server" || { cat server.log; exit 1; }
    sleep 0.1
done
export ASSAY_SERVER
ASSAY_SERVER=$(sed -n 's/^listening on //p' server.log)
printf '%s\n$ export ASSAY_SERVER=%s\n' "$(cat server.log)" "$ASSAY_SERVER"

say "The data: a training part and a held-out part"
cp "$data/train.npz" "$data/test.npz" .
run assay push digits-train train.npz --kind dataset
echo '{"version": 1, "inputs": ["input"]}' >dataset.json
run cat dataset.json # what may go into a model: the labels beside it never do
run assay push digits-test test.npz dataset.json --kind dataset

say "A first model, signed; then a measurement on the held-out digits"
cp "$data"/digits-?.onnx "$data"/digits-?.yaml .
run assay push digits digits-1.onnx --key release.pem --metadata digits-1.yaml --trained-on digits-train:1
run assay verify digits:1 --dataset digits-test:1

say "What production demands"
cat >policy.yaml <<'POLICY'
version: 1
dataset: digits-test:1
metrics:
  accuracy: {min: 0.90, max_drop: 0.01}
latency:
  p50: {max_milliseconds: 1}
lineage: [trained-on]
POLICY
run cat policy.yaml
run assay policy set digits production policy.yaml
run assay promote digits:1 production

say "A second model, trained worse: the gate refuses it"
run assay push digits digits-2.onnx --key release.pem --metadata digits-2.yaml --trained-on digits-train:1
printf '$ assay promote digits:2 production\n'
status=0
assay promote digits:2 production || status=$?
printf 'exit code %s\n' "$status"
if [ "$status" -eq 0 ]; then
    echo "the worse model was promoted, which must not happen" >&2
    exit 1
fi

say "A third model, better: it is promoted"
run assay push digits digits-3.onnx --key release.pem --metadata digits-3.yaml --trained-on digits-train:1
run assay promote digits:3 production

say "What a deployment and an auditor keep outside of the registry: whom to trust, and a state of the log"
run assay key export -o root.json
run assay audit checkpoint -o checkpoint.txt

say "A deployment pulls what production points to, if it is signed and its promotion is in the log"
run assay pull digits:production model --trust root.json --require-log
run assay check model --trust root.json

say "A bundle proves the same offline"
run assay bundle export digits:production -o digits-3.tar
run assay bundle verify digits-3.tar --trust root.json --promoted production

say "An auditor follows where it came from, who said so, and what happened"
run assay lineage digits:production
run assay attestations digits:production --trust root.json
run assay history digits production
run assay audit verify --checkpoint checkpoint.txt --trust root.json

cat <<NEXT

What to try next (assay is in .build/release; make install puts it on your PATH)
  - look around:     assay --store .quickstart/store show digits:3
  - what is in it:   assay --store .quickstart/store bom digits:3
  - no server:       assay --store .quickstart/store list digits
  - other clients:   assay serve --store .quickstart/store --listen 127.0.0.1:8080, then
                     skopeo copy --src-tls-verify=false docker://127.0.0.1:8080/digits:production dir:digits
  - your own model:  docs/cli.md
NEXT
