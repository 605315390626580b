/*
 * One direction of the emulated link:
 *
 *   enqueue -> tail-drop byte queue -> serialisation at the rate -> random loss -> delay and jitter -> deliver
 *
 * All times are exact: the moment at which a packet leaves the queue or arrives follows from the arrival
 * times and the rate, not from when the loop happened to wake up. How late the loop was is measured.
 */
#ifndef WAN_LINK_H
#define WAN_LINK_H

#include "frame.h"
#include "histogram.h"
#include "random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum jitter_model {
	JITTER_WANDER,      /* moves linearly to a new target every 20 ms, order kept */
	JITTER_INDEPENDENT, /* a draw per packet, reorders */
};

struct link_parameters {
	uint64_t rate_bps; /* 0: no limit */
	uint64_t delay_ns; /* one way */
	uint64_t jitter_ns;
	uint64_t queue_bytes;
	double loss;      /* probability per packet */
	double duplicate; /* probability per packet */
	enum jitter_model jitter_model;
	bool down;
};

/* One packet on the wire: a slice of a frame's payload with the frame's headers. */
struct packet {
	struct frame *frame;
	uint64_t time; /* arrival while queued, due time while in flight */
	uint32_t payload_offset;
	uint32_t wire_bytes; /* IP bytes */
};

struct packet_ring {
	struct packet *slots;
	size_t capacity; /* a power of two, or 0 */
	size_t head;
	size_t count;
};

struct packet_heap {
	struct packet *slots;
	size_t capacity;
	size_t count;
};

struct link_statistics {
	uint64_t offered_packets, offered_bytes;
	uint64_t wire_packets, wire_bytes; /* left the queue, lost ones included */
	uint64_t delivered_packets, delivered_bytes;
	uint64_t tail_drops, tail_drop_bytes;
	uint64_t random_losses, duplicates, outage_drops;
	uint64_t writes, write_errors;
	uint64_t queue_max_bytes;
	double queue_byte_ns; /* integral of the queue over time */
	uint64_t queue_since_ns;
	double standing_sum_bytes; /* sum of the least queue of each window */
	uint64_t standing_windows;
	struct histogram lateness;
};

struct link {
	struct link_parameters parameters;
	struct packet_ring queue;
	struct packet_ring in_order; /* in flight, due times never fall */
	struct packet_heap overtakers; /* in flight, due before the last of in_order */
	uint64_t queued_bytes;
	uint64_t free_at; /* when the last packet left the queue */
	uint64_t last_due;
	struct random_stream loss_random, jitter_random, duplicate_random;
	uint64_t wander_start;
	double wander_from, wander_to; /* ns */
	uint64_t accounted_to, window_end, window_min_bytes;
	struct link_statistics statistics;
};

void link_init(struct link *link, uint64_t seed, unsigned direction, uint64_t now);
void link_seed(struct link *link, uint64_t seed, unsigned direction);
void link_set(struct link *link, const struct link_parameters *parameters, uint64_t now);
void link_reset_statistics(struct link *link, uint64_t now);

/* Takes over the caller's reference to the frame; false if it was a burst that found no memory. */
void link_enqueue(struct link *link, struct frame *frame, uint64_t now);

/* Moves all that has left the queue by now into flight. */
void link_serve(struct link *link, uint64_t now);

/* Takes the next packet that is due by now. The caller owns its frame reference. */
bool link_take_due(struct link *link, uint64_t now, struct packet *out);

/* When something happens next on this link; UINT64_MAX if it is empty. */
uint64_t link_next_event(const struct link *link);

/* Drops all that is queued and in flight, counted as lost in an outage when `outage`. */
void link_flush(struct link *link, bool outage, uint64_t now);

/* Brings the queue's time integral up to now. */
void link_account_queue(struct link *link, uint64_t now);

#endif
