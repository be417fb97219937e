#!/usr/bin/env bash
# Serves CosyVoice2-0.5B as a voice.
# HOST and PORT may be set (loopback unless HOST says otherwise), MODEL (a folder, or a name on the hub), REVISION (pins
# the weights), REPOSITORY (a checkout of your own), FP16=1, LOAD_JIT=1, LOAD_TRT=1 (faster, with its exported graphs);
# further arguments go to server.py (--help).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/../environment.sh"
export REPOSITORY MODEL
home="$(environment "$here")"
REPOSITORY="$(checkout FunAudioLLM/CosyVoice ace7c47f41bbd303aa6bf1ea80e6f9fbd595cd40)"
MODEL="$(weights "$home/bin/python" "${MODEL:-FunAudioLLM/CosyVoice2-0.5B}" "${REVISION:-}")"
exec "$home/bin/python" "$here/server.py" --host "${HOST:-127.0.0.1}" --port "${PORT:-8231}" "$@"
