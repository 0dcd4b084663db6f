#!/bin/sh
# getprop [NAME [DEFAULT]]: one property, or all of them as "[name]: [value]".
while IFS='=' read -r name value; do
    if [ $# -eq 0 ]; then
        printf '[%s]: [%s]\n' "$name" "$value"
    elif [ "$name" = "$1" ]; then
        printf '%s\n' "$value"
        exit 0
    fi
done <"$ANDROID_ROOT/build.prop"
[ $# -eq 0 ] || printf '%s\n' "${2-}"
