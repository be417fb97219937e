#!/usr/bin/env bash
# Starts one model of the Baichuan family behind an OpenAI-compatible server: `start.sh ENTRY [vLLM's arguments]`.
# HOST, PORT, MODEL (a name on the hub or a folder) and REVISION may be set; loopback unless HOST says otherwise.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/../environment.sh"
entry="${1:-}"
[ $# -gt 0 ] && shift
case "$entry" in
  baichuan2-7b-chat) model=baichuan-inc/Baichuan2-7B-Chat name=Baichuan2-7B-Chat port=8111 template=baichuan2 ;;
  huatuogpt2-7b) model=FreedomIntelligence/HuatuoGPT2-7B name=HuatuoGPT2-7B port=8112 template=huatuo ;;
  disc-medllm) model=Flmc/DISC-MedLLM name=DISC-MedLLM port=8113 template=baichuan-13b ;;
  *) echo "usage: $0 baichuan2-7b-chat | huatuogpt2-7b | disc-medllm [vLLM's arguments]" >&2; exit 2 ;;
esac
options=()
[ -n "${REVISION:-}" ] && options+=(--revision "$REVISION" --code-revision "$REVISION" --tokenizer-revision "$REVISION")
home="$(environment "$here")"
export VLLM_NO_USAGE_STATS=1
exec "$home/bin/python" -m vllm.entrypoints.openai.api_server --model "${MODEL:-$model}" --served-model-name "$name" \
  --host "${HOST:-127.0.0.1}" --port "${PORT:-$port}" --max-model-len 4096 --dtype bfloat16 --trust-remote-code \
  --chat-template "$here/templates/$template.jinja" --chat-template-content-format string \
  --enable-prefix-caching --enable-prompt-tokens-details "${options[@]}" "$@"
