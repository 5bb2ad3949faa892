/*
 * handler_process.h - the process that a handler's calls run in: its start, its
 * end, its output, and earlier ones that have been killed but have not ended.
 */
#ifndef HANDLER_PROCESS_H
#define HANDLER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <event2/event.h>

#include "error.h"
#include "handler_talk.h"

/* From the end of the channel to that of the process; takes microseconds. */
#define HANDLER_END_MOMENT	10	/* ms */

/* A process that hangs in the kernel (a dead NFS) outlives its SIGKILL.  Do not
 * add one with each call; but ensure_demoted may use more of them than
 * others. */
#define HANDLER_DYING_MAX	8
#define HANDLER_DYING_TOO_MANY	4

struct handler_process {
	struct event_base	*base;
	struct handler_talk	*talk;
	event_callback_fn	 channel_cb;
	void			*channel_arg;
	void			(*told_cb)(pid_t, void *);	/* or NULL */
	void			*told_arg;

	/* -1 and NULL if none runs. */
	pid_t			 pid;
	int			 channel;
	struct event		*channel_event;
	int			 output;	/* its output */
	struct event		*output_event;

	pid_t			 dying[HANDLER_DYING_MAX];
	size_t			 dying_count;
	struct event		*reap;
};

/* Starts none yet.  Borrows all; the struct is zero.  The callback reads the
 * channel of each process. */
void	handler_process_begin(struct handler_process *, struct event_base *,
	    struct handler_talk *, event_callback_fn channel_cb, void *arg);
/* Waits for killed ones, until that time at most. */
void	handler_process_end(struct handler_process *, int64_t until_ms);

/* Starts one with the plugin of talk.  False if dying_max (HANDLER_DYING_MAX at
 * most) killed ones have not ended yet, or if it can't be started. */
bool	handler_process_start(struct handler_process *, size_t dying_max,
	    struct error *) CHECKED;
/* Kills the process group; returns at once. */
void	handler_process_bury(struct handler_process *);

#endif
