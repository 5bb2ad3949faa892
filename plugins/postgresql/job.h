/*
 * job.h - work on the server that takes longer than a call.
 *
 * A job goes on when the call ends or is killed.  There is at most one at a
 * time, and it has the server for itself; another one fails or queues.
 */
#ifndef JOB_H
#define JOB_H

#include "program.h"

/* What it prints goes to the descriptor log. */
typedef bool	(*job_work)(struct failover *, void *arg, int log);

bool	job_start(struct program *, struct failover *, bool queue, job_work,
	    void *arg);
bool	job_running(struct failover *);

#endif
