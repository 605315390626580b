#include "control.h"

#include "clock.h"
#include "spinner.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 4096

static const char *const direction_names[DIRECTIONS] = { "aToB", "bToA" };

static void reply_ok(void)
{
	puts("{\"ok\":true}");
}

/* `what` and `value` come from our own face or an operator: quotes are stripped so that this stays JSON. */
static void reply_error(const char *what, const char *value)
{
	printf("{\"ok\":false,\"error\":\"%s: ", what);
	for (; *value; value++)
		if (*value >= ' ' && *value != '"' && *value != '\\')
			putchar(*value);
	puts("\"}");
}

/* ---- link ------------------------------------------------------------------------------------------- */

static bool parse_number(const char *text, double min, double max, double *out)
{
	char *end;
	errno = 0;
	double value = strtod(text, &end);
	if (errno || end == text || *end || !isfinite(value) || value < min || value > max)
		return false;
	*out = value;
	return true;
}

static bool parse_parameter(struct link_parameters *p, const char *key, const char *text)
{
	double v;
	if (!strcmp(key, "jitter_model")) {
		bool wander = !strcmp(text, "wander");
		p->jitter_model = wander ? JITTER_WANDER : JITTER_INDEPENDENT;
		return wander || !strcmp(text, "independent");
	}
	if (!strcmp(key, "rate_bps") && parse_number(text, 0, 100e9, &v))
		p->rate_bps = (uint64_t)v;
	else if (!strcmp(key, "delay_us") && parse_number(text, 0, 60e6, &v))
		p->delay_ns = (uint64_t)(v * NS_PER_US);
	else if (!strcmp(key, "jitter_us") && parse_number(text, 0, 60e6, &v))
		p->jitter_ns = (uint64_t)(v * NS_PER_US);
	else if (!strcmp(key, "queue_bytes") && parse_number(text, 1500, 4e9, &v))
		p->queue_bytes = (uint64_t)v;
	else if (!strcmp(key, "loss") && parse_number(text, 0, 1, &v))
		p->loss = v;
	else if (!strcmp(key, "duplicate") && parse_number(text, 0, 1, &v))
		p->duplicate = v;
	else if (!strcmp(key, "down") && parse_number(text, 0, 1, &v))
		p->down = v != 0;
	else
		return false;
	return true;
}

static void command_link(struct link links[DIRECTIONS], char *arguments)
{
	char *rest, *which = strtok_r(arguments, " ", &rest);
	bool both = which && !strcmp(which, "both");
	bool chosen[DIRECTIONS] = { both || (which && !strcmp(which, "a2b")), both || (which && !strcmp(which, "b2a")) };
	struct link_parameters wanted[DIRECTIONS] = { links[A_TO_B].parameters, links[B_TO_A].parameters };
	if (!chosen[A_TO_B] && !chosen[B_TO_A]) {
		reply_error("direction must be a2b, b2a or both", which ? which : "");
		return;
	}
	for (char *word; (word = strtok_r(NULL, " ", &rest));) {
		char *equals = strchr(word, '=');
		if (!equals) {
			reply_error("expected key=value", word);
			return;
		}
		*equals = 0;
		for (int d = 0; d < DIRECTIONS; d++) {
			if (chosen[d] && !parse_parameter(&wanted[d], word, equals + 1)) {
				reply_error("unknown key or value out of range", word);
				return;
			}
		}
	}
	for (int d = 0; d < DIRECTIONS; d++) {
		if (chosen[d] && wanted[d].jitter_ns > wanted[d].delay_ns) {
			reply_error("jitter may not exceed the one-way delay", which);
			return;
		}
	}
	uint64_t now = clock_now();
	for (int d = 0; d < DIRECTIONS; d++)
		if (chosen[d])
			link_set(&links[d], &wanted[d], now);
	reply_ok();
}

/* ---- statistics ------------------------------------------------------------------------------------- */

static double us(uint64_t ns)
{
	return (double)ns / NS_PER_US;
}

