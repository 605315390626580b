/*
 * One SCHED_IDLE process per CPU that never sleeps. A halted CPU of a virtual machine is woken by its host
 * milliseconds late; a CPU that spins at idle priority takes a timer at once and yields to anybody.
 */
#ifndef WAN_SPINNER_H
#define WAN_SPINNER_H

#include <stdbool.h>

/* Forks the spinners, stopped. They die with this process. Returns how many there are. */
int spinner_start(void);

void spinner_run(bool on);

#endif
