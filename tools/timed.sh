#!/bin/sh
# A compiler that writes down what it costs:   tools/timed.sh log compiler arguments ...
# Lines of the log: seconds of CPU (user, system), kB of memory, the file that is compiled.
log=$1
shift
file=
for word in "$@"; do
  case $word in *.cpp) file=$word ;; esac
done
if [ -z "$file" ] || [ ! -x /usr/bin/time ]; then exec "$@"; fi
exec /usr/bin/time -a -o "$log" -f "%U %S %M $file" "$@"
