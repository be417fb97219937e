#!/usr/bin/env bash
# Starts one speech model behind an OpenAI-compatible server: `start.sh ENTRY [vLLM's arguments]`.
# HOST, PORT, MODEL (a name on the hub or a folder), REVISION and MAX_LEN may be set; loopback unless HOST says otherwise.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/../environment.sh"
entry="${1:-}"
[ $# -gt 0 ] && shift
options=()
case "$entry" in
  qwen2-audio-7b-instruct)
    model=Qwen/Qwen2-Audio-7B-Instruct name=Qwen2-Audio-7B-Instruct port=8121 length=8192
    # vLLM numbers the sounds itself in a template that takes text; the model's repository ships none
    options=(--chat-template "$here/templates/chatml.jinja" --chat-template-content-format string
             --limit-mm-per-prompt '{"audio": 32}') ;;
  qwen2.5-omni-7b)
    model=Qwen/Qwen2.5-Omni-7B name=Qwen2.5-Omni-7B port=8122 length=16384
    options=(--limit-mm-per-prompt '{"audio": 32, "image": 0, "video": 0}') ;;
  minicpm-o-2.6)
    model=openbmb/MiniCPM-o-2_6 name=MiniCPM-o-2.6 port=8123 length=16384
    options=(--trust-remote-code --limit-mm-per-prompt '{"audio": 32, "image": 0, "video": 0}') ;;
  *) echo "usage: $0 qwen2-audio-7b-instruct | qwen2.5-omni-7b | minicpm-o-2.6 [vLLM's arguments]" >&2; exit 2 ;;
esac
[ -n "${REVISION:-}" ] && options+=(--revision "$REVISION" --code-revision "$REVISION" --tokenizer-revision "$REVISION")
home="$(environment "$here")"
export VLLM_NO_USAGE_STATS=1
exec "$home/bin/python" -m vllm.entrypoints.openai.api_server --model "${MODEL:-$model}" --served-model-name "$name" \
  --host "${HOST:-127.0.0.1}" --port "${PORT:-$port}" --max-model-len "${MAX_LEN:-$length}" --dtype bfloat16 \
  --enable-prefix-caching --enable-prompt-tokens-details "${options[@]}" "$@"
