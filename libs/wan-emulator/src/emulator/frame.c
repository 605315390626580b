#include "frame.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

/* Slots for acknowledgements, for full packets, and for super-packets. Freed slots are reused last in first
 * out, so the memory in use stays warm in the cache. */
static const uint32_t class_bytes[] = { 256, 2048, FRAME_MAX_BYTES };
#define CLASSES (sizeof class_bytes / sizeof class_bytes[0])
#define LARGEST (CLASSES - 1)

/* Bound on the memory of all frames; more is refused as a full queue would be. */
#define MEMORY_LIMIT_BYTES (1024ull << 20)

static struct frame *free_list[CLASSES];
static uint64_t allocated_bytes;
static struct frame *spare; /* the next read goes here */

static struct frame *frame_allocate(size_t size_class)
{
	struct frame *f = free_list[size_class];
	if (f) {
		free_list[size_class] = f->next_free;
		return f;
	}
	size_t bytes = sizeof *f + class_bytes[size_class];
	if (allocated_bytes + bytes > MEMORY_LIMIT_BYTES)
		return NULL;
	f = malloc(bytes);
	if (!f)
		return NULL;
	allocated_bytes += bytes;
	f->size_class = (uint8_t)size_class;
	return f;
}

static void frame_free(struct frame *f)
{
	f->next_free = free_list[f->size_class];
	free_list[f->size_class] = f;
}

void frame_release(struct frame *f)
{
	if (--f->references == 0)
		frame_free(f);
}

/* Moves a small packet out of the large slot that it was read into. */
static struct frame *shrink(struct frame *big)
{
	for (size_t c = 0; c < LARGEST; c++) {
		if (big->length > class_bytes[c])
			continue;
		struct frame *small = frame_allocate(c);
		if (!small)
			return NULL;
		small->length = big->length;
		small->virtio = big->virtio;
		memcpy(small->data, big->data, big->length);
		return small;
	}
	spare = NULL;
	return big;
}

struct frame *frame_read(int fd)
{
	if (!spare && !(spare = frame_allocate(LARGEST))) {
		errno = ENOMEM;
		return NULL;
	}
	struct iovec parts[2] = { { &spare->virtio, sizeof spare->virtio }, { spare->data, FRAME_MAX_BYTES } };
	ssize_t got = readv(fd, parts, 2);
	if (got < 0)
		return NULL;
	if ((size_t)got <= sizeof spare->virtio) {
		errno = EBADMSG;
		return NULL;
	}
	spare->length = (uint32_t)((size_t)got - sizeof spare->virtio);
	struct frame *f = shrink(spare);
	if (!f) {
		errno = ENOMEM;
		return NULL;
	}
	f->references = 1;
	frame_classify(f);
	return f;
}

/* Transport offset and protocol of an unfragmented packet; false for everything else. */
static bool find_transport(const struct frame *f, uint16_t *offset, uint8_t *protocol, bool *ipv6)
{
	const uint8_t *p = f->data;
	if (f->length >= 20 && p[0] >> 4 == 4) {
		bool fragment = ((p[6] & 0x3f) | p[7]) != 0; /* MF or an offset */
		*offset = (uint16_t)((p[0] & 0x0f) * 4);
		*protocol = p[9];
		*ipv6 = false;
		return !fragment && *offset >= 20;
	}
	if (f->length >= 40 && p[0] >> 4 == 6) {
		*offset = 40;
		*protocol = p[6];
		*ipv6 = true;
		return true;
	}
	return false;
}

void frame_classify(struct frame *f)
{
	uint16_t offset;
	uint8_t protocol;
	bool ipv6;

	f->kind = FRAME_OPAQUE;
	f->header_bytes = 0;
	f->segment_bytes = 0;
	/* Only partial checksums may be joined: a full one would have to be verified first. */
	if (!(f->virtio.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return;
	if (!find_transport(f, &offset, &protocol, &ipv6) || f->virtio.csum_start != offset)
		return;

	uint32_t header;
	enum frame_kind kind;
	if (protocol == IPPROTO_TCP && f->length >= offset + 20u) {
		header = offset + (f->data[offset + 12] >> 4) * 4u;
		kind = ipv6 ? FRAME_TCP6 : FRAME_TCP4;
	} else if (protocol == IPPROTO_UDP && f->length >= offset + 8u) {
		header = offset + 8u;
		kind = ipv6 ? FRAME_UDP6 : FRAME_UDP4;
	} else {
		return;
	}
	if (header > f->length)
		return;

	uint32_t payload = f->length - header;
	bool super = f->virtio.gso_type != VIRTIO_NET_HDR_GSO_NONE && f->virtio.gso_size > 0;
	f->kind = (uint8_t)kind;
	f->header_bytes = (uint16_t)header;
	f->transport_offset = offset;
	f->segment_bytes = super && f->virtio.gso_size < payload ? f->virtio.gso_size : (uint16_t)payload;
}
