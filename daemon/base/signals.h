/* signals.h - signals that must not end our processes. */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <signal.h>
#include <stddef.h>

/* The handler for each of them: SIG_IGN, or a function, which a program run by
 * this one does not inherit. */
static inline void
signals_set(const int *numbers, size_t count, void (*handler)(int))
{
	struct sigaction	sa = { .sa_handler = handler,
				    .sa_flags = SA_RESTART };
	size_t			i;

	for (i = 0; i < count; i++)
		sigaction(numbers[i], &sa, NULL);
}

/* A log rotation or an operator may send these; they have no effect here. */
static inline void
signals_without_meaning(void (*handler)(int))
{
	signals_set((const int[]){ SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM,
	    SIGPROF, SIGIO, SIGPWR }, 7, handler);
}

/* And those that only the agent acts on: a signal to the whole group is meant
 * for the agent, which needs its helpers for a demotion. */
static inline void
signals_for_the_agent(void (*handler)(int))
{
	signals_set((const int[]){ SIGTERM, SIGINT, SIGHUP, SIGQUIT }, 4,
	    handler);
	signals_without_meaning(handler);
}

#endif
