/*
 * The control channel: one command per line on stdin, one JSON object per line on stdout in reply.
 *
 *   link a2b|b2a|both KEY=VALUE...   rate_bps delay_us jitter_us jitter_model=wander|independent
 *                                    queue_bytes loss duplicate (probabilities) down (0 or 1)
 *   seed N                           starts the random streams again
 *   stats                            statistics of both directions since the last reset
 *   reset                            statistics to zero
 *   flush                            drops all that is queued and in flight
 *   spin on|off                      the spinners
 *
 * A command is taken whole or not at all. End of input ends the program.
 */
#ifndef WAN_CONTROL_H
#define WAN_CONTROL_H

#include "link.h"

#include <stdbool.h>

enum { A_TO_B, B_TO_A, DIRECTIONS };

/* Reads and answers what has come; false at end of input. */
bool control_read(struct link links[DIRECTIONS]);

#endif
