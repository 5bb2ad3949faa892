/* faults.h - what the parts of faults.c share. */
#ifndef FAULTS_H
#define FAULTS_H

#include "sim.h"

struct fault;

struct fault_kind {
	const char	*name;
	void		(*begin)(struct fault *);
	void		(*end)(struct fault *);
	int64_t		 shortest, longest;	/* ms; see OR_NEVER */
	size_t		 one, two;	/* counters of a node; 0 for none */
	enum { A_NODE, ALL, ONLY_DATA } disturbs;
};

struct fault {
	const struct fault_kind	*kind;
	struct node		*node;
	bool		 extra, idle;	/* what begin() leaves to end() */
	uint32_t	 life;		/* of the agent that it stops */
	struct guard_process	*guard;	/* and of the guard */
	int64_t		 guard_number;
	int		 when;		/* a moment; MOMENT_NEVER: … */
	int64_t		 at, lasts;	/* … at this time */
};

/* guard_faults.c; the others are in faults.c */
void	guard_dies(struct fault *);
void	guard_freezes(struct fault *);		/* SIGSTOP */
void	guard_thaws(struct fault *);
void	guard_hangs(struct fault *);		/* SIGCONT does not end that */
void	guard_goes_on(struct fault *);
void	guard_prevented(struct fault *);	/* from starting */
void	guard_allowed(struct fault *);
void	guard_is_rotated(struct fault *);	/* SIGUSR1 of a log rotation */
void	guards_are_told(struct node *);	/* SIGTERM, as their agent */

#endif
