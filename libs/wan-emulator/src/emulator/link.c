#include "link.h"

#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A wandering jitter chooses a new target this often. */
#define WANDER_PERIOD_NS (20 * NS_PER_MS)
/* The standing queue is the mean, over windows of this length, of the least queue in the window. */
#define STANDING_WINDOW_NS (100 * NS_PER_MS)

static void *grow(void *slots, size_t bytes)
{
	void *grown = realloc(slots, bytes);
	if (!grown) {
		fputs("wan-emulator: out of memory\n", stderr);
		exit(1);
	}
	return grown;
}

/* ---- ring and heap ---------------------------------------------------------------------------------- */

static void ring_push(struct packet_ring *ring, const struct packet *packet)
{
	if (ring->count == ring->capacity) {
		size_t old = ring->capacity;
		size_t capacity = old ? old * 2 : 4096;
		ring->slots = grow(ring->slots, capacity * sizeof *ring->slots);
		memcpy(ring->slots + old, ring->slots, ring->head * sizeof *ring->slots);
		ring->capacity = capacity;
	}
	ring->slots[(ring->head + ring->count++) & (ring->capacity - 1)] = *packet;
}

static struct packet *ring_front(const struct packet_ring *ring)
{
	return ring->count ? &ring->slots[ring->head] : NULL;
}

static void ring_pop(struct packet_ring *ring)
{
	ring->head = (ring->head + 1) & (ring->capacity - 1);
	ring->count--;
}

static void heap_push(struct packet_heap *heap, const struct packet *packet)
{
	if (heap->count == heap->capacity) {
		heap->capacity = heap->capacity ? heap->capacity * 2 : 1024;
		heap->slots = grow(heap->slots, heap->capacity * sizeof *heap->slots);
	}
	size_t i = heap->count++;
	while (i > 0 && heap->slots[(i - 1) / 2].time > packet->time) {
		heap->slots[i] = heap->slots[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap->slots[i] = *packet;
}

static void heap_pop(struct packet_heap *heap)
{
	struct packet last = heap->slots[--heap->count];
	size_t i = 0;
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= heap->count)
			break;
		if (child + 1 < heap->count && heap->slots[child + 1].time < heap->slots[child].time)
			child++;
		if (heap->slots[child].time >= last.time)
			break;
		heap->slots[i] = heap->slots[child];
		i = child;
	}
	heap->slots[i] = last;
}

/* ---- queue accounting ------------------------------------------------------------------------------- */

void link_account_queue(struct link *link, uint64_t now)
{
	if (now <= link->accounted_to)
		return;
	struct link_statistics *s = &link->statistics;
	s->queue_byte_ns += (double)link->queued_bytes * (double)(now - link->accounted_to);
	while (now >= link->window_end) {
		s->standing_sum_bytes += (double)link->window_min_bytes;
		s->standing_windows++;
		link->window_min_bytes = link->queued_bytes;
		link->window_end += STANDING_WINDOW_NS;
	}
	link->accounted_to = now;
}

static void set_queued_bytes(struct link *link, uint64_t bytes, uint64_t at)
{
	link_account_queue(link, at);
	link->queued_bytes = bytes;
	if (bytes < link->window_min_bytes)
		link->window_min_bytes = bytes;
	if (bytes > link->statistics.queue_max_bytes)
		link->statistics.queue_max_bytes = bytes;
}

void link_reset_statistics(struct link *link, uint64_t now)
{
	memset(&link->statistics, 0, sizeof link->statistics);
	link->statistics.queue_since_ns = now;
	link->statistics.queue_max_bytes = link->queued_bytes;
	link->accounted_to = now;
	link->window_end = now + STANDING_WINDOW_NS;
	link->window_min_bytes = link->queued_bytes;
}

/* ---- parameters ------------------------------------------------------------------------------------- */

void link_seed(struct link *link, uint64_t seed, unsigned direction)
{
	random_seed(&link->loss_random, seed, direction * 16 + 1);
	random_seed(&link->jitter_random, seed, direction * 16 + 2);
	random_seed(&link->duplicate_random, seed, direction * 16 + 3);
	link->wander_from = link->wander_to = 0;
	link->wander_start = 0;
}

void link_init(struct link *link, uint64_t seed, unsigned direction, uint64_t now)
{
	memset(link, 0, sizeof *link);
	link_seed(link, seed, direction);
	link_reset_statistics(link, now);
}

void link_set(struct link *link, const struct link_parameters *parameters, uint64_t now)
{
	link_serve(link, now);
	link->parameters = *parameters;
	if (parameters->down)
		link_flush(link, true, now);
}

/* ---- the way of a packet ---------------------------------------------------------------------------- */

static uint64_t serialisation_ns(const struct link *link, uint64_t bytes)
{
	uint64_t rate = link->parameters.rate_bps;
	return rate ? (bytes * 8 * NS_PER_S + rate / 2) / rate : 0;
}

static void enqueue_packet(struct link *link, struct frame *frame, uint32_t payload_offset, uint32_t bytes,
			   uint64_t now)
{
	struct link_statistics *s = &link->statistics;
	s->offered_packets++;
	s->offered_bytes += bytes;
	if (link->parameters.down) {
		s->outage_drops++;
		return;
	}
	if (link->parameters.rate_bps && link->queued_bytes + bytes > link->parameters.queue_bytes) {
		s->tail_drops++;
		s->tail_drop_bytes += bytes;
		return;
	}
	struct packet packet = { frame, now, payload_offset, bytes };
	frame->references++;
	ring_push(&link->queue, &packet);
	set_queued_bytes(link, link->queued_bytes + bytes, now);
}

