/*
 * wan-emulator: an emulated WAN link between two TUN devices in two network namespaces.
 *
 *   wan-emulator --a NETNS --b NETNS [--device wan0] [--seed N] [--tick-us 100]
 *
 * Prints {"event":"ready",...} once both devices exist, then obeys the control channel (control.h).
 */
#define _GNU_SOURCE
#include "clock.h"
#include "control.h"
#include "deliver.h"
#include "spinner.h"
#include "tun.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/*
 * The loop wakes no more often than this: some eight full packets at 1 Gbit/s share a wake-up, as they share an
 * interrupt of a network card that moderates them.
 */
#define DEFAULT_TICK_NS (100 * NS_PER_US)
/* A busy loop looks at the control channel this often. */
#define CONTROL_PERIOD_NS (5 * NS_PER_MS)
/* Frames taken from one TUN before due packets get their turn. */
#define READ_BATCH 512
/* Above every ordinary process and below the kernel's own real-time threads. */
#define REALTIME_PRIORITY 20

struct emulator {
	struct tun tun[2]; /* a, b */
	struct link links[DIRECTIONS];
	uint64_t tick_ns;
	uint64_t last_control;
	bool readable[DIRECTIONS]; /* something may wait in the TUN that this direction begins at */
};

struct options {
	const char *a, *b, *device;
	uint64_t seed, tick_ns;
};

static _Noreturn void usage(const char *problem)
{
	fprintf(stderr, "wan-emulator: %s\nusage: wan-emulator --a NETNS --b NETNS [--device wan0] [--seed N] [--tick-us N]\n",
		problem);
	exit(2);
}

static uint64_t parse_whole(const char *text, const char *what)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);
	if (end == text || *end)
		usage(what);
	return value;
}

static struct options parse_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "a", required_argument, NULL, 'a' },	  { "b", required_argument, NULL, 'b' },
		{ "device", required_argument, NULL, 'd' }, { "seed", required_argument, NULL, 's' },
		{ "tick-us", required_argument, NULL, 't' }, { 0 },
	};
	struct options o = { .device = "wan0", .tick_ns = DEFAULT_TICK_NS };
	for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
		switch (c) {
		case 'a':
			o.a = optarg;
			break;
		case 'b':
			o.b = optarg;
			break;
		case 'd':
			o.device = optarg;
			break;
		case 's':
			o.seed = parse_whole(optarg, "--seed must be a whole number");
			break;
		case 't':
			o.tick_ns = parse_whole(optarg, "--tick-us must be a whole number") * NS_PER_US;
			break;
		default:
			usage("unknown option");
		}
	}
	if (!o.a || !o.b)
		usage("--a and --b name the two network namespaces");
	return o;
}

static bool become_realtime(void)
{
	struct sched_param p = { .sched_priority = REALTIME_PRIORITY };
	prctl(PR_SET_TIMERSLACK, 1ul);
	return sched_setscheduler(0, SCHED_FIFO, &p) == 0;
}

/* Serves both directions: what has left the queue flies, what is due arrives. */
static void forward(struct emulator *e)
{
	for (int d = 0; d < DIRECTIONS; d++) {
		const struct tun *to = &e->tun[d == A_TO_B ? 1 : 0];
		uint64_t now = clock_now();
		link_serve(&e->links[d], now);
		deliver_due(&e->links[d], to->fd, to->uso, now);
	}
}

/*
 * Takes what has come. A packet counts as arrived when it is read: an estimate of an earlier moment would now
 * and then make the link faster than its delay.
 */
static void take_arrivals(struct emulator *e)
{
	for (int d = 0; d < DIRECTIONS; d++) {
		if (!e->readable[d])
			continue;
		int fd = e->tun[d == A_TO_B ? 0 : 1].fd;
		uint64_t now = clock_now();
		link_serve(&e->links[d], now);
		struct frame *f;
		for (int i = 0; i < READ_BATCH && (f = frame_read(fd)); i++)
			link_enqueue(&e->links[d], f, now);
	}
}

static uint64_t next_event(const struct emulator *e)
{
	uint64_t a = link_next_event(&e->links[A_TO_B]), b = link_next_event(&e->links[B_TO_A]);
	return a < b ? a : b;
}

/* Waits for arrivals, the control channel, or the next event; false at end of the control input. */
static bool poll_until(struct emulator *e, uint64_t next)
{
	struct pollfd fds[3] = { { e->tun[0].fd, POLLIN, 0 }, { e->tun[1].fd, POLLIN, 0 }, { STDIN_FILENO, POLLIN, 0 } };
	uint64_t now = clock_now();
	struct timespec timeout = clock_timespec(next > now ? next - now : 0);
	int ready = ppoll(fds, 3, next == UINT64_MAX ? NULL : &timeout, NULL);
	e->readable[A_TO_B] = ready > 0 && fds[0].revents;
	e->readable[B_TO_A] = ready > 0 && fds[1].revents;
	e->last_control = now;
	return !(ready > 0 && fds[2].revents) || control_read(e->links);
}

/*
 * Sleeps until there is something to do; false at end of the control input. Where the next event is nearer than
 * a tick the loop sleeps for the tick and looks at everything; otherwise it polls, and an arrival wakes it.
 */
static bool wait_for_work(struct emulator *e, uint64_t woke_at)
{
	uint64_t next = next_event(e);
	uint64_t earliest = woke_at + e->tick_ns;
	if (next > earliest)
		return poll_until(e, next);
	if (earliest > clock_now()) {
		struct timespec until = clock_timespec(earliest);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	}
	if (woke_at > e->last_control + CONTROL_PERIOD_NS)
		return poll_until(e, 0);
	e->readable[A_TO_B] = e->readable[B_TO_A] = true;
	return true;
}

int main(int argc, char **argv)
{
	struct options o = parse_options(argc, argv);
	static struct emulator e;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	int spinners = spinner_start();
	e.tick_ns = o.tick_ns;
	e.tun[0] = tun_open(o.a, o.device);
	e.tun[1] = tun_open(o.b, o.device);
	for (unsigned d = 0; d < DIRECTIONS; d++)
		link_init(&e.links[d], o.seed, d, clock_now());
	bool realtime = become_realtime();
	printf("{\"event\":\"ready\",\"pid\":%d,\"uso\":%s,\"realtime\":%s,\"spinners\":%d}\n", getpid(),
	       e.tun[0].uso && e.tun[1].uso ? "true" : "false", realtime ? "true" : "false", spinners);
	fflush(stdout);

	uint64_t woke_at = clock_now();
	do {
		woke_at = clock_now();
		forward(&e);
		take_arrivals(&e);
		forward(&e);
	} while (wait_for_work(&e, woke_at));
	return 0;
}
