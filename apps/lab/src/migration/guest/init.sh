#!/bin/busybox sh
# The guest's first process: devices, one address, a filled memory, then a web server.
/bin/busybox --install -s /bin
export PATH=/bin
stop() {
  echo "guest: $1"
  poweroff -f
}
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
# The kernel's command line has GUEST_… settings; the kernel gives those to its first process as environment.
for module in $(cat /modules/order); do
  insmod "/modules/$module" || stop "no module $module"
done
ip link set lo up
ip addr add "$GUEST_ADDRESS" dev eth0 && ip link set eth0 up || stop 'no network'
guest-memory /dev/vda "$GUEST_FILLED_MIB" "$GUEST_REWRITTEN_MIB" "$GUEST_REWRITE_RATE" "$GUEST_MEMORY_PORT" ||
  stop 'no memory'
mkdir -p /www
echo "guest $(cat /proc/sys/kernel/random/boot_id)" >/www/index.html
httpd -h /www -p 80 || stop 'no web server'
echo 'guest: ready'
while :; do sleep 3600; done
