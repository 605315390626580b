/*
 * The bytes of a workload, the same at source and sink: `random:SEED`, an endless stream that never repeats
 * and no codec can shrink, or `file:PATH`, a file that starts again at its end.
 */
#ifndef TRAFFIC_PATTERN_H
#define TRAFFIC_PATTERN_H

#include <stddef.h>
#include <stdint.h>

struct pattern;

struct pattern *pattern_open(const char *specification);

/* Bytes at the current position, at least one; *available says how many. */
const uint8_t *pattern_view(struct pattern *pattern, size_t *available);

/* Moves on by at most what pattern_view gave. */
void pattern_advance(struct pattern *pattern, size_t bytes);

#endif
