/*
 * Many TCP connections at once from one process to one other. Each carries words that follow from its number
 * and their position, which no codec can shrink and the sink compares; the first word is the number itself.
 */
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define WORD_BYTES 8u
/* What one connection reads or writes before the next one has its turn. */
#define TURN_BYTES (16u << 10)
/* Left to itself the kernel may hold megabytes for each connection: gigabytes for a crowd that stalls. */
#define SEND_BUFFER_BYTES (128 << 10)
#define EVENTS 256
#define BACKLOG 4096
#define POLL_MS 50
/* Connections under way at a time, as a busy client opens them; a burst of all would test SYN queues. */
#define CONNECTING_AT_ONCE 128u

struct connection {
	int fd;
	bool answered, closed, broken;
	uint64_t number, position;
	uint64_t counted; /* bytes since all connections are there */
	uint8_t first_word[WORD_BYTES];
};

struct crowd {
	struct connection *connections;
	uint64_t count, present;
	int epoll;
};

/* SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014). */
static uint64_t word_at(uint64_t number, uint64_t index)
{
	if (index == 0)
		return number;
	uint64_t z = (number << 40) + index * 0x9e3779b97f4a7c15ull;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* The connection's bytes from its position on; good until the next call. */
static const uint8_t *expected_bytes(const struct connection *c)
{
	static uint64_t words[TURN_BYTES / WORD_BYTES + 1];
	uint64_t first = c->position / WORD_BYTES;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		words[i] = word_at(c->number, first + i);
	return (const uint8_t *)words + c->position % WORD_BYTES;
}

static struct crowd make_crowd(uint64_t count)
{
	struct rlimit files;
	struct crowd crowd = { calloc(count, sizeof *crowd.connections), count, 0, epoll_create1(EPOLL_CLOEXEC) };
	if (!crowd.connections || crowd.epoll < 0)
		fail_errno("crowd");
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	return crowd;
}

static void watch(struct crowd *crowd, int fd, uint32_t events, struct connection *c)
{
	struct epoll_event event = { .events = events, .data.ptr = c };
	if (epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		fail_errno("epoll_ctl");
}

static void end_connection(struct connection *c)
{
	close(c->fd);
	c->closed = true;
}

/* ---- sink ------------------------------------------------------------------------------------------- */

static void accept_waiting(struct crowd *crowd, int listener, bool stalled)
{
	while (crowd->present < crowd->count) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		struct connection *c = &crowd->connections[crowd->present++];
		c->fd = fd;
		if (!stalled)
			watch(crowd, fd, EPOLLIN, c);
	}
}

/* Bytes of the first word say which connection this is; they are not compared. Returns how many of `bytes` they are. */
static size_t take_number(struct connection *c, const uint8_t *got, size_t bytes)
{
	if (c->position >= WORD_BYTES)
		return 0;
	size_t missing = WORD_BYTES - c->position, n = bytes < missing ? bytes : missing;
	memcpy(c->first_word + c->position, got, n);
	c->position += n;
	if (c->position == WORD_BYTES)
		memcpy(&c->number, c->first_word, WORD_BYTES);
	return n;
}

static void read_turn(struct connection *c)
{
	static uint8_t buffer[TURN_BYTES];
	ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		end_connection(c);
		return;
	}
	size_t skipped = take_number(c, buffer, (size_t)got), rest = (size_t)got - skipped;
	if (rest > 0 && memcmp(buffer + skipped, expected_bytes(c), rest) != 0)
		c->broken = true;
	c->position += rest;
	c->counted += (uint64_t)got;
}

static void print_crowd(const struct crowd *crowd, double seconds)
{
	uint64_t broken = 0, closed = 0;
	for (uint64_t i = 0; i < crowd->present; i++) {
		broken += crowd->connections[i].broken;
		closed += crowd->connections[i].closed;
	}
	printf("{\"event\":\"done\",\"connections\":%lu,\"closedEarly\":%lu,\"broken\":%lu,\"seconds\":%.6f,", crowd->present,
	       closed, broken, seconds);
	printf("\"cpuSeconds\":%.3f,\"bytes\":[", cpu_seconds());
	for (uint64_t i = 0; i < crowd->present; i++)
		printf("%s%lu", i ? "," : "", crowd->connections[i].counted);
	puts("]}");
}

