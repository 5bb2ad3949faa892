/* guard_faults.c - what goes wrong with the guards: see faults.c. */

#include "faults.h"

#include <signal.h>

#include "guards.h"
#include "host_files.h"

/* Our agent's, or the one that an agent has left. */
static struct guard_process *
guard_of(const struct node *n)
{
	return n->guard != NULL ? n->guard : n->file_owner;
}

/* What a fault begins with: NULL, there is none that lives. */
static struct guard_process *
hold(struct fault *f)
{
	f->guard = guard_of(f->node);
	f->guard_number = f->guard == NULL ? 0 : f->guard->number;
	return f->guard != NULL && f->guard->alive ? f->guard : NULL;
}

/* And ends with, if that is still the same process; NULL. */
static struct guard_process *
held(const struct fault *f)
{
	return f->guard != NULL && f->guard->number == f->guard_number &&
	    f->guard->alive ? f->guard : NULL;
}

void
guard_dies(struct fault *f)
{
	if (f->node->suspended == 0)
		guard_kill(guard_of(f->node));
}

void
guard_freezes(struct fault *f)
{
	struct guard_process	*p = hold(f);

	if (p != NULL)
		guard_pause(p, true, false);
}

/* Another guard may have woken it, to take its place. */
void
guard_thaws(struct fault *f)
{
	struct guard_process	*p = held(f);

	if (p != NULL && p->stopped > 0)
		guard_pause(p, false, false);
}

void
guard_prevented(struct fault *f)
{
	f->node->no_guard++;
	guard_dies(f);
}

void
guard_allowed(struct fault *f)
{
	f->node->no_guard--;
}

void
guard_hangs(struct fault *f)
{
	struct guard_process	*p = hold(f);

	if (p != NULL)
		guard_hang(p, true);
}

void
guard_goes_on(struct fault *f)
{
	struct guard_process	*p = held(f);

	if (p != NULL)
		guard_hang(p, false);
}

/*
 * Signals that are not meant for it.
 */

static void
guards_hear(struct node *n, int number, pid_t sender)
{
	int	i;

	for (i = 0; i < GUARDS; i++)
		guard_signal_comes(&n->guards[i], number, sender);
}

void
guard_is_rotated(struct fault *f)
{
	if (f->node->suspended == 0)
		guards_hear(f->node, SIGUSR1, host_new_pid());
}

void
guards_are_told(struct node *n)
{
	guards_hear(n, SIGTERM, 1);
}
