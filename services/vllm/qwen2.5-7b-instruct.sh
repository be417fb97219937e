#!/usr/bin/env bash
# A small patient for one GPU of 24 GB: for trying things out, not for published numbers.
source "$(dirname "$0")/common.sh"
serve gpu "${MODEL:-Qwen/Qwen2.5-7B-Instruct}" "Qwen2.5-7B-Instruct" --max-model-len "${MAX_LEN:-8192}" \
  --structured-outputs-config '{"backend":"auto","disable_any_whitespace":true}' "$@"
