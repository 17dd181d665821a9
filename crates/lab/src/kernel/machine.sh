# Makes the machine's own files those of the guest, read-only, and runs what stands in /command on them. Set before it: RELEASE and
# MODULES of the kernel, and the folder LAB, which the lab writes to and whose roots of hosts stay where they are.
set -e
for module in virtio_pci 9pnet_virtio 9p; do modprobe $module; done
mkdir /machine
mount -t 9p -o trans=virtio,version=9p2000.L,cache=loose,ro,msize=524288 machine /machine
# What the kernel asks for it asks this system for.
mount --bind "/machine$MODULES" "/usr/lib/modules/$RELEASE"
for system in dev proc run sys; do mount --rbind /$system /machine/$system; done
mount -t tmpfs tmpfs /machine/var/tmp
mkdir /run/roots
mount --bind "/machine$LAB" /run/roots
mount -t tmpfs tmpfs "/machine$LAB"
for root in /run/roots/root-*; do
  place="/machine$LAB/${root##*/}"
  mkdir "$place"
  mount --bind "$root" "$place"
done
cp /command /run/command
cd /machine
# Whoever enters a namespace of mounts begins at its root, whatever was changed to.
mount --move . /
exec chroot . /bin/sh /run/command
