#define _GNU_SOURCE
#include "tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20 /* in the kernel's headers since 6.2 */
#define TUN_F_USO6 0x40
#endif

static void fail(const char *what, const char *netns)
{
	fprintf(stderr, "wan-emulator: %s for namespace %s: %s\n", what, netns, strerror(errno));
	exit(1);
}

static void enter_namespace(const char *netns)
{
	char path[256];
	snprintf(path, sizeof path, "/run/netns/%s", netns);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail("cannot open the network namespace (make it with ip netns add)", netns);
	if (setns(fd, CLONE_NEWNET) < 0)
		fail("cannot enter the network namespace (run as root)", netns);
	close(fd);
}

struct tun tun_open(const char *netns, const char *name)
{
	enter_namespace(netns);
	struct tun tun = { .fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC) };
	if (tun.fd < 0)
		fail("cannot open /dev/net/tun (run as root; load the module with modprobe tun)", netns);

	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
	if (ioctl(tun.fd, TUNSETIFF, &request) < 0)
		fail("cannot make the TUN device", netns);

	unsigned long offload = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
	tun.uso = ioctl(tun.fd, TUNSETOFFLOAD, offload | TUN_F_USO4 | TUN_F_USO6) == 0;
	if (!tun.uso && ioctl(tun.fd, TUNSETOFFLOAD, offload) < 0)
		fail("cannot set offloads of the TUN device", netns);
	return tun;
}
