/*
 * guard_signals.c - the signals of a guard's process, and the others that it
 * knows by their number.
 *
 * ld's --wrap leads all that the daemon's objects ask for through here.  Only
 * what runs as a guard is answered here; the rest is the real system's.
 */

#include "guards.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "child.h"
#include "guard_state.h"

int	__real_signalfd(int, const sigset_t *, int);
int	__wrap_signalfd(int, const sigset_t *, int);
ssize_t	__real_read(int, void *, size_t);
ssize_t	__wrap_read(int, void *, size_t);
int	__real_sigprocmask(int, const sigset_t *, sigset_t *);
int	__wrap_sigprocmask(int, const sigset_t *, sigset_t *);
int	__real_sigaction(int, const struct sigaction *, struct sigaction *);
int	__wrap_sigaction(int, const struct sigaction *, struct sigaction *);
int	__real_prctl(int, ...);
int	__wrap_prctl(int, ...);
int	__real_pidfd_open(pid_t, unsigned);
int	__wrap_pidfd_open(pid_t, unsigned);
int	__real_pidfd_send_signal(int, int, siginfo_t *, unsigned);
int	__wrap_pidfd_send_signal(int, int, siginfo_t *, unsigned);

struct guard_process *
guard_of_pid(struct node *n, pid_t pid)
{
	int	i;

	for (i = 0; i < GUARDS; i++)
		if (n->guards[i].alive && n->guards[i].pid == pid)
			return &n->guards[i];
	return NULL;
}

/*
 * Signals.
 */

static uint32_t
signal_bit(int number)
{
	return UINT32_C(1) << number;
}

static uint32_t
signal_bits(const sigset_t *set)
{
	uint32_t	bits = 0;
	int		i;

	for (i = 1; i < 32; i++)
		if (sigismember(set, i) == 1)
			bits |= signal_bit(i);
	return bits;
}

/* Before its first step it has the mask and the handlers of any program. */
static void
signal_ends(struct guard_process *p, int number)
{
	if (p->begun)
		world_fail("the guard of %s dies of a signal (%s)",
		    p->node->name, strsignal(number));
	guard_kill(p);
}

void
guard_signal_comes(struct guard_process *p, int number, pid_t sender)
{
	struct guard_kernel	*k = &p->kernel;

	if (!p->alive)
		return;
	if (number == SIGKILL) {
		/* It could not end the call of its agent. */
		if (p->hanging > 0)
			p->node->unguarded = true;
		guard_ends(p);
	} else if (number == SIGCONT)
		guard_pause(p, false, true);
	else if ((k->blocked & signal_bit(number)) == 0) {
		if ((k->ignored & signal_bit(number)) == 0 &&
		    number != SIGCHLD)
			signal_ends(p, number);
	} else if ((k->pending & signal_bit(number)) == 0) {
		/* There is one of each: what comes meanwhile is lost. */
		k->pending |= signal_bit(number);
		k->sender = number == SIGUSR1 ? sender : k->sender;
		guard_wake_up(p);
	}
}

int
__wrap_sigaction(int number, const struct sigaction *sa, struct sigaction *old)
{
	struct guard_kernel	*k;

	if (guard_running == NULL)
		return __real_sigaction(number, sa, old);
	k = &guard_running->kernel;
	k->ignored &= ~signal_bit(number);
	if (sa->sa_handler == SIG_IGN)
		k->ignored |= signal_bit(number);
	return 0;
}

int
__wrap_sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	if (guard_running == NULL)
		return __real_sigprocmask(how, set, old);
	guard_running->kernel.blocked |= signal_bits(set);
	return 0;
}

int
__wrap_signalfd(int fd, const sigset_t *set, int flags)
{
	if (guard_running == NULL)
		return __real_signalfd(fd, set, flags);
	guard_running->kernel.read = signal_bits(set);
	return SIGNAL_FD;
}

/* The lowest number first. */
ssize_t
__wrap_read(int fd, void *to, size_t size)
{
	struct signalfd_siginfo	*s = to;
	struct guard_kernel	*k;
	uint32_t		 there;

	if (guard_running == NULL)
		return __real_read(fd, to, size);
	k = &guard_running->kernel;
	there = k->pending & k->read;
	errno = EAGAIN;
	if (fd != SIGNAL_FD || size != sizeof *s || there == 0)
		return -1;
	memset(s, 0, sizeof *s);
	s->ssi_signo = (uint32_t)__builtin_ctz(there);
	s->ssi_pid = s->ssi_signo == SIGUSR1 ? (uint32_t)k->sender : 0;
	k->pending &= ~signal_bit((int)s->ssi_signo);
	return (ssize_t)size;
}

/*
 * Other processes: the guard before.
 */

int
__wrap_prctl(int option, ...)
{
	va_list		ap;
	const char	*name;

	va_start(ap, option);
	name = va_arg(ap, const char *);
	va_end(ap);
	if (guard_running == NULL)
		return __real_prctl(option, name);
	if (option == PR_SET_NAME)
		snprintf(guard_running->kernel.name,
		    sizeof guard_running->kernel.name, "%s", name);
	return 0;
}

bool
child_is_called(pid_t pid, const char *name)
{
	const struct guard_process	*p = guard_of_pid(world.current, pid);

	return p != NULL && strcmp(p->kernel.name, name) == 0;
}

int
__wrap_pidfd_open(pid_t pid, unsigned flags)
{
	if (guard_running == NULL)
		return __real_pidfd_open(pid, flags);
	errno = ESRCH;
	if (guard_of_pid(guard_running->node, pid) == NULL)
		return -1;
	guard_running->kernel.awaited = pid;
	return PROCESS_FD;
}

/* What it is at may take its time, and is cut short neither by its own guard nor
 * by the next one. */
static void
see_killed(const struct guard_process *p)
{
	const struct guard	*g = guard_state(p);

	if ((g->doing == DEMOTING || g->doing == LEAVING) &&
	    guard_clock(p) < g->deadline_ms)
		world_fail("the guard of %s is killed by the next one while it "
		    "%s", p->node->name, g->doing == DEMOTING ? "demotes" :
		    "leaves");
}

int
__wrap_pidfd_send_signal(int fd, int number, siginfo_t *info, unsigned flags)
{
	struct guard_process	*p;

	if (guard_running == NULL)
		return __real_pidfd_send_signal(fd, number, info, flags);
	p = guard_of_pid(guard_running->node, guard_running->kernel.awaited);
	errno = ESRCH;
	if (p == NULL)
		return -1;
	p->asked = p->asked || number == SIGUSR1;
	if (number == SIGKILL)
		see_killed(p);
	guard_signal_comes(p, number, guard_running->pid);
	return 0;
}
