#!/bin/sh
# Turns a folder into a phone and runs its daemon. Is the first process of a user, mount and pid namespace of its own:
# nothing that is mounted here is seen outside, and when this script ends, everything in the phone ends.
# Usage: phone.sh ROOT QEMU DATA_BYTES DAEMON [ARGUMENT...]
#   ROOT        the phone's files, as device_tree.py wrote them
#   QEMU        the interpreter of arm64 programs; empty: the kernel knows one already, or there is none
#   DATA_BYTES  the size of /data; empty: as much as the host has
set -eu
root=$1 qemu=$2 data_bytes=$3
shift 3
ulimit -c 0

if [ -n "$qemu" ]; then
    # ELF, 64 bit, little-endian, executable or position independent, machine 183 (arm64).
    # F opens the interpreter now, so that it is found from within ROOT too; P hands over the program's argv[0].
    mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
    magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    printf '%s' ":emulated-phone:M::$magic:$mask:$qemu:FP" >/proc/sys/fs/binfmt_misc/register
fi

# The host's programs are the phone's toolbox, not to be written to. Where a mount option of the host's is locked,
# the second mount is refused, and the files are protected by their owner alone.
bind_readonly() {
    mount --bind "$1" "$root$1"
    mount -o remount,bind,ro,nosuid,nodev "$root$1" 2>/dev/null || true
}
for folder in /usr /bin /sbin /lib /lib32 /lib64 /nix; do
    if [ -L "$folder" ]; then
        ln -sfn "$(readlink "$folder")" "$root$folder"
    elif [ -d "$folder" ]; then
        mkdir -p "$root$folder"
        bind_readonly "$folder"
    fi
done
for file in /etc/ld.so.cache /etc/alternatives; do
    [ -e "$file" ] || continue
    if [ -d "$file" ]; then mkdir -p "$root$file"; else : >"$root$file"; fi
    bind_readonly "$file"
done
for device in null zero full random urandom tty; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir -p "$root/dev/pts"
mount --bind /dev/pts "$root/dev/pts"
ln -sfn /proc/self/fd "$root/dev/fd"

mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount --bind "$root/system/etc/cpuinfo" "$root/proc/cpuinfo"
if [ -n "$data_bytes" ]; then
    mount -t tmpfs -o "size=$data_bytes,mode=0755,nosuid,nodev" data "$root/data"
    mkdir -p "$root/data/local/tmp"
fi

# The daemon is not process 1 itself: orphans of the phone's programs come to process 1, and a shell that waits
# buries them.
"$@" &
daemon=$!
trap 'kill -TERM "$daemon" 2>/dev/null || true' TERM
while kill -0 "$daemon" 2>/dev/null; do
    wait "$daemon" || true
done
