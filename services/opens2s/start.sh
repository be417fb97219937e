#!/usr/bin/env bash
# Serves OpenS2S.
# HOST and PORT may be set (loopback unless HOST says otherwise), MODEL (a folder, or a name on the hub),
# REVISION (pins the weights) and REPOSITORY (a checkout of your own); further arguments go to server.py (--help).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/../environment.sh"
export REPOSITORY MODEL
home="$(environment "$here")"
REPOSITORY="$(checkout CASIA-LM/OpenS2S 359565cde57829bb16d640d600d77ad9bd12b8a3)"
MODEL="$(weights "$home/bin/python" "${MODEL:-CASIA-LM/OpenS2S}" "${REVISION:-}")"
exec "$home/bin/python" "$here/server.py" --host "${HOST:-127.0.0.1}" --port "${PORT:-8218}" "$@"
