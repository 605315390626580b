/*
 * Touches memory and gives it back. A virtual machine's fresh pages may cost a trip to its host each (13 us
 * seen, 3 ms per MB), which would fall into the first second of a run; freed pages are reused first.
 */
#define _GNU_SOURCE
#include "common.h"

#include <stdio.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096u

void run_warm(const struct options *o)
{
	uint64_t start = now_ns();
	volatile uint8_t *memory =
		mmap(NULL, o->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		fail_errno("warm");
	for (uint64_t i = 0; i < o->bytes; i += PAGE_BYTES)
		memory[i] = 1;
	printf("{\"event\":\"done\",\"seconds\":%.6f}\n", (double)(now_ns() - start) / NS_PER_S);
}
