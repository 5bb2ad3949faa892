/*
 * fuzz/guard_main.c - the guard program: what an agent, its own handler and the
 * file of the guard before may say to it.
 *
 * An input is that file's line, two COUNTED messages (a length of two bytes,
 * and so many), the agent's SETUP and START, and a list of steps:
 *
 *	m COUNTED	the agent says that
 *	h COUNTED	the guard's handler says that
 *	e BYTE		the handler ends so
 *	a		the agent is gone
 *	s		another guard wants to take over
 *	t BYTE BYTE	so many ms pass
 */
#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>

int		guard_main(int, char **);	/* not run here */
_Noreturn void	guard_exit(int);

/* Ours end the run; and its version is one that inputs can know. */
#define main	guard_main
#define _exit	guard_exit
#undef VERSION
#define VERSION	"1"
/* A main may end without a word. */
#pragma clang diagnostic ignored "-Wreturn-type"
#include "../../daemon/guard/guard_agent.c"
#include "../../daemon/guard/guard_demote.c"
#include "../../daemon/guard/guard_file.c"
#include "../../daemon/guard/guard_leave.c"
#include "../../daemon/guard/guard_loop.c"
#include "../../daemon/guard/guard_main.c"
#include "../../daemon/guard/guard_record.c"
#include "../../daemon/guard/guard_role.c"
#include "../../daemon/guard/guard_tell.c"
#include "../../daemon/guard/guard_turn.c"
#undef main
#undef _exit

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include "fake_child.h"

static jmp_buf	 ended;
static int64_t	 now;
static int	 agent = -1;		/* its end of the channel */

void
guard_exit(int status)
{
	longjmp(ended, 1 + status);
}

int64_t
clock_ms(void)
{
	return now;
}

static void
child_begin(void)
{
}

/* As guard_agent_set_up does, but for what belongs to a process. */
static bool
begin(struct guard *g, struct fuzz *f)
{
	size_t		 length;
	const uint8_t	*message;
	char		*line = fuzz_until(f, "\n");
	bool		 good;
	int		 i;

	lease_init(&g->lease, 0, 0);
	g->clean_at_ms = INT64_MAX;
	g->agent = true;
	g->role = g->role_fd = g->handler = g->handler_channel = -1;
	g->null = STDERR_FILENO;
	g->left = g->fence = g->killed = -1;
	if (line != NULL)
		FUZZ_MUST(pwrite(g->file, line, strlen(line), 0) >= 0);
	free(line);
	for (i = 0; i < 2; i++) {
		message = fuzz_counted(f, &length);
		send(agent, message, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	good = wire_receive(CHANNEL, &g->setup, MSG_DONTWAIT) == 1 &&
	    guard_read_setup(g) &&
	    wire_receive(CHANNEL, &g->start, MSG_DONTWAIT) == 1 &&
	    wire_type(&g->start) == WIRE_START;
	/* Later ones are copied there: it is memory again. */
	ASAN_UNPOISON_MEMORY_REGION(g->setup.bytes, WIRE_MAX);
	ASAN_UNPOISON_MEMORY_REGION(g->start.bytes, WIRE_MAX);
	return good;
}

static void
step(struct guard *g, struct fuzz *f)
{
	const uint8_t	*bytes;
	size_t		 length;

	switch (fuzz_byte(f)) {
	case 'm':
		bytes = fuzz_counted(f, &length);
		if (agent != -1)
			send(agent, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (g->agent && length > 0)
			guard_agent_read(g);
		break;
	case 'h':
		bytes = fuzz_counted(f, &length);
		if (child_channel != -1)
			send(child_channel, bytes, length,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (g->handler_channel != -1)
			guard_demote_read(g);
		break;
	case 'e':
		child_status = fuzz_byte(f);
		child_hang_up();
		if (g->handler_channel != -1)
			guard_demote_read(g);
		break;
	case 'a':
		if (agent != -1)
			close(agent);
		agent = -1;
		if (g->agent)
			guard_agent_read(g);
		break;
	case 's':
		g->handing_over = true;
		break;
	case 't':
		now += fuzz_byte(f);
		now += fuzz_byte(f) << 8;
		break;
	}
}

/* All of a guard's life, until it ends itself. */
static void
live(struct guard *g, struct fuzz *f)
{
	char	 answer[4096];

	if (setjmp(ended) != 0)
		return;
	if (!begin(g, f))
		return;
	guard_turn_begin(g);
	while (f->left > 0) {
		step(g, f);
		guard_tick(g);
		/* Nobody holds a lease that is over. */
		FUZZ_MUST(g->doing != WATCHING || g->lease.until == 0 ||
		    now - LEASE_SLACK_MS < g->lease.until);
		guard_hand_over(g);
		while (agent != -1 && recv(agent, answer, sizeof(answer),
		    MSG_DONTWAIT) > 0)
			continue;
	}
}

/* No other file may get the channel's number. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	FUZZ_MUST(dup2(STDERR_FILENO, CHANNEL) == CHANNEL);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct guard	 g;
	struct fuzz		 f = { bytes, length };
	int			 pair[2];

	/* Not the 64 KiB of each message. */
	memset(&g, 0, offsetof(struct guard, setup));
	now = 1000000;
	child_status = 0;
	child_hangs = false;
	FUZZ_MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
	    pair) == 0);
	FUZZ_MUST(dup2(pair[1], CHANNEL) == CHANNEL && close(pair[1]) == 0);
	agent = pair[0];
	FUZZ_MUST((g.file = memfd_create("guard", MFD_CLOEXEC)) != -1);
	live(&g, &f);
	if (g.handler_channel > CHANNEL)
		close(g.handler_channel);
	if (agent != -1)
		close(agent);
	if (g.role_fd > CHANNEL)
		close(g.role_fd);
	close(g.file);
	child_hang_up();
	return 0;
}
