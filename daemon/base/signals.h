/* signals.h - what may be sent to our processes that must not end them. */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <signal.h>
#include <stddef.h>

/* For each of them: SIG_IGN, or a function, which a program that is run by this
 * one does not inherit. */
static inline void
signals_set(const int *numbers, size_t count, void (*handler)(int))
{
	struct sigaction	sa = { .sa_handler = handler,
				    .sa_flags = SA_RESTART };
	size_t			i;

	for (i = 0; i < count; i++)
		sigaction(numbers[i], &sa, NULL);
}

/* A log rotation or an operator may send them, and they mean nothing to us. */
static inline void
signals_without_meaning(void (*handler)(int))
{
	signals_set((const int[]){ SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM,
	    SIGPROF, SIGIO, SIGPWR }, 7, handler);
}

/* And those that the agent alone heeds: who signals "all of it" wants the agent
 * to act, and it needs its helpers for a demotion. */
static inline void
signals_for_the_agent(void (*handler)(int))
{
	signals_set((const int[]){ SIGTERM, SIGINT, SIGHUP, SIGQUIT }, 4,
	    handler);
	signals_without_meaning(handler);
}

#endif
