#!/bin/sh
# am start -n PACKAGE/.ACTIVITY: the emulated phone has no screen, so it writes down what was started.
apps="${PHONE_ROOT-}/data/app"
if [ "${1-}" != start ] || [ "${2-}" != -n ]; then
    echo "Unknown command: $*" >&2
    exit 255
fi
package=${3%%/*}
echo "Starting: Intent { cmp=$3 }"
if [ ! -d "$apps/$package" ]; then
    echo "Error type 3"
    echo "Error: Activity class {$3} does not exist."
    exit 1
fi
echo "$3" >>"$apps/$package/started"
