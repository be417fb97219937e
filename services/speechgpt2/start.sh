#!/usr/bin/env bash
# Serves SpeechGPT-2.0-preview.
# HOST and PORT may be set (loopback unless HOST says otherwise), CODEC, MODEL (a folder, or a name on the hub),
# REVISION (pins the weights) and REPOSITORY (a checkout of your own); further arguments go to server.py (--help).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/../environment.sh"
export REPOSITORY MODEL CODEC
home="$(environment "$here")"
REPOSITORY="$(checkout OpenMOSS/SpeechGPT-2.0-preview 730c90f633318111035a8e58dca52e3405f4e9d6)"
MODEL="$(weights "$home/bin/python" "${MODEL:-fnlp/SpeechGPT-2.0-preview-7B}" "${REVISION:-}")"
CODEC="$(weights "$home/bin/python" "${CODEC:-fnlp/SpeechGPT-2.0-preview-Codec}")"
exec "$home/bin/python" "$here/server.py" --host "${HOST:-127.0.0.1}" --port "${PORT:-8215}" "$@"
