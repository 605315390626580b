/* Writes due packets to a TUN, neighbours of one flow joined into one super-packet as a NIC would. */
#ifndef WAN_DELIVER_H
#define WAN_DELIVER_H

#include "link.h"

#include <stdbool.h>
#include <stdint.h>

/* Delivers all that is due by now; `join_udp` if the TUN takes USO super-packets. */
void deliver_due(struct link *link, int fd, bool join_udp, uint64_t now);

#endif
