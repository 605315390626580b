#define _GNU_SOURCE
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define REALTIME_PRIORITY 10

uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

void sleep_until_ns(uint64_t at)
{
	struct timespec t = { (time_t)(at / NS_PER_S), (long)(at % NS_PER_S) };
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

void fail(const char *what)
{
	fprintf(stderr, "wan-traffic: %s\n", what);
	exit(1);
}

void fail_errno(const char *what)
{
	fprintf(stderr, "wan-traffic: %s: %s\n", what, strerror(errno));
	exit(1);
}

struct endpoint parse_endpoint(const char *text)
{
	char host[64];
	const char *colon = strrchr(text, ':');
	const char *start = text, *end = colon;
	if (colon && *text == '[' && colon[-1] == ']') {
		start = text + 1;
		end = colon - 1;
	}
	if (!colon || end <= start || (size_t)(end - start) >= sizeof host)
		fail("an address is ADDRESS:PORT");
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = 0;
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *found;
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		fail("an address is ADDRESS:PORT");
	struct endpoint e = { .length = found->ai_addrlen };
	memcpy(&e.address, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return e;
}

int open_socket(const struct endpoint *endpoint, int type)
{
	int fd = socket(endpoint->address.ss_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fail_errno("socket");
	return fd;
}

uint16_t bound_port(int fd)
{
	struct sockaddr_storage a;
	socklen_t length = sizeof a;
	if (getsockname(fd, (struct sockaddr *)&a, &length) < 0)
		fail_errno("getsockname");
	return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port : ((struct sockaddr_in *)&a)->sin_port);
}

void become_realtime(void)
{
	struct sched_param p = { .sched_priority = REALTIME_PRIORITY };
	sched_setscheduler(0, SCHED_FIFO, &p);
}

double cpu_seconds(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

void print_spread(const char *name, uint64_t *values_ns, uint64_t count)
{
	qsort(values_ns, count, sizeof *values_ns, by_value);
	uint64_t last = count ? count - 1 : 0;
	double scale = count ? 1.0 / NS_PER_US : 0;
	printf(",\"%s\":{\"min\":%.1f,\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}", name, (double)values_ns[0] * scale,
	       (double)values_ns[count / 2] * scale, (double)values_ns[last * 99 / 100] * scale, (double)values_ns[last] * scale);
}

int listen_on(const char *where, int type, int backlog)
{
	struct endpoint local = parse_endpoint(where);
	int on = 1, listener = open_socket(&local, type);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener, (struct sockaddr *)&local.address, local.length) < 0)
		fail_errno(where);
	if (listen(listener, backlog) < 0)
		fail_errno("listen");
	printf("{\"event\":\"listening\",\"port\":%u}\n", bound_port(listener));
	fflush(stdout);
	return listener;
}
