/*
 * wan-traffic: small programs that put traffic on an emulated link and measure it. One JSON object per line
 * on stdout. See usage().
 */
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static _Noreturn void usage(void)
{
	fputs("usage: wan-traffic MODE OPTIONS\n"
	      "  sink   --listen A:P --pattern P [--seconds N] [--interval-us 500000]   one TCP connection, compared\n"
	      "  source --connect A:P --pattern P [--bytes N] [--congestion NAME]       writes until told to stop\n"
	      "  echo   --listen A:P                                                    answers pings\n"
	      "  ping   --connect A:P --count N [--interval-us N]                       round trips\n"
	      "  flood  --connect A:P --rate-mbps R --seconds N [--size 1472] [--count N]\n"
	      "  count  --listen A:P [--idle-ms 500]                                    tallies a flood\n"
	      "  crowd-sink   --listen A:P --count N --seconds N    N connections, compared; counts once all are there or the wait is over\n"
	      "  crowd-stall  --listen A:P --count N --seconds N    N connections, never read\n"
	      "  crowd-source --connect A:P --count N               writes on N connections until they are closed\n"
	      "  answer   --listen A:P                              sends back what comes on any connection\n"
	      "  requests --connect A:P --count N --size N          questions, a new connection for each\n"
	      "  exchange --connect A:P --count N --size N [--interval-us N]            questions on one connection\n"
	      "  warm   --bytes N                                                       touches memory\n"
	      "  --pattern random:SEED or file:PATH; --wait-seconds N bounds every wait (default 60)\n",
	      stderr);
	exit(2);
}

static double number(const char *text)
{
	char *end;
	errno = 0;
	double value = strtod(text, &end);
	if (errno || end == text || *end || !isfinite(value) || value < 0 || value > 1e18)
		usage();
	return value;
}

static struct options parse_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "listen", 1, NULL, 'l' },	{ "connect", 1, NULL, 'c' },	  { "congestion", 1, NULL, 'g' },
		{ "pattern", 1, NULL, 'p' },	{ "seconds", 1, NULL, 's' },	  { "rate-mbps", 1, NULL, 'r' },
		{ "idle-ms", 1, NULL, 'i' },	{ "wait-seconds", 1, NULL, 'w' }, { "bytes", 1, NULL, 'b' },
		{ "count", 1, NULL, 'n' },	{ "interval-us", 1, NULL, 'u' },  { "size", 1, NULL, 'z' },
		{ 0 },
	};
	struct options o = { .idle_ms = 500, .wait_seconds = 60, .interval_us = 0, .size = 1472 };
	for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
		switch (c) {
		case 'l': o.listen = optarg; break;
		case 'c': o.connect = optarg; break;
		case 'g': o.congestion = optarg; break;
		case 'p': o.pattern = optarg; break;
		case 's': o.seconds = number(optarg); break;
		case 'r': o.rate_mbps = number(optarg); break;
		case 'i': o.idle_ms = number(optarg); break;
		case 'w': o.wait_seconds = number(optarg); break;
		case 'b': o.bytes = (uint64_t)number(optarg); break;
		case 'n': o.count = (uint64_t)number(optarg); break;
		case 'u': o.interval_us = (uint64_t)number(optarg); break;
		case 'z': o.size = (uint64_t)number(optarg); break;
		default: usage();
		}
	}
	return o;
}

struct mode {
	const char *name;
	void (*run)(const struct options *);
	bool listens, connects, pattern;
	uint64_t default_interval_us;
};

static const struct mode modes[] = {
	{ "sink", run_sink, true, false, true, 500000 },   { "source", run_source, false, true, true, 0 },
	{ "echo", run_echo, true, false, false, 0 },	   { "ping", run_ping, false, true, false, 10000 },
	{ "flood", run_flood, false, true, false, 0 },	   { "count", run_count, true, false, false, 0 },
	{ "crowd-sink", run_crowd_sink, true, false, false, 0 },
	{ "crowd-stall", run_crowd_stall, true, false, false, 0 },
	{ "crowd-source", run_crowd_source, false, true, false, 0 },
	{ "answer", run_answer, true, false, false, 0 },
	{ "requests", run_requests, false, true, false, 0 },
	{ "exchange", run_exchange, false, true, false, 0 },
	{ "warm", run_warm, false, false, false, 0 },
};

int main(int argc, char **argv)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2)
		usage();
	struct options o = parse_options(argc - 1, argv + 1);
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		const struct mode *m = &modes[i];
		if (strcmp(argv[1], m->name))
			continue;
		if ((m->listens && !o.listen) || (m->connects && !o.connect) || (m->pattern && !o.pattern))
			usage();
		if (o.interval_us == 0)
			o.interval_us = m->default_interval_us;
		m->run(&o);
		return 0;
	}
	usage();
}
