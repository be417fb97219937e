#!/usr/bin/env bash
# Serves Zhongjing-LLaMA, merged beforehand: `MODEL=FOLDER start.sh [vLLM's arguments]`, or first
# `start.sh merge BASE FOLDER ADAPTER...`. HOST and PORT may be set; loopback unless HOST says otherwise.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/../environment.sh"
if [ "${1:-}" != merge ] && [ ! -f "${MODEL:-}/config.json" ]; then
  echo "MODEL must name the folder of the merged model; make it with: $0 merge BASE FOLDER ADAPTER..." >&2
  exit 2
fi
home="$(environment "$here")"
if [ "${1:-}" = merge ]; then
  shift
  exec "$home/bin/python" "$here/merge.py" "$@"
fi
export VLLM_NO_USAGE_STATS=1
exec "$home/bin/python" -m vllm.entrypoints.openai.api_server --model "$MODEL" --served-model-name Zhongjing-LLaMA \
  --host "${HOST:-127.0.0.1}" --port "${PORT:-8114}" --max-model-len 2048 --dtype float16 \
  --chat-template "$here/templates/ziya.jinja" --chat-template-content-format string \
  --enable-prefix-caching --enable-prompt-tokens-details "$@"
