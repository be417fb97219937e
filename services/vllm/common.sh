# Shared by the start scripts of this folder: `serve KIND MODEL NAME [vLLM's arguments]`; it is sourced, not run.
# HOST and PORT choose the address (default 127.0.0.1:8000: loopback only), CLINIC_CACHE where environments live.
serve() {
  local kind="$1" model="$2" name="$3" home
  shift 3
  home="$(bash "$(dirname "${BASH_SOURCE[0]}")/install.sh" "$kind" | tail -n 1)"
  if [ "$kind" = cpu ]; then
    export VLLM_CPU_OMP_THREADS_BIND="${VLLM_CPU_OMP_THREADS_BIND:-nobind}" OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
    # the engine's process computes by itself: a worker of its own would import everything once more
    export VLLM_ENABLE_V1_MULTIPROCESSING="${VLLM_ENABLE_V1_MULTIPROCESSING:-0}"
  fi
  export VLLM_NO_USAGE_STATS=1
  # the module, not the `vllm` command: the CPU build's distribution has another name, and the command looks for it
  exec "$home/bin/python" -m vllm.entrypoints.openai.api_server --model "$model" --served-model-name $name \
    --host "${HOST:-127.0.0.1}" --port "${PORT:-8000}" --enable-prefix-caching --enable-prompt-tokens-details "$@"
}
