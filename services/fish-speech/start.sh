#!/usr/bin/env bash
# Serves openaudio-s1-mini (Fish Speech) as a voice.
# HOST and PORT may be set (loopback unless HOST says otherwise), MODEL (a folder, or a name on the hub), REVISION (pins
# the weights), REPOSITORY (a checkout of your own), HALF=1 (float16, for cards without bfloat16), COMPILE=1 (faster,
# after minutes of compiling); further arguments go to server.py (--help).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/../environment.sh"
export REPOSITORY MODEL
home="$(environment "$here")"
REPOSITORY="$(checkout fishaudio/fish-speech d3df50503b36314a964f66cac1af1e19e95bcfa3)"
MODEL="$(weights "$home/bin/python" "${MODEL:-fishaudio/openaudio-s1-mini}" "${REVISION:-}")"
exec "$home/bin/python" "$here/server.py" --host "${HOST:-127.0.0.1}" --port "${PORT:-8232}" "$@"
