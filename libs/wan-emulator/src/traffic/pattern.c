#include "pattern.h"

#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Random bytes are made once and sent over and over: further apart than any compressor here looks back, and the
 * programs then cost the machine no more than reading and comparing.
 */
#define RANDOM_BYTES (16u << 20)
#define VIEW_BYTES (256u << 10)
#define LANES 4

/* Four xorshift64 generators (Marsaglia, "Xorshift RNGs", 2003) side by side: several GB/s. */
typedef uint64_t lanes __attribute__((vector_size(8 * LANES)));

struct pattern {
	uint8_t *bytes;
	size_t length;
	size_t position;
};

static void open_random(struct pattern *p, const char *text)
{
	char *end;
	lanes state;
	uint64_t seed = strtoull(text, &end, 10);
	if (end == text || *end)
		fail("pattern random:SEED needs a whole number");
	for (int i = 0; i < LANES; i++) {
		/* SplitMix64 spreads neighbouring seeds; a lane may not be zero. */
		uint64_t z = (seed * LANES + (uint64_t)i + 1) * 0x9e3779b97f4a7c15ull;
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
		state[i] = z ? z : 1;
	}
	p->length = RANDOM_BYTES;
	p->bytes = malloc(RANDOM_BYTES);
	if (!p->bytes)
		fail("out of memory");
	for (size_t i = 0; i < RANDOM_BYTES; i += sizeof state) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		memcpy(p->bytes + i, &state, sizeof state);
	}
}

static void open_file(struct pattern *p, const char *path)
{
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) < 0)
		fail_errno(path);
	if (info.st_size == 0)
		fail("the workload file is empty");
	p->length = (size_t)info.st_size;
	p->bytes = mmap(NULL, p->length, PROT_READ, MAP_SHARED, fd, 0);
	if (p->bytes == MAP_FAILED)
		fail_errno("cannot map the workload file");
	madvise(p->bytes, p->length, MADV_SEQUENTIAL);
	close(fd);
}

struct pattern *pattern_open(const char *specification)
{
	struct pattern *p = calloc(1, sizeof *p);
	if (!p)
		fail("out of memory");
	if (!strncmp(specification, "random:", 7))
		open_random(p, specification + 7);
	else if (!strncmp(specification, "file:", 5))
		open_file(p, specification + 5);
	else
		fail("pattern must be random:SEED or file:PATH");
	return p;
}

const uint8_t *pattern_view(struct pattern *p, size_t *available)
{
	size_t left = p->length - p->position;
	*available = left < VIEW_BYTES ? left : VIEW_BYTES;
	return p->bytes + p->position;
}

void pattern_advance(struct pattern *p, size_t bytes)
{
	p->position += bytes;
	if (p->position == p->length)
		p->position = 0;
}
