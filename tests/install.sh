#!/bin/sh
# Puts the project with its development extras into the virtual environment whose bin folder is given: by uv where it can
# be had, which takes a third of pip's time, else by pip. uv does not read pip's settings, so the folder of local wheels
# that pip looks in is handed over.
set -eu
bin="$1"
if "$bin/pip" install --quiet --disable-pip-version-check uv 2>/dev/null; then
  links="$("$bin/pip" config get global.find-links 2>/dev/null || echo "${PIP_FIND_LINKS:-}")"
  set --
  for folder in $links; do set -- "$@" --find-links "$folder"; done
  "$bin/uv" pip install --quiet --python "$bin/python" "$@" -c constraints.txt -e '.[dev]' && exit 0
  echo "uv could not install; trying pip" >&2
fi
"$bin/pip" install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
