/*
 * Frames: what one read from a TUN device gives, a single packet or a TSO/USO super-packet that stands for
 * many. Packets on the emulated wire are slices of a frame, so no payload is copied between read and write.
 */
#ifndef WAN_FRAME_H
#define WAN_FRAME_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>

/* Largest IP packet. */
#define FRAME_MAX_BYTES 65535u

enum frame_kind {
	FRAME_OPAQUE, /* passed on as it came: ICMP, fragments, packets with a full checksum */
	FRAME_TCP4,
	FRAME_TCP6,
	FRAME_UDP4,
	FRAME_UDP6,
};

struct frame {
	struct frame *next_free;
	uint32_t references;  /* packets that still need this frame */
	uint32_t length;      /* IP bytes in data */
	uint16_t header_bytes; /* IP and transport header; 0 if opaque */
	uint16_t transport_offset;
	uint16_t segment_bytes; /* payload of each wire packet but the last; 0 if opaque */
	uint8_t kind;           /* enum frame_kind */
	uint8_t size_class;
	struct virtio_net_hdr virtio;
	uint8_t data[];
};

static inline bool frame_is_tcp(const struct frame *f)
{
	return f->kind == FRAME_TCP4 || f->kind == FRAME_TCP6;
}

static inline bool frame_is_ipv6(const struct frame *f)
{
	return f->kind == FRAME_TCP6 || f->kind == FRAME_UDP6;
}

/* Reads one frame from a TUN. NULL with errno EAGAIN if there is none, another errno if it failed. */
struct frame *frame_read(int fd);

/* Finds headers and segment size; anything unusual stays FRAME_OPAQUE. */
void frame_classify(struct frame *f);

void frame_release(struct frame *f);

#endif
