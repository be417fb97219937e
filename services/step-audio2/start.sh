#!/usr/bin/env bash
# Serves Step-Audio-2-mini.
# HOST and PORT may be set (loopback unless HOST says otherwise), MODEL (a folder, or a name on the hub),
# SPEAK=1 (its own voice, too), REVISION (pins the weights) and REPOSITORY (a checkout of your own); further arguments go to server.py (--help).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/../environment.sh"
export REPOSITORY MODEL SPEAK="${SPEAK:-0}"
home="$(environment "$here")"
REPOSITORY="$(checkout stepfun-ai/Step-Audio2 c22bfade1579c55aa6cffbce40094fd5770b5331)"
MODEL="$(weights "$home/bin/python" "${MODEL:-stepfun-ai/Step-Audio-2-mini}" "${REVISION:-}")"
exec "$home/bin/python" "$here/server.py" --host "${HOST:-127.0.0.1}" --port "${PORT:-8219}" "$@"
