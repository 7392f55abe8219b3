#!/usr/bin/env bash
# Fetches the aarch64 packages of the runtimes from PyPI and unpacks them, in the versions that are
# installed here.
#
#   aarch64_wheels.sh FOLDER
set -euo pipefail
folder=${1:?"usage: $0 FOLDER"}
mkdir -p "$folder"
python=${PYTHON:-python3}

wanted=$("$python" - <<'VERSIONS'
from importlib.metadata import version
print(*(f"{name}=={version(name)}" for name in ("ai-edge-litert", "MNN", "onnxruntime")))
VERSIONS
)
platforms=(--platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64
           --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64)
# shellcheck disable=SC2086
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
  --python-version 3.11 "${platforms[@]}" --dest "$folder" $wanted
for wheel in "$folder"/*.whl; do "$python" -m zipfile -e "$wheel" "$folder"; done
