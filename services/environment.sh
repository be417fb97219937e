# Shared by the start scripts of the services: makes environments and checkouts once; it is sourced, not run.
# CLINIC_CACHE chooses where they live (default ~/.cache/clinic-simulator), PYTHON the interpreter they start from.
clinic_cache() {
  local cache="${CLINIC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/clinic-simulator}"
  mkdir -p "$cache"
  echo "$cache"
}

# environment FOLDER: prints the virtual environment for FOLDER/requirements.txt and, when there is one,
# FOLDER/requirements-late.txt (packages whose build must see the first ones). Changed requirements make a new one.
environment() {
  local folder="$1" cache python hash home
  cache="$(clinic_cache)"
  python="${PYTHON:-$(command -v python3.10 || command -v python3.11 || command -v python3)}"
  hash="$(cat "$folder"/requirements*.txt | sha256sum | cut -c 1-12)"
  home="$cache/$(basename "$folder")-$hash"
  (
    set -e
    flock 9   # two who ask at once: one installs, the other waits
    if [ ! -f "$home/.complete" ]; then
      rm -rf "$home"
      "$python" -m venv "$home"
      "$home/bin/pip" install --quiet --disable-pip-version-check -r "$folder/requirements.txt"
      if [ -f "$folder/requirements-late.txt" ]; then
        "$home/bin/pip" install --quiet --disable-pip-version-check --no-build-isolation \
          -r "$folder/requirements-late.txt"
      fi
      touch "$home/.complete"
    fi
  ) 9> "$home.lock" >&2
  [ -f "$home/.complete" ] || { echo "the environment of $(basename "$folder") could not be made" >&2; return 1; }
  echo "$home"
}

# checkout NAME COMMIT: prints the folder of github.com/NAME at exactly COMMIT, submodules too.
# A folder that is already there can be named in the variable REPOSITORY instead.
checkout() {
  local name="$1" commit="$2" folder
  if [ -n "${REPOSITORY:-}" ]; then echo "$REPOSITORY"; return; fi
  folder="$(clinic_cache)/repositories/$(basename "$name")-${commit:0:12}"
  (
    set -e
    flock 9
    if [ ! -f "$folder/.git/complete" ]; then
      rm -rf "$folder"
      git init --quiet "$folder"
      git -C "$folder" fetch --quiet --depth 1 "https://github.com/$name.git" "$commit"
      git -C "$folder" checkout --quiet FETCH_HEAD
      git -C "$folder" submodule --quiet update --init --recursive --depth 1
      touch "$folder/.git/complete"
    fi
  ) 9> "$(clinic_cache)/$(basename "$name").lock" >&2
  [ -f "$folder/.git/complete" ] || { echo "github.com/$name could not be fetched at $commit" >&2; return 1; }
  echo "$folder"
}

# weights PYTHON NAME [REVISION]: prints the folder of the model NAME of the model hub, fetched when it is not there;
# a folder is printed as it is. REVISION pins what is fetched, code included.
weights() {
  if [ -d "$2" ]; then (cd "$2" && pwd); return; fi
  "$1" -c 'import sys; from huggingface_hub import snapshot_download
print(snapshot_download(sys.argv[1], revision=sys.argv[2] or None))' "$2" "${3:-}"
}
