#include "deliver.h"

#include "clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/uio.h>

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5 /* in the kernel's headers since 6.2 */
#endif

/* The kernel's receive side (UDP_GRO_CNT_MAX) joins no more either. */
#define GROUP_MAX_PACKETS 64
#define GROUP_MAX_BYTES 65000u
#define HEADER_MAX_BYTES 128u

#define TCP_SEQUENCE 4
#define TCP_FLAGS 13
#define TCP_CHECKSUM 16
#define UDP_LENGTH 4
#define UDP_CHECKSUM 6

#define FLAG_FIN 0x01
#define FLAG_SYN 0x02
#define FLAG_RST 0x04
#define FLAG_PSH 0x08
#define FLAG_URG 0x20
#define FLAG_CWR 0x80

struct group {
	struct packet packets[GROUP_MAX_PACKETS];
	unsigned count;
	uint32_t payload_bytes;
};

static uint16_t load16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t load32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void store32(uint8_t *p, uint32_t v)
{
	store16(p, v >> 16);
	store16(p + 2, v);
}

static uint32_t sum16(const uint8_t *p, uint32_t bytes)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i + 1 < bytes; i += 2)
		sum += load16(p + i);
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static uint32_t payload_of(const struct packet *p)
{
	return p->wire_bytes - p->frame->header_bytes;
}

static uint32_t sequence_of(const struct packet *p)
{
	return load32(p->frame->data + p->frame->transport_offset + TCP_SEQUENCE) + p->payload_offset;
}

static bool is_last_of_frame(const struct packet *p)
{
	return p->frame->header_bytes + p->payload_offset + payload_of(p) == p->frame->length;
}

/* TCP flags as this packet carries them after segmentation: CWR on the first, FIN and PSH on the last. */
static uint8_t flags_of(const struct packet *p)
{
	uint8_t flags = p->frame->data[p->frame->transport_offset + TCP_FLAGS];
	if (p->payload_offset != 0)
		flags &= (uint8_t)~FLAG_CWR;
	if (!is_last_of_frame(p))
		flags &= (uint8_t) ~(FLAG_FIN | FLAG_PSH);
	return flags;
}

/* ---- joining ---------------------------------------------------------------------------------------- */

/* IP headers alike but for lengths, identification and checksum. */
static bool same_ip_header(const struct frame *a, const struct frame *b)
{
	const uint8_t *x = a->data, *y = b->data;
	if (a->transport_offset != b->transport_offset)
		return false;
	if (frame_is_ipv6(a))
		return memcmp(x, y, 4) == 0 && memcmp(x + 6, y + 6, 34) == 0;
	return memcmp(x, y, 2) == 0 && memcmp(x + 6, y + 6, 4) == 0 &&
	       memcmp(x + 12, y + 12, a->transport_offset - 12u) == 0;
}

/* TCP: ports, acknowledgement, window and options alike, sequence numbers contiguous, nothing urgent. */
static bool continues_tcp(const struct packet *last, const struct packet *next)
{
	const struct frame *a = last->frame, *b = next->frame;
	const uint8_t *x = a->data + a->transport_offset, *y = b->data + b->transport_offset;
	const uint8_t special = FLAG_FIN | FLAG_SYN | FLAG_RST | FLAG_PSH | FLAG_URG | FLAG_CWR;
	if (a->header_bytes != b->header_bytes || memcmp(x, y, 4) != 0 || memcmp(x + 8, y + 8, 5) != 0)
		return false;
	if ((flags_of(last) & special) || (flags_of(next) & (special & ~(FLAG_PSH | FLAG_FIN))))
		return false;
	if (memcmp(x + 14, y + 14, 2) != 0 || memcmp(x + 18, y + 18, a->header_bytes - a->transport_offset - 18u) != 0)
		return false;
	return sequence_of(next) == sequence_of(last) + payload_of(last);
}

static bool same_flow(const struct packet *last, const struct packet *next)
{
	if (last->frame == next->frame)
		return next->payload_offset == last->payload_offset + payload_of(last);
	if (last->frame->kind != next->frame->kind || !same_ip_header(last->frame, next->frame))
		return false;
	if (frame_is_tcp(last->frame))
		return continues_tcp(last, next);
	return memcmp(last->frame->data + last->frame->transport_offset,
		      next->frame->data + next->frame->transport_offset, 4) == 0;
}

static bool may_join(const struct group *g, const struct packet *next, bool join_udp)
{
	const struct packet *first = &g->packets[0], *last = &g->packets[g->count - 1];
	if (g->count == GROUP_MAX_PACKETS || first->frame->kind == FRAME_OPAQUE || next->frame->kind == FRAME_OPAQUE)
		return false;
	if (!join_udp && !frame_is_tcp(first->frame))
		return false;
	uint32_t size = payload_of(first), added = payload_of(next);
	if (added == 0 || added > size || payload_of(last) != size)
		return false;
	if (first->frame->header_bytes + g->payload_bytes + added > GROUP_MAX_BYTES)
		return false;
	return same_flow(last, next);
}

/* ---- writing ---------------------------------------------------------------------------------------- */

