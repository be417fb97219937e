#!/usr/bin/env bash
# The same patient as 4-bit AWQ: about 41 GB of weights; one GPU of 80 GB, or two of 48 GB with TP=2.
source "$(dirname "$0")/common.sh"
serve gpu "${MODEL:-Qwen/Qwen2.5-72B-Instruct-AWQ}" "Qwen2.5-72B-Instruct" --quantization awq_marlin \
  --tensor-parallel-size "${TP:-1}" --max-model-len "${MAX_LEN:-8192}" --max-num-seqs "${MAX_SEQS:-128}" \
  --structured-outputs-config '{"backend":"auto","disable_any_whitespace":true}' "$@"
