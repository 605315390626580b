#define _GNU_SOURCE
#include "spinner.h"

#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MAX_SPINNERS 64
#define SPINS_PER_LOOK 100000000u

static pid_t spinners[MAX_SPINNERS];
static int count;

static _Noreturn void spin(int cpu, pid_t parent)
{
	struct sched_param idle = { 0 };
	cpu_set_t set;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "wan-spinner");
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setscheduler(0, SCHED_IDLE, &idle) < 0 || sched_setaffinity(0, sizeof set, &set) < 0)
		_exit(1);
	for (int fd = 0; fd < 64; fd++)
		close(fd);
	raise(SIGSTOP);
	while (getppid() == parent)
		for (volatile uint32_t i = 0; i < SPINS_PER_LOOK; i++)
			;
	_exit(0);
}

int spinner_start(void)
{
	cpu_set_t allowed;
	pid_t parent = getpid();
	if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
		return 0;
	for (int cpu = 0; cpu < CPU_SETSIZE && count < MAX_SPINNERS; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		pid_t child = fork();
		if (child == 0)
			spin(cpu, parent);
		if (child > 0)
			spinners[count++] = child;
	}
	return count;
}

void spinner_run(bool on)
{
	for (int i = 0; i < count; i++)
		kill(spinners[i], on ? SIGCONT : SIGSTOP);
}
