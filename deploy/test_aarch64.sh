#!/usr/bin/env bash
# Cross-builds the demos for 64-bit ARM and runs them under qemu: the unit tests, and each model of a
# folder on an image, compared with Python's keypoints here.
#
#   test_aarch64.sh [--install] IMAGE MODEL ...
#
# --install installs the Debian packages first, as root; it adds the architecture arm64 to apt.
set -euo pipefail
if [ "${1:-}" = --install ]; then
  shift
  dpkg --add-architecture arm64
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq cmake make g++-aarch64-linux-gnu qemu-user \
    nlohmann-json3-dev libjpeg62-turbo-dev:arm64 libpng-dev:arm64 libstdc++6:arm64
fi
if [ $# -lt 2 ]; then sed -n '2,7s/^# \?//p' "$0" >&2; exit 2; fi
image=$(realpath "$1")
shift
source=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
work=${WORK:-$(mktemp -d)}
echo "== Building in $work"
if [ ! -d "$work/wheels" ]; then PYTHON=$python "$source/aarch64_wheels.sh" "$work/wheels"; fi
cmake -S "$source" -B "$work/build" -DCMAKE_TOOLCHAIN_FILE="$source/cross-aarch64.cmake" \
  -DWHEELS="$work/wheels" -DREQUIRE_ALL=ON -DSTATIC_IMAGES=ON > "$work/configure.log"
cmake --build "$work/build" --parallel 2 > "$work/build.log"
cmake --install "$work/build" --prefix "$work/board" > /dev/null

# The emulator looks for files here first. LiteRT and ONNX Runtime crash if /proc/cpuinfo is not that of an
# ARM processor. The C library is arm64's own: threads hang on that of Debian's cross compiler.
mkdir -p "$work/root/proc"
cat > "$work/root/proc/cpuinfo" <<'CPU'
processor	: 0
BogoMIPS	: 100.00
Features	: fp asimd
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x0
CPU part	: 0xd03
CPU revision	: 4

CPU
ln -sfn /usr/lib/aarch64-linux-gnu "$work/root/lib"
run() { timeout 600 qemu-aarch64 -cpu cortex-a53 -L "$work/root" "$@"; }

echo "== Unit tests"
run "$work/build/tests/unit_tests" | tail -3
run "$work/build/tests/fuzz" 200
for model in "$@"; do
  echo "== $model"
  case $model in *.tflite) demo=litert ;; *.mnn) demo=mnn ;; *) demo=onnx ;; esac
  run "$work/board/simplebase_$demo" -m "$model" -i "$image" -t 2 -c 2 -w 1
  run "$work/board/simplebase_$demo" -m "$model" -i "$image" -t 2 -w 0 --json > "$work/answer.json"
  "$python" - "$model" "$image" "$work/answer.json" <<'COMPARE'
import json, sys
from simplebase import load, read_image
model, image, answer = sys.argv[1:]
expected = load(model)(read_image(image))[0].keypoints
found = json.load(open(answer))["poses"][0]["keypoints"]
apart = max(((p["x"] - x) ** 2 + (p["y"] - y) ** 2) ** 0.5 for p, (x, y, _) in zip(found, expected))
allowed = 0.05 if not any(kind in model for kind in ("int8", "weights")) else 0.5
print(f"{apart:.4f} pixels at most from Python on this machine; {allowed} are allowed")
sys.exit(int(apart > allowed))
COMPARE
done
