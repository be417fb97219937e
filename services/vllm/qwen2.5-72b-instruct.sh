#!/usr/bin/env bash
# The reference's patient and judge in bf16: about 145 GB of weights, so 2 GPUs of 80 GB with short contexts, better 4.
# TP: number of GPUs. Schemas are compiled by xgrammar unless vLLM finds that it cannot (structured-outputs auto).
source "$(dirname "$0")/common.sh"
serve gpu "${MODEL:-Qwen/Qwen2.5-72B-Instruct}" "Qwen2.5-72B-Instruct" --tensor-parallel-size "${TP:-4}" \
  --max-model-len "${MAX_LEN:-8192}" --max-num-seqs "${MAX_SEQS:-256}" --gpu-memory-utilization 0.92 \
  --structured-outputs-config '{"backend":"auto","disable_any_whitespace":true}' "$@"
