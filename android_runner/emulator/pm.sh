#!/bin/sh
# pm install [-r] APK | path PACKAGE | list packages | uninstall PACKAGE: the emulated phone's package manager.
# Installed means that the APK lies in /data/app/PACKAGE. It reads the manifest with Android's own aapt2, which is on
# the machine wherever an app was built; that there is a signature it believes.
apps="${PHONE_ROOT-}/data/app"

fail() {
    echo "Failure [$1]"
    exit 1
}

case ${1-} in
install)
    shift
    while [ "${1#-}" != "${1-}" ]; do shift; done
    apk=${1-}
    [ -r "$apk" ] || { echo "Error: Unable to open file: $apk" >&2; exit 1; }
    command -v aapt2 >/dev/null || fail "INSTALL_FAILED_INTERNAL_ERROR: no aapt2 on this machine"
    name=$(aapt2 dump packagename "$apk" 2>/dev/null) && [ -n "$name" ] || fail "INSTALL_PARSE_FAILED_NOT_APK: no manifest in $apk"
    grep -aq 'APK Sig Block 42' "$apk" || fail "INSTALL_PARSE_FAILED_NO_CERTIFICATES: $name is not signed"
    mkdir -p "$apps/$name" && cp "$apk" "$apps/$name/base.apk.new" 2>/dev/null || {
        rm -f "$apps/$name/base.apk.new"
        fail "INSTALL_FAILED_INSUFFICIENT_STORAGE"
    }
    mv "$apps/$name/base.apk.new" "$apps/$name/base.apk"
    echo Success
    ;;
path)
    [ -d "$apps/${2:?}" ] || exit 1
    echo "package:/data/app/$2/base.apk"
    ;;
list)
    for one in "$apps"/*/; do
        [ -d "$one" ] && echo "package:$(basename "$one")"
    done
    ;;
uninstall)
    [ -d "$apps/${2:?}" ] || fail "DELETE_FAILED_INTERNAL_ERROR"
    rm -r "${apps:?}/$2"
    echo Success
    ;;
*)
    echo "Unknown command: ${1-}" >&2
    exit 255
    ;;
esac