void link_enqueue(struct link *link, struct frame *frame, uint64_t now)
{
	if (frame->kind == FRAME_OPAQUE || frame->segment_bytes == 0) {
		enqueue_packet(link, frame, 0, frame->length, now);
	} else {
		uint32_t payload = frame->length - frame->header_bytes;
		for (uint32_t offset = 0; offset < payload; offset += frame->segment_bytes) {
			uint32_t left = payload - offset;
			uint32_t segment = left < frame->segment_bytes ? left : frame->segment_bytes;
			enqueue_packet(link, frame, offset, frame->header_bytes + segment, now);
		}
	}
	frame_release(frame);
}

static double wander_offset(struct link *link, uint64_t at)
{
	double jitter = (double)link->parameters.jitter_ns;
	if (at >= link->wander_start + 50 * WANDER_PERIOD_NS)
		link->wander_start = at - WANDER_PERIOD_NS; /* idle for a second: no need to walk through it */
	while (at >= link->wander_start + WANDER_PERIOD_NS) {
		link->wander_from = link->wander_to;
		link->wander_to = (2 * random_unit(&link->jitter_random) - 1) * jitter;
		link->wander_start += WANDER_PERIOD_NS;
	}
	double progress = (double)(at - link->wander_start) / (double)WANDER_PERIOD_NS;
	return link->wander_from + (link->wander_to - link->wander_from) * progress;
}

static double jitter_offset(struct link *link, uint64_t at)
{
	if (link->parameters.jitter_ns == 0)
		return 0;
	if (link->parameters.jitter_model == JITTER_WANDER)
		return wander_offset(link, at);
	return (2 * random_unit(&link->jitter_random) - 1) * (double)link->parameters.jitter_ns;
}

static void push_in_flight(struct link *link, const struct packet *packet)
{
	struct packet_ring *ring = &link->in_order;
	bool overtakes = ring->count && packet->time < link->last_due;
	if (overtakes) {
		heap_push(&link->overtakers, packet);
		return;
	}
	link->last_due = packet->time;
	ring_push(ring, packet);
}

static void depart(struct link *link, struct packet *packet, uint64_t left_at)
{
	const struct link_parameters *p = &link->parameters;
	struct link_statistics *s = &link->statistics;
	s->wire_packets++;
	s->wire_bytes += packet->wire_bytes;
	if (p->loss > 0 && random_unit(&link->loss_random) < p->loss) {
		s->random_losses++;
		frame_release(packet->frame);
		return;
	}
	double due = (double)p->delay_ns + jitter_offset(link, left_at);
	packet->time = left_at + (due > 0 ? (uint64_t)due : 0);
	bool keeps_order = p->jitter_ns == 0 || p->jitter_model == JITTER_WANDER;
	if (keeps_order && packet->time < link->last_due)
		packet->time = link->last_due;
	push_in_flight(link, packet);
	if (p->duplicate > 0 && random_unit(&link->duplicate_random) < p->duplicate) {
		s->duplicates++;
		packet->frame->references++;
		push_in_flight(link, packet);
	}
}

/* When the packet at the head of the queue has left it. */
static uint64_t departure_time(const struct link *link, const struct packet *head)
{
	uint64_t start = head->time > link->free_at ? head->time : link->free_at;
	return start + serialisation_ns(link, head->wire_bytes);
}

void link_serve(struct link *link, uint64_t now)
{
	struct packet *head;
	while ((head = ring_front(&link->queue))) {
		uint64_t left_at = departure_time(link, head);
		if (left_at > now)
			return;
		struct packet packet = *head;
		ring_pop(&link->queue);
		link->free_at = left_at;
		set_queued_bytes(link, link->queued_bytes - packet.wire_bytes, left_at);
		depart(link, &packet, left_at);
	}
}

bool link_take_due(struct link *link, uint64_t now, struct packet *out)
{
	struct packet *first = ring_front(&link->in_order);
	bool overtaken = link->overtakers.count && (!first || link->overtakers.slots[0].time < first->time);
	if (overtaken)
		first = &link->overtakers.slots[0];
	if (!first || first->time > now)
		return false;
	*out = *first;
	if (overtaken)
		heap_pop(&link->overtakers);
	else
		ring_pop(&link->in_order);
	return true;
}

uint64_t link_next_event(const struct link *link)
{
	uint64_t next = UINT64_MAX;
	const struct packet *head = ring_front(&link->queue);
	if (head)
		next = departure_time(link, head);
	const struct packet *first = ring_front(&link->in_order);
	if (first && first->time < next)
		next = first->time;
	if (link->overtakers.count && link->overtakers.slots[0].time < next)
		next = link->overtakers.slots[0].time;
	return next;
}

void link_flush(struct link *link, bool outage, uint64_t now)
{
	uint64_t dropped = link->queue.count + link->in_order.count + link->overtakers.count;
	for (; link->queue.count; ring_pop(&link->queue))
		frame_release(ring_front(&link->queue)->frame);
	for (; link->in_order.count; ring_pop(&link->in_order))
		frame_release(ring_front(&link->in_order)->frame);
	while (link->overtakers.count)
		frame_release(link->overtakers.slots[--link->overtakers.count].frame);
	set_queued_bytes(link, 0, now);
	link->free_at = link->last_due = 0;
	if (outage)
		link->statistics.outage_drops += dropped;
}
