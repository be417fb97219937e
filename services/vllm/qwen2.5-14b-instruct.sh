#!/usr/bin/env bash
# A doctor for one GPU of 40 GB, or two of 24 GB with TP=2: about 30 GB of weights in bf16.
source "$(dirname "$0")/common.sh"
serve gpu "${MODEL:-Qwen/Qwen2.5-14B-Instruct}" "Qwen2.5-14B-Instruct" --tensor-parallel-size "${TP:-1}" \
  --max-model-len "${MAX_LEN:-8192}" --structured-outputs-config '{"backend":"auto","disable_any_whitespace":true}' "$@"
