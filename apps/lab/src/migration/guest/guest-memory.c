/*
 * guest-memory DEVICE FILLED_MIB REWRITTEN_MIB BYTES_PER_SECOND PORT
 *
 * The memory of a busy guest. Fills FILLED_MIB from the device, then keeps rewriting an area of REWRITTEN_MIB page after
 * page at the given rate. Goes into the background once both are filled. Whoever connects to PORT over HTTP has all of it
 * compared with what it must hold, and gets the outcome as JSON.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define MIB (1UL << 20)
#define TICK_MS 10
/* After a pause so much is made up for at most: a guest that was stopped does not start again with a burst. */
#define MOST_OWED_SECONDS 0.1
/* Steps between the pages that are copied; a prime, so that all of the filled memory gets its turn. */
#define STRIDE 7919UL

struct memory {
    int device;
    char *filled;
    char *rewritten;
    size_t filled_pages;
    size_t rewritten_pages;
    uint64_t steps; /* pages rewritten so far */
};

static void die(const char *what)
{
    fprintf(stderr, "guest-memory: %s: %s\n", what, strerror(errno));
    exit(1);
}

static char *reserve(size_t bytes)
{
    char *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED)
        die("mmap");
    return area;
}

/* Past the page cache, which would keep a second copy in memory. */
static void read_device(int device, char *target, off_t from)
{
    for (size_t done = 0; done < MIB;) {
        ssize_t got = pread(device, target + done, MIB - done, from + (off_t)done);
        if (got <= 0)
            die("the device is too short or cannot be read");
        done += (size_t)got;
    }
}

static void fill(struct memory *m)
{
    for (size_t at = 0; at < m->filled_pages * PAGE; at += MIB)
        read_device(m->device, m->filled + at, (off_t)at);
}

/* What step s writes: a page of the filled memory, stamped with s. */
static void page_of_step(const struct memory *m, uint64_t step, char *page)
{
    memcpy(page, m->filled + (step * STRIDE % m->filled_pages) * PAGE, PAGE);
    memcpy(page, &step, sizeof step);
}

static void rewrite_page(struct memory *m)
{
    page_of_step(m, m->steps, m->rewritten + (m->steps % m->rewritten_pages) * PAGE);
    m->steps++;
}

static size_t wrong_filled_bytes(const struct memory *m)
{
    size_t wrong = 0;
    char *expected = reserve(MIB);
    for (size_t at = 0; at < m->filled_pages * PAGE; at += MIB) {
        read_device(m->device, expected, (off_t)at);
        for (size_t page = 0; page < MIB; page += PAGE)
            if (memcmp(expected + page, m->filled + at + page, PAGE) != 0)
                wrong += PAGE;
    }
    munmap(expected, MIB);
    return wrong;
}

static size_t wrong_rewritten_bytes(const struct memory *m)
{
    size_t wrong = 0;
    char expected[PAGE];
    for (uint64_t step = m->steps - m->rewritten_pages; step < m->steps; step++) {
        page_of_step(m, step, expected);
        if (memcmp(expected, m->rewritten + (step % m->rewritten_pages) * PAGE, PAGE) != 0)
            wrong += PAGE;
    }
    return wrong;
}

static void answer(const struct memory *m, int client)
{
    char request[1024], body[256], reply[512];
    if (read(client, request, sizeof request) > 0) {
        size_t wrong = wrong_filled_bytes(m) + wrong_rewritten_bytes(m);
        snprintf(body, sizeof body,
                 "{\"filledBytes\":%zu,\"rewrittenBytes\":%zu,\"pagesRewritten\":%llu,\"wrongBytes\":%zu}\n",
                 m->filled_pages * PAGE, m->rewritten_pages * PAGE, (unsigned long long)m->steps, wrong);
        int length = snprintf(reply, sizeof reply,
                              "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                              strlen(body), body);
        if (write(client, reply, (size_t)length) < 0)
            perror("guest-memory: write");
    }
    close(client);
}

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 8) < 0)
        die("listen");
    return listener;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void serve(struct memory *m, int listener, double pages_per_second)
{
    double owed = 0, before = now();
    for (;;) {
        struct pollfd waiting = {.fd = listener, .events = POLLIN};
        if (poll(&waiting, 1, TICK_MS) > 0)
            answer(m, accept(listener, NULL, NULL));
        double time = now();
        double elapsed = time - before;
        before = time;
        owed += pages_per_second * (elapsed < MOST_OWED_SECONDS ? elapsed : MOST_OWED_SECONDS);
        for (; owed >= 1; owed--)
            rewrite_page(m);
    }
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: guest-memory DEVICE FILLED_MIB REWRITTEN_MIB BYTES_PER_SECOND PORT\n");
        return 2;
    }
    struct memory m = {
        .device = open(argv[1], O_RDONLY | O_DIRECT),
        .filled_pages = strtoul(argv[2], NULL, 10) * (MIB / PAGE),
        .rewritten_pages = strtoul(argv[3], NULL, 10) * (MIB / PAGE),
    };
    if (m.device < 0)
        die(argv[1]);
    m.filled = reserve(m.filled_pages * PAGE);
    m.rewritten = reserve(m.rewritten_pages * PAGE);
    fill(&m);
    while (m.steps < m.rewritten_pages)
        rewrite_page(&m);
    int listener = listen_on(atoi(argv[5]));
    if (daemon(0, 1) < 0)
        die("daemon");
    serve(&m, listener, strtod(argv[4], NULL) / PAGE);
    return 0;
}