/* Counts anew from the moment at which the last connection is there, or at which no more are waited for. */
static uint64_t begin_count(struct crowd *crowd)
{
	for (uint64_t i = 0; i < crowd->present; i++)
		crowd->connections[i].counted = 0;
	printf("{\"event\":\"counting\",\"connections\":%lu}\n", crowd->present);
	fflush(stdout);
	return now_ns();
}

static void sink_crowd(const struct options *o, bool stalled)
{
	struct crowd crowd = make_crowd(o->count);
	int listener = listen_on(o->listen, SOCK_STREAM | SOCK_NONBLOCK, BACKLOG);
	uint64_t begin_by = now_ns() + (uint64_t)(o->wait_seconds * NS_PER_S), began_at = 0;
	uint64_t length = (uint64_t)(o->seconds * NS_PER_S);
	watch(&crowd, listener, EPOLLIN, NULL);
	for (;;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(crowd.epoll, events, EVENTS, POLL_MS);
		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;
			if (c)
				read_turn(c);
			else
				accept_waiting(&crowd, listener, stalled);
		}
		uint64_t now = now_ns();
		if (!began_at && (crowd.present == crowd.count || now >= begin_by))
			began_at = begin_count(&crowd);
		if (began_at && now >= began_at + length)
			break;
	}
	print_crowd(&crowd, (double)(now_ns() - began_at) / NS_PER_S);
}

void run_crowd_sink(const struct options *o)
{
	sink_crowd(o, false);
}

void run_crowd_stall(const struct options *o)
{
	sink_crowd(o, true);
}

/* ---- source ----------------------------------------------------------------------------------------- */

static void begin_connection(struct crowd *crowd, const struct endpoint *remote)
{
	struct connection *c = &crowd->connections[crowd->present];
	const int send_buffer = SEND_BUFFER_BYTES;
	c->number = crowd->present++;
	c->fd = open_socket(remote, SOCK_STREAM | SOCK_NONBLOCK);
	setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
	if (connect(c->fd, (struct sockaddr *)&remote->address, remote->length) < 0 && errno != EINPROGRESS)
		fail_errno("connect");
	watch(crowd, c->fd, EPOLLOUT, c);
}

/* Writes one turn; true if it is known only now whether the connection was made. */
static bool write_turn(struct connection *c)
{
	ssize_t sent = send(c->fd, expected_bytes(c), TURN_BYTES, MSG_NOSIGNAL);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	bool first = !c->answered;
	c->answered = true;
	if (sent < 0)
		end_connection(c);
	else
		c->position += (uint64_t)sent;
	return first;
}

void run_crowd_source(const struct options *o)
{
	struct endpoint remote = parse_endpoint(o->connect);
	struct crowd crowd = make_crowd(o->count);
	uint64_t give_up_at = now_ns() + (uint64_t)(o->wait_seconds * NS_PER_S), answered = 0, closed = 0, bytes = 0;
	while (closed < crowd.count && now_ns() < give_up_at) {
		while (crowd.present < crowd.count && crowd.present - answered < CONNECTING_AT_ONCE)
			begin_connection(&crowd, &remote);
		struct epoll_event events[EVENTS];
		int n = epoll_wait(crowd.epoll, events, EVENTS, POLL_MS);
		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;
			answered += write_turn(c);
			closed += c->closed;
		}
	}
	uint64_t served = 0;
	for (uint64_t i = 0; i < crowd.present; i++) {
		served += crowd.connections[i].position > 0;
		bytes += crowd.connections[i].position;
	}
	printf("{\"event\":\"done\",\"connections\":%lu,\"bytes\":%lu,\"cpuSeconds\":%.3f}\n", served, bytes, cpu_seconds());
}
