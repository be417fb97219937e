#!/usr/bin/env bash
# The same patient, weights quantised to FP8 as they are loaded (Hopper, Ada or newer): about 73 GB; TP=2 on 80 GB GPUs.
source "$(dirname "$0")/common.sh"
serve gpu "${MODEL:-Qwen/Qwen2.5-72B-Instruct}" "Qwen2.5-72B-Instruct" --quantization fp8 --kv-cache-dtype fp8 \
  --tensor-parallel-size "${TP:-2}" --max-model-len "${MAX_LEN:-8192}" --max-num-seqs "${MAX_SEQS:-256}" \
  --structured-outputs-config '{"backend":"auto","disable_any_whitespace":true}' "$@"
