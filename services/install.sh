#!/usr/bin/env bash
# Makes the environment of one service: `services/install.sh NAME`; start scripts do the same when it is missing.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$here/environment.sh"
if [ ! -f "$here/${1:-}/requirements.txt" ]; then
  echo "usage: $0 NAME, one of: $(cd "$here" && for file in */requirements.txt; do dirname "$file"; done | tr '\n' ' ')" >&2
  exit 2
fi
environment "$here/$1"
