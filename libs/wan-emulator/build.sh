#!/bin/sh
# Builds the two programs of this package into build/. Needs a C compiler and the kernel's headers.
set -eu
cd "$(dirname "$0")"
mkdir -p build
for program in emulator traffic; do
  "${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Werror -o "build/wan-$program.new" src/$program/*.c -lm
  mv -f "build/wan-$program.new" "build/wan-$program"
done
