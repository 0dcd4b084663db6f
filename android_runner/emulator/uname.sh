#!/bin/sh
# uname as an arm64 kernel answers it; the rest is the host's.
for option in "$@"; do
    case $option in
        -m | --machine)
            echo aarch64
            exit 0
            ;;
    esac
done
/usr/bin/uname "$@" | sed "s/$(/usr/bin/uname -m)/aarch64/g"
