#!/usr/bin/env bash
# From a trained model to a folder that is ready to be copied to a board: the model in each format,
# compared with the original as it is exported; the demo programs with their libraries; the classes,
# a sample image and a script that runs each demo.
#
#   build_artifacts.sh MODEL.keras OUT [DATASET]   or the name of a pretrained model, such as person-mini
#   build_artifacts.sh PRESET OUT [DATASET]        trains the preset first
#
# DATASET is a folder of your images: int8 is calibrated and the files are compared on it, and a preset
# is trained on it. Without it, all of that is done on drawn figures.
#
#   WHEELS=FOLDER TOOLCHAIN=deploy/cross-aarch64.cmake build_artifacts.sh ...     for another machine
set -euo pipefail
if [ $# -lt 2 ]; then sed -n '2,12s/^# \?//p' "$0" >&2; exit 2; fi
model=$1 out=$2 dataset=${3:-}
source=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
simplebase() { "$python" -m simplebase "$@"; }

if [ -e "$out" ]; then echo "$out exists. Give a folder that does not." >&2; exit 1; fi
# The first JPEG file of a dataset, or nothing.
first_jpeg() {
  find "$1/images/" -iname '*.jpg' -o -iname '*.jpeg' 2> /dev/null | LC_ALL=C sort | sed -n 1p
}
if [ -n "$dataset" ] && [ -z "$(first_jpeg "$dataset")" ]; then
  echo "$dataset/images has no JPEG file, but one is needed as the sample image." >&2
  exit 1
fi
preset=
if [ ! -f "$model" ] && ! simplebase models "$model" > /dev/null 2>&1; then
  preset=$model
  simplebase presets "$preset" > /dev/null
fi
# Files that are not part of the result.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Before everything that takes long, so that missing packages are reported at once.
echo "== Demo programs"
configure=(-S "$source" -B "$work/build" -DBUILD_TESTING=OFF -DREQUIRE_ALL=ON -DSTATIC_IMAGES=ON)
configure+=("-DPython3_EXECUTABLE=$("$python" -c "import sys; print(sys.executable)")")
if [ -n "${WHEELS:-}" ]; then configure+=("-DWHEELS=$(realpath "$WHEELS")"); fi
if [ -n "${TOOLCHAIN:-}" ]; then configure+=("-DCMAKE_TOOLCHAIN_FILE=$(realpath "$TOOLCHAIN")"); fi
if ! cmake "${configure[@]}" > "$work/configure.log" 2>&1; then
  cat "$work/configure.log" >&2
  echo "The demo programs cannot be built. The packages that they need are in $source/README.md." >&2
  exit 1
fi
cmake --build "$work/build" --parallel 2 > "$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }

if [ -n "$preset" ]; then
  echo "== Training $preset"
  training=(--preset "$preset" --run-dir "$work/run")
  if [ -n "$dataset" ]; then training+=(--dataset "$dataset"); else training+=(--recipe quick --backbone-weights none); fi
  simplebase train "${training[@]}"
  model=$work/run/checkpoints/best.keras
fi

mkdir -p "$out"
figures=$work/figures
if [ -z "$dataset" ]; then simplebase data synthesize "$figures"; fi
samples=${dataset:-$figures}

failed=()
export_as() {  # NAME FORMAT QUANTIZATION
  echo "== $1"
  # A file whose results differ from the model's is of no use on a board either.
  if ! simplebase export "$model" --format "$2" --quantize "$3" --output "$out/$1" --calibration "$samples"; then
    failed+=("$1")
    rm -f "$out/$1".*
  fi
}
export_as model.tflite litert none
# The model in the package has an int8 file, calibrated on photographs of people.
shipped=
if [ ! -e "$model" ]; then
  shipped=$("$python" -c 'if True:
    import sys
    from simplebase.zoo.embedded import NAMES, folder_of
    if sys.argv[1] in NAMES: print(folder_of(sys.argv[1]) / f"{sys.argv[1]}.tflite")' "$model")
fi
if [ -n "$shipped" ]; then
  echo "== model_int8.tflite, from the package"
  cp "$shipped" "$out/model_int8.tflite"
  cp "$shipped.json" "$out/model_int8.tflite.json"
else
  export_as model_int8.tflite litert int8
fi
export_as model.onnx onnx none
export_as model.mnn mnn none
export_as model_weights.mnn mnn weights

cmake --install "$work/build" --prefix "$out" > /dev/null

"$python" - "$out" <<'CLASSES'
import json, sys
from pathlib import Path
out = Path(sys.argv[1])
sidecars = [out / f"model{ending}.json" for ending in (".tflite", ".onnx", ".mnn")]
sidecar = next((path for path in sidecars if path.exists()), None)
if sidecar is None:
    sys.exit("No format of the model could be exported.")
names = json.loads(sidecar.read_text())["skeleton"]["keypoints"]
(out / "classes.txt").write_text("\n".join(names) + "\n")
CLASSES
cp "$(first_jpeg "$samples")" "$out/sample.jpg"

for demo in litert:tflite mnn:mnn onnx:onnx; do
  cat > "$out/run_${demo%:*}.sh" <<RUN
#!/bin/sh
# Further words go to the demo: ./run_${demo%:*}.sh -t 4 -c 10 --output pose.jpg
cd "\$(dirname "\$0")" || exit 1
exec ./simplebase_${demo%:*} -m model.${demo#*:} -i sample.jpg -l classes.txt "\$@"
RUN
  chmod +x "$out/run_${demo%:*}.sh"
done

echo "== $out is ready"
ls -1 "$out"
if [ ${#failed[@]} -gt 0 ]; then
  echo "Left out, because they could not be exported or their results differ from the model's: ${failed[*]}" >&2
  exit 1
fi
