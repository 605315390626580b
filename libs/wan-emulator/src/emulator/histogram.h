/* Log-linear histogram of nanoseconds: 32 steps per doubling, so a percentile is within 3 % of the truth. */
#ifndef WAN_HISTOGRAM_H
#define WAN_HISTOGRAM_H

#include <stdint.h>
#include <string.h>

#define HISTOGRAM_STEP_BITS 5
#define HISTOGRAM_STEPS (1u << HISTOGRAM_STEP_BITS)
#define HISTOGRAM_BUCKETS (64u * HISTOGRAM_STEPS)

struct histogram {
	uint64_t count;
	uint64_t max;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(uint64_t value)
{
	if (value < HISTOGRAM_STEPS)
		return (unsigned)value;
	unsigned shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_STEP_BITS;
	return (shift + 1) * HISTOGRAM_STEPS + (unsigned)((value >> shift) & (HISTOGRAM_STEPS - 1));
}

static inline uint64_t histogram_value(unsigned bucket)
{
	if (bucket < HISTOGRAM_STEPS)
		return bucket;
	unsigned shift = bucket / HISTOGRAM_STEPS - 1;
	return ((uint64_t)(bucket % HISTOGRAM_STEPS) + HISTOGRAM_STEPS) << shift;
}

static inline void histogram_add(struct histogram *h, uint64_t value)
{
	h->count++;
	if (value > h->max)
		h->max = value;
	h->buckets[histogram_bucket(value)]++;
}

static inline uint64_t histogram_percentile(const struct histogram *h, double fraction)
{
	uint64_t wanted = (uint64_t)((double)h->count * fraction);
	uint64_t seen = 0;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen > wanted)
			return histogram_value(i);
	}
	return h->max;
}

static inline void histogram_reset(struct histogram *h)
{
	memset(h, 0, sizeof *h);
}

#endif
