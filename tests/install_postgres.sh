#!/bin/sh
# Installs Debian's Postgres server for the tests of sessions; does nothing where that is not possible.
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null || true
else
  echo "no Postgres server is installed: the tests of sessions on one will be skipped" >&2
fi
