#!/usr/bin/env bash
# Serves LLaMA-Omni2 or SpeechMedAssist: `start.sh speechmedassist | llama-omni2-7b`.
# WHISPER must name large-v3.pt. HOST and PORT may be set (loopback unless HOST says otherwise), MODEL (a folder, or a
# name on the hub), REVISION (pins the weights) and REPOSITORY (a checkout of your own); further arguments go to server.py (--help).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/../environment.sh"
export VARIANT="${1:-}"
[ $# -gt 0 ] && shift
case "$VARIANT" in
  speechmedassist)
    model=SII-Sirry/SpeechMedAssist port=8211 code=SirryChen/SpeechMedAssist
    commit=d45273532504e0eab37cc5b1d163f9b2089b805a ;;
  llama-omni2-7b)
    model=ICTNLP/LLaMA-Omni2-7B-Bilingual port=8212 code=ictnlp/LLaMA-Omni2
    commit=c8afa9061a9c2d2c1919f7293f5492d946869752 ;;
  *) echo "usage: $0 speechmedassist | llama-omni2-7b [arguments of server.py]" >&2; exit 2 ;;
esac
if [ ! -f "${WHISPER:-}" ]; then
  echo "WHISPER must name Whisper's large-v3.pt; see README.md" >&2
  exit 2
fi
export REPOSITORY MODEL WHISPER
home="$(environment "$here")"
REPOSITORY="$(checkout "$code" "$commit")"
MODEL="$(weights "$home/bin/python" "${MODEL:-$model}" "${REVISION:-}")"
exec "$home/bin/python" "$here/server.py" --host "${HOST:-127.0.0.1}" --port "${PORT:-$port}" "$@"
