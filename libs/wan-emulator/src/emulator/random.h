/*
 * Seeded randomness. Each purpose (loss, jitter, duplication) of each direction has a stream of its own,
 * so the fate of the n-th packet depends on the seed and on n alone.
 */
#ifndef WAN_RANDOM_H
#define WAN_RANDOM_H

#include <stdint.h>

struct random_stream {
	uint64_t state;
};

/* One step of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). */
static inline uint64_t random_u64(struct random_stream *stream)
{
	uint64_t z = (stream->state += 0x9e3779b97f4a7c15ull);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* Uniform in [0, 1). */
static inline double random_unit(struct random_stream *stream)
{
	return (double)(random_u64(stream) >> 11) * 0x1.0p-53;
}

static inline void random_seed(struct random_stream *stream, uint64_t seed, uint64_t purpose)
{
	struct random_stream mix = { seed };
	stream->state = random_u64(&mix) ^ (purpose * 0xd1342543de82ef95ull);
	random_u64(stream);
}

#endif
