/* Small questions and answers over TCP: a server that sends back what it gets, and two kinds of client. */
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unistd.h>

#define MAX_BYTES (64u << 10)
#define MAX_EXCHANGES 1000000u
#define EVENTS 64
#define BACKLOG 4096

static void send_at_once(int fd)
{
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* ---- server ----------------------------------------------------------------------------------------- */

static void watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		fail_errno("epoll_ctl");
}

static void answer(int fd)
{
	static uint8_t buffer[MAX_BYTES];
	ssize_t got = recv(fd, buffer, sizeof buffer, 0);
	if (got <= 0 || send(fd, buffer, (size_t)got, MSG_NOSIGNAL) != got)
		close(fd);
}

void run_answer(const struct options *o)
{
	int listener = listen_on(o->listen, SOCK_STREAM, BACKLOG), epoll = epoll_create1(EPOLL_CLOEXEC);
	watch(epoll, listener);
	for (;;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd != listener) {
				answer(events[i].data.fd);
				continue;
			}
			int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
			if (fd < 0)
				continue;
			send_at_once(fd);
			watch(epoll, fd);
		}
	}
}

/* ---- clients ---------------------------------------------------------------------------------------- */

struct exchanges {
	uint64_t *elapsed_ns;
	uint64_t count, size;
	uint8_t question[MAX_BYTES], answer[MAX_BYTES];
};

static struct exchanges *make_exchanges(const struct options *o)
{
	struct exchanges *e = calloc(1, sizeof *e);
	if (o->size < 1 || o->size > MAX_BYTES || o->count < 1 || o->count > MAX_EXCHANGES)
		fail("--size must lie between 1 and 65536, --count between 1 and 1000000");
	if (!e || !(e->elapsed_ns = calloc(o->count, sizeof *e->elapsed_ns)))
		fail("out of memory");
	e->size = o->size;
	return e;
}

static int connect_to(const struct options *o)
{
	struct endpoint remote = parse_endpoint(o->connect);
	struct timeval patience = { (time_t)o->wait_seconds, 0 };
	int fd = open_socket(&remote, SOCK_STREAM);
	send_at_once(fd);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(fd, (struct sockaddr *)&remote.address, remote.length) < 0)
		fail_errno(o->connect);
	return fd;
}

/* Asks, waits for the whole answer and compares it. */
static void exchange(struct exchanges *e, int fd)
{
	for (uint64_t i = 0; i < e->size; i++)
		e->question[i] = (uint8_t)(e->count * 31 + i * 7);
	if (send(fd, e->question, e->size, MSG_NOSIGNAL) != (ssize_t)e->size)
		fail_errno("send");
	for (uint64_t got = 0; got < e->size;) {
		ssize_t n = recv(fd, e->answer + got, e->size - got, 0);
		if (n <= 0)
			fail(n == 0 ? "the connection ended before its answer" : "no answer came in time");
		got += (uint64_t)n;
	}
	if (memcmp(e->question, e->answer, e->size) != 0)
		fail("the answer has wrong bytes");
}

static void note(struct exchanges *e, uint64_t started_at)
{
	e->elapsed_ns[e->count++] = now_ns() - started_at;
}

static void print_exchanges(struct exchanges *e)
{
	uint64_t sum = 0;
	for (uint64_t i = 0; i < e->count; i++)
		sum += e->elapsed_ns[i];
	printf("{\"event\":\"done\",\"count\":%lu,\"meanUs\":%.1f", e->count, (double)sum / (double)e->count / NS_PER_US);
	print_spread("elapsedUs", e->elapsed_ns, e->count);
	puts("}");
}

/* A new connection for each, one after the other; timed from before the connect to the last byte of the answer. */
void run_requests(const struct options *o)
{
	struct exchanges *e = make_exchanges(o);
	while (e->count < o->count) {
		uint64_t started_at = now_ns();
		int fd = connect_to(o);
		exchange(e, fd);
		note(e, started_at);
		close(fd);
	}
	print_exchanges(e);
}

/* All on one connection, at least the interval apart. */
void run_exchange(const struct options *o)
{
	struct exchanges *e = make_exchanges(o);
	int fd = connect_to(o);
	while (e->count < o->count) {
		uint64_t started_at = now_ns();
		exchange(e, fd);
		note(e, started_at);
		sleep_until_ns(started_at + o->interval_us * NS_PER_US);
	}
	print_exchanges(e);
}
