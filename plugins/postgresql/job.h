/*
 * job.h - work on the server that takes longer than a call.
 *
 * A job continues when the call ends or is killed.  There is at most one at a
 * time, and nothing else changes the server meanwhile; another job fails or
 * waits.
 */
#ifndef JOB_H
#define JOB_H

#include "program.h"

/* Its output goes to the descriptor log. */
typedef bool	(*job_work)(struct failover *, void *arg, int log);

bool	job_start(struct program *, struct failover *, bool queue, job_work,
	    void *arg);
bool	job_running(struct failover *);

#endif