static void write_ip_header(uint8_t *header, const struct packet *first, uint32_t payload)
{
	const struct frame *f = first->frame;
	uint32_t total = f->header_bytes + payload;
	if (frame_is_ipv6(f)) {
		store16(header + 4, total - 40);
		return;
	}
	uint32_t index = f->segment_bytes ? first->payload_offset / f->segment_bytes : 0;
	store16(header + 2, total);
	store16(header + 4, load16(f->data + 4) + index);
	store16(header + 10, 0);
	store16(header + 10, (uint16_t)~fold(sum16(header, f->transport_offset)));
}

/* What a partial checksum starts from: addresses, protocol and length. */
static uint16_t pseudo_header_sum(const struct frame *f, uint32_t transport_bytes)
{
	uint32_t sum = (frame_is_tcp(f) ? IPPROTO_TCP : IPPROTO_UDP) + transport_bytes;
	sum += frame_is_ipv6(f) ? sum16(f->data + 8, 32) : sum16(f->data + 12, 8);
	return fold(sum);
}

static void write_transport_header(uint8_t *header, const struct group *g)
{
	const struct packet *first = &g->packets[0], *last = &g->packets[g->count - 1];
	const struct frame *f = first->frame;
	uint8_t *transport = header + f->transport_offset;
	uint32_t bytes = (uint32_t)f->header_bytes - f->transport_offset + g->payload_bytes;
	if (frame_is_tcp(f)) {
		store32(transport + TCP_SEQUENCE, sequence_of(first));
		transport[TCP_FLAGS] = flags_of(first) | (flags_of(last) & (FLAG_FIN | FLAG_PSH));
		store16(transport + TCP_CHECKSUM, pseudo_header_sum(f, bytes));
	} else {
		store16(transport + UDP_LENGTH, bytes);
		store16(transport + UDP_CHECKSUM, pseudo_header_sum(f, bytes));
	}
}

static uint8_t gso_type(const struct frame *f)
{
	switch (f->kind) {
	case FRAME_TCP4:
		return VIRTIO_NET_HDR_GSO_TCPV4;
	case FRAME_TCP6:
		return VIRTIO_NET_HDR_GSO_TCPV6;
	default:
		return VIRTIO_NET_HDR_GSO_UDP_L4;
	}
}

static ssize_t write_opaque(const struct frame *f, int fd)
{
	struct virtio_net_hdr virtio = f->virtio;
	virtio.flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM;
	struct iovec parts[2] = { { &virtio, sizeof virtio }, { (void *)f->data, f->length } };
	return writev(fd, parts, 2);
}

static ssize_t write_group(const struct group *g, int fd)
{
	const struct packet *first = &g->packets[0];
	const struct frame *f = first->frame;
	uint8_t header[HEADER_MAX_BYTES];
	struct iovec parts[2 + GROUP_MAX_PACKETS];
	struct virtio_net_hdr virtio = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = f->transport_offset,
		.csum_offset = frame_is_tcp(f) ? TCP_CHECKSUM : UDP_CHECKSUM,
	};
	if (g->count > 1) {
		virtio.gso_type = gso_type(f);
		virtio.gso_size = (uint16_t)payload_of(first);
		virtio.hdr_len = f->header_bytes;
	}
	memcpy(header, f->data, f->header_bytes);
	write_ip_header(header, first, g->payload_bytes);
	write_transport_header(header, g);
	parts[0] = (struct iovec){ &virtio, sizeof virtio };
	parts[1] = (struct iovec){ header, f->header_bytes };
	int count = 2;
	for (unsigned i = 0; i < g->count; i++) {
		const struct packet *p = &g->packets[i];
		uint8_t *payload = p->frame->data + p->frame->header_bytes + p->payload_offset;
		if (i > 0 && p->frame == g->packets[i - 1].frame)
			parts[count - 1].iov_len += payload_of(p);
		else
			parts[count++] = (struct iovec){ payload, payload_of(p) };
	}
	return writev(fd, parts, count);
}

static void flush_group(struct link *link, struct group *g, int fd)
{
	if (g->count == 0)
		return;
	struct link_statistics *s = &link->statistics;
	const struct frame *f = g->packets[0].frame;
	uint64_t at = clock_now();
	bool whole = f->kind == FRAME_OPAQUE || f->header_bytes > HEADER_MAX_BYTES;
	ssize_t written = whole ? write_opaque(f, fd) : write_group(g, fd);
	s->writes++;
	if (written < 0)
		s->write_errors++;
	for (unsigned i = 0; i < g->count; i++) {
		const struct packet *p = &g->packets[i];
		histogram_add(&s->lateness, at > p->time ? at - p->time : 0);
		if (written >= 0) {
			s->delivered_packets++;
			s->delivered_bytes += p->wire_bytes;
		}
		frame_release(p->frame);
	}
	g->count = 0;
	g->payload_bytes = 0;
}

void deliver_due(struct link *link, int fd, bool join_udp, uint64_t now)
{
	static struct group group;
	struct packet packet;
	while (link_take_due(link, now, &packet)) {
		if (group.count && !may_join(&group, &packet, join_udp))
			flush_group(link, &group, fd);
		group.packets[group.count++] = packet;
		if (packet.frame->kind != FRAME_OPAQUE)
			group.payload_bytes += payload_of(&packet);
	}
	flush_group(link, &group, fd);
}
