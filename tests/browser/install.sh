#!/bin/sh
# Installs Debian's Chromium and a CJK font for the browser tests; does nothing where that is not possible.
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null || true
else
  echo "chromium is not installed: the browser tests will be skipped" >&2
fi
