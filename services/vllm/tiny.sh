#!/usr/bin/env bash
# The test server: a two-layer Qwen2 with random weights on the CPU, under two names. It talks nonsense in valid JSON.
# MODEL: a folder made by tiny_model.py; without it one is made in the cache. No GPU, no network.
source "$(dirname "$0")/common.sh"
here="$(cd "$(dirname "$0")" && pwd)"
if [ -z "${MODEL:-}" ]; then
  home="$(bash "$here/install.sh" cpu | tail -n 1)"
  MODEL="$home/tiny-model"
  [ -f "$MODEL/config.json" ] || HF_HUB_OFFLINE=1 "$home/bin/python" "$here/tiny_model.py" "$MODEL"
fi
export HF_HUB_OFFLINE=1
# guidance keeps to maxLength with random weights; block size 32 lets short prompts hit the prefix cache; whole
# prefills only, because on the CPU a seeded request whose prompt is computed in two parts ends vLLM's engine
serve cpu "$MODEL" "tiny-qwen2 tiny-qwen2-b" --max-model-len "${MAX_LEN:-8192}" --max-num-seqs 64 --enforce-eager \
  --no-enable-chunked-prefill --max-num-batched-tokens "${MAX_LEN:-8192}" --kv-cache-memory-bytes 256M \
  --block-size 32 --structured-outputs-config '{"backend":"guidance","disable_any_whitespace":true}' "$@"
