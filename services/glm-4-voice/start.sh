#!/usr/bin/env bash
# Serves GLM-4-Voice-9B.
# HOST and PORT may be set (loopback unless HOST says otherwise), TOKENIZER, DECODER, MODEL (a folder, or a name on the
# hub), SPEAK=1 (its own voice, too),
# REVISION (pins the weights) and REPOSITORY (a checkout of your own); further arguments go to server.py (--help).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/../environment.sh"
export REPOSITORY MODEL TOKENIZER DECODER SPEAK="${SPEAK:-0}"
home="$(environment "$here")"
REPOSITORY="$(checkout THUDM/GLM-4-Voice da598d9b682f2a8dc545cb9aa056b0a9391d1771)"
MODEL="$(weights "$home/bin/python" "${MODEL:-THUDM/glm-4-voice-9b}" "${REVISION:-}")"
TOKENIZER="$(weights "$home/bin/python" "${TOKENIZER:-THUDM/glm-4-voice-tokenizer}")"
if [ "$SPEAK" != 0 ]; then
  DECODER="$(weights "$home/bin/python" "${DECODER:-THUDM/glm-4-voice-decoder}")"
fi
exec "$home/bin/python" "$here/server.py" --host "${HOST:-127.0.0.1}" --port "${PORT:-8213}" "$@"
