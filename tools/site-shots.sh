#!/bin/sh
# Pictures of the site in headless Chromium, at the width of a desktop and of a telephone:
#   tools/site-shots.sh [page]...      into build-site/shots
set -u
cd "$(dirname "$0")/.." || exit 1
[ $# -gt 0 ] || set -- index reference/index reference/lmm articles/one-model-many-inferences \
  articles/hdlmm news/index
shots=build-site/shots
mkdir -p "$shots"
for page in "$@"; do
  for size in 1280,1600 390,1600; do
    file=$shots/$(echo "$page" | tr / -)-${size%,*}.png
    # a window is never narrower than 500 pixels: a telephone is a frame inside it
    frame=$(mktemp --suffix=.html)
    printf '<body style="margin:0"><iframe src="file://%s" width="%s" height="%s" style="border:0">' \
      "$PWD/build-site/$page.html" "${size%,*}" "${size#*,}" >"$frame"
    chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --allow-file-access-from-files \
      --window-size="$size" --screenshot="$file" "file://$frame" >/dev/null 2>&1
    rm -f "$frame"
    echo "$file"
  done
done