static void print_statistics(struct link *link, uint64_t now)
{
	link_account_queue(link, now);
	const struct link_statistics *s = &link->statistics;
	double elapsed = (double)(now - s->queue_since_ns);
	double standing = s->standing_windows ? s->standing_sum_bytes / (double)s->standing_windows :
						(double)link->window_min_bytes;
	printf("{\"offeredPackets\":%lu,\"offeredBytes\":%lu,\"wirePackets\":%lu,\"wireBytes\":%lu,", s->offered_packets,
	       s->offered_bytes, s->wire_packets, s->wire_bytes);
	printf("\"deliveredPackets\":%lu,\"deliveredBytes\":%lu,\"tailDrops\":%lu,\"tailDropBytes\":%lu,",
	       s->delivered_packets, s->delivered_bytes, s->tail_drops, s->tail_drop_bytes);
	printf("\"randomLosses\":%lu,\"duplicates\":%lu,\"outageDrops\":%lu,\"writes\":%lu,\"writeErrors\":%lu,",
	       s->random_losses, s->duplicates, s->outage_drops, s->writes, s->write_errors);
	printf("\"queueBytes\":%lu,\"queueMaxBytes\":%lu,\"queueMeanBytes\":%.0f,\"queueStandingBytes\":%.0f,",
	       link->queued_bytes, s->queue_max_bytes, elapsed > 0 ? s->queue_byte_ns / elapsed : 0, standing);
	printf("\"latenessP50Us\":%.1f,\"latenessP99Us\":%.1f,\"latenessMaxUs\":%.1f}",
	       us(histogram_percentile(&s->lateness, 0.5)), us(histogram_percentile(&s->lateness, 0.99)),
	       us(s->lateness.max));
}

static void command_stats(struct link links[DIRECTIONS])
{
	uint64_t now = clock_now();
	printf("{\"ok\":true");
	for (int d = 0; d < DIRECTIONS; d++) {
		link_serve(&links[d], now);
		printf(",\"%s\":", direction_names[d]);
		print_statistics(&links[d], now);
	}
	puts("}");
}

/* ---- the rest --------------------------------------------------------------------------------------- */

static void command_seed(struct link links[DIRECTIONS], const char *text)
{
	char *end;
	uint64_t seed = strtoull(text, &end, 10);
	if (end == text || *end) {
		reply_error("seed must be a whole number", text);
		return;
	}
	for (unsigned d = 0; d < DIRECTIONS; d++)
		link_seed(&links[d], seed, d);
	reply_ok();
}

static void execute(struct link links[DIRECTIONS], char *line)
{
	char *space = strchr(line, ' ');
	char *arguments = space ? space + 1 : line + strlen(line);
	if (space)
		*space = 0;
	if (!strcmp(line, "link")) {
		command_link(links, arguments);
	} else if (!strcmp(line, "seed")) {
		command_seed(links, arguments);
	} else if (!strcmp(line, "stats")) {
		command_stats(links);
	} else if (!strcmp(line, "spin") && (!strcmp(arguments, "on") || !strcmp(arguments, "off"))) {
		spinner_run(!strcmp(arguments, "on"));
		reply_ok();
	} else if (!strcmp(line, "reset") || !strcmp(line, "flush")) {
		for (int d = 0; d < DIRECTIONS; d++) {
			if (!strcmp(line, "reset"))
				link_reset_statistics(&links[d], clock_now());
			else
				link_flush(&links[d], false, clock_now());
		}
		reply_ok();
	} else {
		reply_error("unknown command", line);
	}
}

bool control_read(struct link links[DIRECTIONS])
{
	static char buffer[LINE_BYTES];
	static size_t filled;
	ssize_t got = read(STDIN_FILENO, buffer + filled, sizeof buffer - 1 - filled);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got == 0)
		return false;
	filled += (size_t)got;
	char *start = buffer, *newline;
	while ((newline = memchr(start, '\n', filled - (size_t)(start - buffer)))) {
		*newline = 0;
		execute(links, start);
		start = newline + 1;
	}
	filled -= (size_t)(start - buffer);
	memmove(buffer, start, filled);
	if (filled == sizeof buffer - 1) {
		reply_error("line too long", "");
		filled = 0;
	}
	fflush(stdout);
	return true;
}
