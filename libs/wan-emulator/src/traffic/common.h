/* What all modes of wan-traffic share. */
#ifndef TRAFFIC_COMMON_H
#define TRAFFIC_COMMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

struct endpoint {
	struct sockaddr_storage address;
	socklen_t length;
};

/* Options of every mode; a mode reads those that it knows. */
struct options {
	const char *listen, *connect, *congestion, *pattern;
	double seconds, rate_mbps, idle_ms, wait_seconds;
	uint64_t bytes, count, interval_us, size;
};

uint64_t now_ns(void);
void sleep_until_ns(uint64_t at);

/* User and system time of this process. */
double cpu_seconds(void);

/* Prints `,"NAME":{min, p50, p99, max}` in microseconds, and sorts the values. There is room for one at least. */
void print_spread(const char *name, uint64_t *values_ns, uint64_t count);

/* Prints one line and exits. */
_Noreturn void fail(const char *what);
_Noreturn void fail_errno(const char *what);

/* "1.2.3.4:80" or "[fd00::1]:80". */
struct endpoint parse_endpoint(const char *text);
uint16_t bound_port(int fd);

/* A listening TCP socket at that place, whose port is told on standard output. `type` is SOCK_STREAM with its flags. */
int listen_on(const char *where, int type, int backlog);
int open_socket(const struct endpoint *endpoint, int type);

/* Lets a short measurement run undisturbed where the system allows it. */
void become_realtime(void);

void run_sink(const struct options *o);
void run_source(const struct options *o);
void run_echo(const struct options *o);
void run_ping(const struct options *o);
void run_flood(const struct options *o);
void run_count(const struct options *o);
void run_warm(const struct options *o);
void run_crowd_sink(const struct options *o);
void run_crowd_stall(const struct options *o);
void run_crowd_source(const struct options *o);
void run_answer(const struct options *o);
void run_requests(const struct options *o);
void run_exchange(const struct options *o);

#endif
