#!/usr/bin/env bash
# Makes the environment of a vLLM server: `services/vllm/install.sh cpu|gpu`; prints its folder as the last line.
# The folder's name holds a hash of the requirements: unchanged requirements are installed once, changed ones anew.
set -euo pipefail
kind="${1:-gpu}"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
wanted="$here/requirements-$kind.txt"
overrides="$here/overrides-$kind.txt"
[ -f "$wanted" ] || { echo "no such kind of environment: $kind (cpu or gpu)" >&2; exit 2; }
python="${PYTHON:-$(command -v python3.11 || command -v python3)}"
hash="$(cat "$wanted" "$([ -f "$overrides" ] && echo "$overrides" || echo /dev/null)" "${BASH_SOURCE[0]}" |
  "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest()[:12])')"
cache="${CLINIC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/clinic-simulator}"
home="$cache/vllm-$kind-$hash"
mkdir -p "$cache"
exec 9>"$home.lock"
flock 9   # two who ask at once: one installs, the other waits
if [ ! -f "$home/.complete" ]; then
  rm -rf "$home"
  "$python" -m venv "$home" >&2
  "$home/bin/pip" install --quiet --disable-pip-version-check uv >&2
  options=()
  # uv does not read pip's settings: hand over the folder of local wheels that pip would look in
  links="$("$home/bin/pip" config get global.find-links 2>/dev/null || "$home/bin/pip" config get :env:.find-links 2>/dev/null || true)"
  for folder in ${links:-${PIP_FIND_LINKS:-}}; do options+=(--find-links "$folder"); done
  [ -f "$overrides" ] && options+=(--override "$overrides")
  "$home/bin/uv" pip install --quiet --python "$home/bin/python" "${options[@]}" -r "$wanted" >&2
  touch "$home/.complete"
fi
echo "$home"
