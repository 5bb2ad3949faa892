/*
 * guards.h - what the parts of the simulator that make up a guard share:
 * guards.c is its life, guard_signals.c and guard_poll.c what it has of its kernel,
 * guard_fakes.c what else its objects rest on, leave_model.c its run of `leave`,
 * guard_client.c its agent's part.
 */
#ifndef GUARDS_H
#define GUARDS_H

#include "sim.h"

/* Its descriptors that no other process has. */
enum { NULL_FD = 3 << 17, TIMER_FD, SIGNAL_FD, PROCESS_FD };

/* The current turn is this one's; NULL: it is an agent's. */
extern struct guard_process	*guard_running;
/* The same of a run of `leave`. */
extern struct leave_process	*leave_running;

/* What its own objects know of it: guard_state.h. */
struct guard	*guard_state(const struct guard_process *);
int64_t		 guard_clock(const struct guard_process *);
/* Of the guards of all nodes, from 0. */
int		 guard_number(const struct guard_process *);
struct guard_process	*guard_numbered(int);

/* One that its agent has started begins, with these two queues. */
void	guard_starts(struct guard_process *);
/* It continues in a moment: something has happened that it may wait for. */
void	guard_wake_up(struct guard_process *);
void	guard_wakes(struct node *, void *guard, int64_t);
/* However it ends, what it has started ends with it. */
void	guard_ends(struct guard_process *);
/* It has done all that there was to do, and waits now. */
void	guard_turn_ends(struct guard_process *);
/* By a fault: it will not continue by itself. */
bool	guard_is_still(const struct guard_process *);

/* guard_signals.c: a signal is sent to it; NULL: none has that number */
void	guard_signal_comes(struct guard_process *, int number, pid_t sender);
struct guard_process	*guard_of_pid(struct node *, pid_t);

/* guard_poll.c: what it waits for is there, or it has waited long enough. */
bool	guard_has_waited(struct guard_process *);

/* guard_fakes.c: the channel to its agent, and its handler */
void	channel_open(struct guard_process *);
void	channel_close(struct guard_process *);	/* by the guard */
void	channel_read(const struct guard_process *);	/* by the agent */
bool	channel_closes(int fd);		/* false: it is no channel */
void	handler_dies(struct guard_process *);

/* leave_model.c: starts it, for the reason as (borrowed); kills it, or none. */
void	leave_starts(struct guard_process *, const char *as,
	    const char *session);
void	leave_dies(struct guard_process *);

/* guard_client.c: there is something to read in that guard's channel */
void	client_hears(struct node *, void *guard, int64_t number);

/* A process runs in a moment; now and then others run first. */
int64_t	turn(void);

#endif
