#!/usr/bin/env bash
# Serves ShizhenGPT-7B-Omni.
# HOST and PORT may be set (loopback unless HOST says otherwise), MODEL (a folder, or a name on the hub)
# and REVISION (pins weights and code); further arguments go to server.py (--help).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/../environment.sh"
export MODEL
home="$(environment "$here")"
MODEL="$(weights "$home/bin/python" "${MODEL:-FreedomIntelligence/ShizhenGPT-7B-Omni}" "${REVISION:-}")"
exec "$home/bin/python" "$here/server.py" --host "${HOST:-127.0.0.1}" --port "${PORT:-8216}" "$@"
