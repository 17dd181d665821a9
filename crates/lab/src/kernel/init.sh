#!/bin/sh
# The first process of a guest: mounts what a Debian host has, then runs what is asked for on the second serial line.
# Asked is the length of a script, a line end, and the script. Answered are its status, the lengths of its output and
# of its errors, a line end, and the two. The console, with all that the kernel says, is the first line.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root USER=root LANG=C.UTF-8
line=/dev/ttyS1
set -e
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o mode=620,gid=5 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t securityfs securityfs /sys/kernel/security
mount -t tracefs tracefs /sys/kernel/tracing
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t bpf -o mode=700 bpf /sys/fs/bpf
hostname guest
ip link set lo up
stty -F $line raw -echo clocal
exec 3<>$line
echo ready >&3
set +e
number=0
while read -r length <&3; do
  number=$((number + 1))
  here=/run/lab/$number
  mkdir -p "$here"
  dd bs=1 count="$length" of="$here/script" <&3 2>"$here/dd"
  (cd / && exec timeout -k 5 "$SECONDS_MAX" sh "$here/script") </dev/null >"$here/stdout" 2>"$here/stderr" 3<&-
  status=$?
  # What goes on in the background may still write.
  cp "$here/stdout" "$here/stdout.now" && cp "$here/stderr" "$here/stderr.now"
  echo "$status $(stat -c %s "$here/stdout.now") $(stat -c %s "$here/stderr.now")" >&3
  cat "$here/stdout.now" "$here/stderr.now" >&3
  rm -rf "$here"
done
