#!/usr/bin/env bash
# Serves Kimi-Audio-7B-Instruct.
# HOST and PORT may be set (loopback unless HOST says otherwise), MODEL (a folder, or a name on the hub),
# SPEAK=1 (its own voice, too), REVISION (pins the weights) and REPOSITORY (a checkout of your own); further arguments go to server.py (--help).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/../environment.sh"
export REPOSITORY MODEL SPEAK="${SPEAK:-0}"
home="$(environment "$here")"
REPOSITORY="$(checkout MoonshotAI/Kimi-Audio 2607d515f5b7dffa1dcc7526f9f26feb48e356c4)"
MODEL="$(weights "$home/bin/python" "${MODEL:-moonshotai/Kimi-Audio-7B-Instruct}" "${REVISION:-}")"
exec "$home/bin/python" "$here/server.py" --host "${HOST:-127.0.0.1}" --port "${PORT:-8214}" "$@"
