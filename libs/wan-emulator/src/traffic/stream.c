/* One TCP connection: a source that writes a pattern, and a sink that compares every byte with it. */
#define _GNU_SOURCE
#include "common.h"
#include "pattern.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define READ_BYTES (256u << 10)
#define POLL_MS 50
/* A sink under way is woken once this much waits: measuring should cost little beside what is measured. */
#define WAKE_BYTES (32 << 10)
/* Until then it takes every byte at once, so that the kernel's window opens as for any application. */
#define UNDER_WAY_BYTES (4u << 20)
/* A source whose last bytes are not taken for so long gives up. */
#define FINISH_SECONDS 30

/* ---- sink ------------------------------------------------------------------------------------------- */

struct progress {
	uint64_t first_byte_at, last_byte_at;
	uint64_t bytes;
	uint64_t *series; /* bytes in each interval since the first byte */
	size_t intervals;
	uint64_t interval_ns;
	bool intact;
	uint64_t first_mismatch;
};

static void record(struct progress *p, uint64_t at, size_t bytes)
{
	if (p->bytes == 0)
		p->first_byte_at = at;
	size_t interval = (size_t)((at - p->first_byte_at) / p->interval_ns);
	if (interval >= p->intervals) {
		p->series = realloc(p->series, (interval + 1) * sizeof *p->series);
		if (!p->series)
			fail("out of memory");
		memset(p->series + p->intervals, 0, (interval + 1 - p->intervals) * sizeof *p->series);
		p->intervals = interval + 1;
	}
	p->series[interval] += bytes;
	p->bytes += bytes;
	p->last_byte_at = at;
}

static void compare(struct progress *p, struct pattern *pattern, const uint8_t *got, size_t bytes)
{
	uint64_t position = p->bytes;
	while (bytes > 0) {
		size_t available;
		const uint8_t *expected = pattern_view(pattern, &available);
		size_t n = bytes < available ? bytes : available;
		if (p->intact && memcmp(got, expected, n) != 0) {
			size_t i = 0;
			while (got[i] == expected[i])
				i++;
			p->intact = false;
			p->first_mismatch = position + i;
		}
		pattern_advance(pattern, n);
		got += n;
		bytes -= n;
		position += n;
	}
}

static int accept_one(const struct options *o)
{
	int listener = listen_on(o->listen, SOCK_STREAM, 1);
	struct pollfd ready = { listener, POLLIN, 0 };
	if (poll(&ready, 1, (int)(o->wait_seconds * 1000)) != 1)
		fail("no connection came in time");
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		fail_errno("accept");
	close(listener);
	return fd;
}

static void print_progress(const struct progress *p, double seconds, const char *ended)
{
	printf("{\"event\":\"done\",\"bytes\":%lu,\"seconds\":%.6f,\"ended\":\"%s\",\"intact\":%s,", p->bytes, seconds,
	       ended, p->intact ? "true" : "false");
	if (p->intact)
		printf("\"firstMismatch\":null,");
	else
		printf("\"firstMismatch\":%lu,", p->first_mismatch);
	printf("\"cpuSeconds\":%.3f,\"intervalMs\":%lu,\"series\":[", cpu_seconds(), p->interval_ns / NS_PER_MS);
	for (size_t i = 0; i < p->intervals; i++)
		printf("%s%lu", i ? "," : "", p->series[i]);
	puts("]}");
}

/* Reads until the stream ends, or for `seconds` from the first byte, and at most `wait_seconds` in all. */
static const char *drain(int fd, const struct options *o, struct pattern *pattern, struct progress *p)
{
	static uint8_t buffer[READ_BYTES];
	const int wake_bytes = WAKE_BYTES;
	uint64_t give_up_at = now_ns() + (uint64_t)(o->wait_seconds * NS_PER_S);
	uint64_t length = (uint64_t)(o->seconds * NS_PER_S);
	for (;;) {
		ssize_t got = recv(fd, buffer, sizeof buffer, 0);
		uint64_t at = now_ns();
		bool over = length && p->bytes && at >= p->first_byte_at + length;
		if (over)
			return "time";
		if (got > 0) {
			compare(p, pattern, buffer, (size_t)got);
			record(p, at, (size_t)got);
			if (p->bytes >= UNDER_WAY_BYTES && p->bytes - (uint64_t)got < UNDER_WAY_BYTES)
				setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &wake_bytes, sizeof wake_bytes);
		} else if (got == 0) {
			return "end";
		} else if (errno != EAGAIN && errno != EINTR) {
			return errno == ECONNRESET ? "reset" : "error";
		}
		if (at >= give_up_at)
			return "timeout";
	}
}

void run_sink(const struct options *o)
{
	struct pattern *pattern = pattern_open(o->pattern);
	struct progress p = { .intact = true, .interval_ns = o->interval_us * NS_PER_US };
	struct timeval timeout = { 0, POLL_MS * 1000 };
	int fd = accept_one(o);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	const char *ended = drain(fd, o, pattern, &p);
	bool by_time = !strcmp(ended, "time");
	double seconds = by_time ? o->seconds : (double)(p.last_byte_at - p.first_byte_at) / NS_PER_S;
	print_progress(&p, seconds, ended);
	close(fd); /* with bytes unread this is a reset, which ends a timed source */
}

/* ---- source ----------------------------------------------------------------------------------------- */

static void set_congestion(int fd, const char *name)
{
	if (name && setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) < 0)
		fail_errno("cannot set the congestion control (is its kernel module there?)");
}

static void print_source(int fd, const char *event, uint64_t bytes)
{
	char congestion[16] = "";
	socklen_t length = sizeof congestion - 1;
	struct tcp_info info = { 0 };
	socklen_t info_length = sizeof info;
	getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, &length);
	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &info_length);
	printf("{\"event\":\"%s\",\"bytes\":%lu,\"congestion\":\"%s\",", event, bytes, congestion);
	printf("\"cpuSeconds\":%.3f,\"segmentsSent\":%u,\"segmentsResent\":%u,\"rttUs\":%u,\"minRttUs\":%u}\n",
	       cpu_seconds(), info.tcpi_segs_out, info.tcpi_total_retrans, info.tcpi_rtt, info.tcpi_min_rtt);
	fflush(stdout);
}

static uint64_t write_pattern(int fd, struct pattern *pattern, uint64_t limit)
{
	uint64_t sent = 0;
	while (limit == 0 || sent < limit) {
		size_t available;
		const uint8_t *view = pattern_view(pattern, &available);
		if (limit && available > limit - sent)
			available = (size_t)(limit - sent);
		ssize_t n = send(fd, view, available, MSG_NOSIGNAL);
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return sent;
		if (n < 0)
			fail_errno("send");
		pattern_advance(pattern, (size_t)n);
		sent += (uint64_t)n;
	}
	return sent;
}

void run_source(const struct options *o)
{
	struct pattern *pattern = pattern_open(o->pattern);
	struct endpoint remote = parse_endpoint(o->connect);
	int fd = open_socket(&remote, SOCK_STREAM);
	set_congestion(fd, o->congestion);
	if (connect(fd, (struct sockaddr *)&remote.address, remote.length) < 0)
		fail_errno(o->connect);
	print_source(fd, "connected", 0);
	uint64_t sent = write_pattern(fd, pattern, o->bytes);
	shutdown(fd, SHUT_WR);
	/* The far end closes once it has everything. */
	struct timeval timeout = { FINISH_SECONDS, 0 };
	char byte;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	while (recv(fd, &byte, 1, 0) > 0)
		;
	print_source(fd, "done", sent);
	close(fd);
}
