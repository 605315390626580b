/* UDP probes that measure a link: echo and ping for its delay, flood and count for its rate and loss. */
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define BUFFER_BYTES (32 << 20)
#define FLOOD_PERIOD_NS (500 * NS_PER_US)
#define GSO_MAX_BYTES 63000u
#define GSO_MAX_SEGMENTS 64u
#define MAX_PROBES 100000u

static int bind_datagram(const char *where)
{
	struct endpoint local = parse_endpoint(where);
	int fd = open_socket(&local, SOCK_DGRAM);
	int bytes = BUFFER_BYTES;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
	if (bind(fd, (struct sockaddr *)&local.address, local.length) < 0)
		fail_errno(where);
	printf("{\"event\":\"listening\",\"port\":%u}\n", bound_port(fd));
	fflush(stdout);
	return fd;
}

static int connect_datagram(const char *where)
{
	struct endpoint remote = parse_endpoint(where);
	int fd = open_socket(&remote, SOCK_DGRAM);
	int bytes = BUFFER_BYTES;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
	if (connect(fd, (struct sockaddr *)&remote.address, remote.length) < 0)
		fail_errno(where);
	return fd;
}

/* ---- echo and ping ---------------------------------------------------------------------------------- */

struct probe {
	uint64_t number;
	uint64_t sent_at;
	uint64_t echoed_at;
};

void run_echo(const struct options *o)
{
	int fd = bind_datagram(o->listen);
	become_realtime();
	for (;;) {
		struct probe probe;
		struct sockaddr_storage from;
		socklen_t length = sizeof from;
		ssize_t n = recvfrom(fd, &probe, sizeof probe, 0, (struct sockaddr *)&from, &length);
		if (n != sizeof probe)
			continue;
		probe.echoed_at = now_ns();
		sendto(fd, &probe, sizeof probe, 0, (struct sockaddr *)&from, length);
	}
}

struct ping_results {
	uint64_t *round_trips, *outward;
	uint64_t received;
};

/* Takes echoes until `until`; true once all are there. */
static bool take_echoes(int fd, uint64_t until, uint64_t wanted, struct ping_results *r)
{
	while (r->received < wanted) {
		uint64_t now = now_ns();
		struct timespec left = { 0 };
		if (until > now) {
			left.tv_sec = (time_t)((until - now) / NS_PER_S);
			left.tv_nsec = (long)((until - now) % NS_PER_S);
		}
		struct pollfd ready = { fd, POLLIN, 0 };
		if (ppoll(&ready, 1, &left, NULL) <= 0)
			return false;
		struct probe probe;
		ssize_t n = recv(fd, &probe, sizeof probe, MSG_DONTWAIT);
		if (n != sizeof probe)
			continue;
		r->round_trips[r->received] = now_ns() - probe.sent_at;
		r->outward[r->received] = probe.echoed_at - probe.sent_at;
		r->received++;
	}
	return true;
}

void run_ping(const struct options *o)
{
	uint64_t count = o->count < MAX_PROBES ? o->count : MAX_PROBES;
	struct ping_results r = { calloc(count + 1, 8), calloc(count + 1, 8), 0 };
	int fd = connect_datagram(o->connect);
	if (!r.round_trips || !r.outward)
		fail("out of memory");
	become_realtime();
	uint64_t next = now_ns();
	for (uint64_t i = 0; i < count; i++) {
		struct probe probe = { i, now_ns(), 0 };
		send(fd, &probe, sizeof probe, 0);
		next += o->interval_us * NS_PER_US;
		take_echoes(fd, next, count, &r);
	}
	take_echoes(fd, now_ns() + (uint64_t)(o->wait_seconds * NS_PER_S), count, &r);
	printf("{\"event\":\"done\",\"sent\":%lu,\"received\":%lu", count, r.received);
	print_spread("rttUs", r.round_trips, r.received);
	print_spread("outwardUs", r.outward, r.received);
	puts("}");
}

/* ---- flood and count -------------------------------------------------------------------------------- */

static unsigned burst_segments(uint64_t size)
{
	uint64_t fit = GSO_MAX_BYTES / size;
	return fit > GSO_MAX_SEGMENTS ? GSO_MAX_SEGMENTS : (unsigned)fit;
}

