#!/bin/sh
# Installs through apt what building and testing Shoal needs and this machine lacks.
# Quick when nothing is missing: then apt is not called at all.
# EXTRA names further packages (.ci/run uses it).
set -eu

needed="g++ make libcereal-dev libboost-program-options-dev catch2 python3 ${EXTRA:-}"

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "make deps: no dpkg here; please install: $needed" >&2
    exit 0
fi

missing=""
for package in $needed; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

by_hand() {
    echo "make deps: $1. Please run:" >&2
    echo "    sudo apt-get update && sudo apt-get install -y --no-install-recommends$missing" >&2
    exit 1
}

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || by_hand "not root, and there is no sudo"
    # Without a terminal nobody can type a password.
    [ -t 0 ] || sudo -n true 2>/dev/null || by_hand "not root, and sudo asks for a password"
    as_root="sudo"
fi

install() {
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $missing >&2
}

echo "make deps: installing$missing" >&2
# Fresh machines have no package lists, old ones have lists that name files long gone.
install || { $as_root apt-get update -qq >&2 && install; } || by_hand "apt could not install it"
