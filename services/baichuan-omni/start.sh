#!/usr/bin/env bash
# Serves Baichuan-Omni-1.5.
# HOST and PORT may be set (loopback unless HOST says otherwise), MODEL (a folder, or a name on the hub)
# and REVISION (pins weights and code); further arguments go to server.py (--help).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/../environment.sh"
export MODEL
home="$(environment "$here")"
MODEL="$(weights "$home/bin/python" "${MODEL:-baichuan-inc/Baichuan-Omni-1d5}" "${REVISION:-}")"
exec "$home/bin/python" "$here/server.py" --host "${HOST:-127.0.0.1}" --port "${PORT:-8217}" "$@"
