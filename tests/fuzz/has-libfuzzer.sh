#!/bin/sh
# Says "yes" when clang++ is here and can build a libFuzzer target, else "no".
program=$(mktemp) || exit 1
trap 'rm -f "$program"' EXIT
if echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' |
    clang++ -std=c++20 -fsanitize=fuzzer,address,undefined -x c++ - -o "$program" 2>/dev/null; then
    echo yes
else
    echo no
fi
