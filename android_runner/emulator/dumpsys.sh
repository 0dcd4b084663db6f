#!/bin/sh
# dumpsys battery: the battery's state, in Android's units (tenths of a degree, millivolts).
battery="${PHONE_ROOT-}/sys/class/power_supply/battery"
if [ "${1-}" != battery ]; then
    echo "Can't find service: ${1-}" >&2
    exit 1
fi
# BatteryManager's numbers for BATTERY_STATUS_* .
case $(cat "$battery/status") in
    Charging) status=2 ;;
    Discharging) status=3 ;;
    "Not charging") status=4 ;;
    Full) status=5 ;;
    *) status=1 ;;
esac
[ "$status" = 2 ] || [ "$status" = 5 ] && powered=true || powered=false
cat <<END
Current Battery Service state:
  AC powered: false
  USB powered: $powered
  Wireless powered: false
  status: $status
  health: 2
  present: true
  level: $(cat "$battery/capacity")
  scale: 100
  voltage: $(($(cat "$battery/voltage_now") / 1000))
  temperature: $(cat "$battery/temp")
  technology: $(cat "$battery/technology")
END