void run_flood(const struct options *o)
{
	static uint8_t buffer[GSO_MAX_BYTES];
	if (o->size < 16 || o->size > 1472)
		fail("--size must lie between 16 and 1472");
	int fd = connect_datagram(o->connect), segment = (int)o->size;
	bool gso = setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment) == 0;
	unsigned burst = gso ? burst_segments(o->size) : 1;
	double bytes_per_ns = o->rate_mbps / 8e3;
	uint64_t start = now_ns(), end = start + (uint64_t)(o->seconds * NS_PER_S), number = 0;
	uint64_t limit = o->count ? o->count : UINT64_MAX;
	for (uint64_t now = start; now < end && number < limit; now = now_ns()) {
		/* packets owed by now, IP and UDP headers counted */
		uint64_t owed = (uint64_t)((double)(now - start) * bytes_per_ns / (double)(o->size + 28));
		if (owed > limit)
			owed = limit;
		while (number < owed) {
			unsigned n = owed - number < burst ? (unsigned)(owed - number) : burst;
			for (unsigned i = 0; i < n; i++) {
				uint64_t tag = number + i;
				memcpy(buffer + i * o->size, &tag, sizeof tag);
			}
			if (send(fd, buffer, n * o->size, 0) < 0 && errno != ENOBUFS && errno != ECONNREFUSED)
				fail_errno("send");
			number += n;
		}
		sleep_until_ns(now + FLOOD_PERIOD_NS);
	}
	printf("{\"event\":\"done\",\"packets\":%lu,\"seconds\":%.6f}\n", number, (double)(now_ns() - start) / NS_PER_S);
}

struct tally {
	uint64_t packets, payload_bytes, first_bytes, duplicates, reordered, next;
	uint64_t first_at, last_at;
	uint8_t *seen;
	uint64_t seen_bits;
};

static bool mark_seen(struct tally *t, uint64_t number)
{
	while (number >= t->seen_bits) {
		uint64_t bits = t->seen_bits ? t->seen_bits * 2 : 1 << 20;
		if (number > 1ull << 32 || !(t->seen = realloc(t->seen, bits / 8)))
			fail("out of memory or a foreign packet");
		memset(t->seen + t->seen_bits / 8, 0, (bits - t->seen_bits) / 8);
		t->seen_bits = bits;
	}
	bool before = t->seen[number / 8] >> (number % 8) & 1;
	t->seen[number / 8] |= (uint8_t)(1u << (number % 8));
	return before;
}

static void tally_packet(struct tally *t, const uint8_t *data, size_t bytes)
{
	uint64_t number;
	memcpy(&number, data, sizeof number);
	t->packets++;
	t->payload_bytes += bytes;
	if (mark_seen(t, number))
		t->duplicates++;
	else if (number < t->next)
		t->reordered++;
	else
		t->next = number + 1;
}

/* Bytes of each packet in what recvmsg gave: UDP_GRO says it if packets were joined. */
static size_t segment_size(struct msghdr *message, size_t whole)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			int size;
			memcpy(&size, CMSG_DATA(c), sizeof size);
			return (size_t)size;
		}
	}
	return whole;
}

static bool take_datagrams(int fd, struct tally *t)
{
	static uint8_t buffer[65536];
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec part = { buffer, sizeof buffer };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	ssize_t n = recvmsg(fd, &message, 0);
	if (n <= 0)
		return false;
	size_t whole = (size_t)n, size = segment_size(&message, whole);
	t->last_at = now_ns();
	bool first = t->packets == 0;
	for (size_t at = 0; at + 8 <= whole; at += size)
		tally_packet(t, buffer + at, whole - at < size ? whole - at : size);
	if (first) {
		t->first_at = t->last_at;
		t->first_bytes = t->payload_bytes + 28 * t->packets;
	}
	return true;
}

void run_count(const struct options *o)
{
	struct tally t = { 0 };
	int fd = bind_datagram(o->listen), on = 1;
	setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
	uint64_t give_up = now_ns() + (uint64_t)(o->wait_seconds * NS_PER_S);
	struct timeval timeout = { (time_t)(o->idle_ms / 1000), (suseconds_t)((uint64_t)(o->idle_ms * 1000) % 1000000) };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	while (now_ns() < give_up)
		if (!take_datagrams(fd, &t) && t.packets > 0)
			break;
	uint64_t ip_bytes = t.payload_bytes + 28 * t.packets;
	double seconds = (double)(t.last_at - t.first_at) / NS_PER_S;
	/* The first read starts the clock, so its bytes do not count towards the rate. */
	double mbps = seconds > 0 ? (double)(ip_bytes - t.first_bytes) * 8 / seconds / 1e6 : 0;
	printf("{\"event\":\"done\",\"packets\":%lu,\"duplicates\":%lu,\"reordered\":%lu,\"highest\":%lu,", t.packets,
	       t.duplicates, t.reordered, t.next);
	printf("\"ipBytes\":%lu,\"seconds\":%.6f,\"rateMbps\":%.3f}\n", ip_bytes, seconds, mbps);
}
