/*
 * guard_fakes.c - what the objects of a guard and of its agent's guard.c rest
 * on: processes (child.h), the sockets of wire.h, guard_file.h and guard_role.h.
 *
 * Most of the planted bugs of the guard are here.
 */

#include "guards.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "child.h"
#include "guard_file.h"
#include "guard_leave.h"
#include "guard_role.h"
#include "guard_state.h"
#include "host_files.h"
#include "image.h"
#include "log.h"

/* Descriptors that only the simulator knows, of the n-th guard: what a new
 * process gets, its agent's end of the channel, and its own to its handler. */
#define CHILD_FD	(1 << 18)
#define AGENT_FD	(1 << 19)
#define HANDLER_FD	(1 << 20)

#define PACKET_MAX	512
#define QUEUE_ROOM	256

struct packet {
	size_t		 length;
	int64_t		 sent;		/* for a bug only */
	unsigned char	 bytes[PACKET_MAX];
};

void
log_open(const char *service, enum log_format format, bool debug)
{
	(void)service, (void)format, (void)debug;
}

/*
 * Messages: a queue for each way, which outlives the one who filled it.
 */

static bool
put(struct queue *q, const struct wire *w, int64_t now)
{
	struct packet	*p = &q->list[(q->first + q->count) % QUEUE_ROOM];

	if (w->broken || w->length > PACKET_MAX) {
		world_fail("a message is too long for the simulator");
		return false;
	}
	/* Full: who sends does not wait. */
	if (q->count == QUEUE_ROOM)
		return false;
	p->sent = now;
	p->length = w->length;
	memcpy(p->bytes, w->bytes, w->length);
	q->count++;
	return true;
}

static int
take(struct queue *q, struct wire *w, int64_t *sent)
{
	const struct packet	*p = &q->list[q->first];

	errno = EAGAIN;
	w->at = w->length = 0;
	w->broken = q->count == 0;
	if (q->count == 0)
		return q->closed ? 0 : -1;
	memcpy(w->bytes, p->bytes, p->length);
	w->length = p->length;
	*sent = p->sent;
	q->first = (q->first + 1) % QUEUE_ROOM;
	q->count--;
	return 1;
}

void
channel_open(struct guard_process *p)
{
	static struct packet	rooms[NODES_MAX * GUARDS][2][QUEUE_ROOM];

	p->in = (struct queue){ .list = rooms[guard_number(p)][0] };
	p->out = (struct queue){ .list = rooms[guard_number(p)][1] };
}

static void
agent_can_read(struct guard_process *p)
{
	world_in(turn(), OF_AGENT, p->node, client_hears, p, p->number,
	    &p->node->life);
}

void
channel_close(struct guard_process *p)
{
	p->out.closed = true;
	if (p->node->guard == p)
		agent_can_read(p);
}

void
channel_read(const struct guard_process *p)
{
	world_readable(AGENT_FD + guard_number(p));
}

static bool
agent_sends(struct guard_process *p, const struct wire *w)
{
	if (!p->alive || !put(&p->in, w, node_clock(p->node)))
		return false;
	if (p->begun)
		guard_wake_up(p);
	return true;
}

/*
 * For a bug only: a lease counts from when it is read.  To its agent the guard
 * names it as the agent has named it.
 */

static void
shift_number(unsigned char *bytes, int number, int64_t by)
{
	unsigned char	*at = bytes + 1 + number * (int)sizeof by;
	int64_t		 value;

	memcpy(&value, at, sizeof value);
	value += by;
	memcpy(at, &value, sizeof value);
}

static void
trust_word(struct guard_process *p, struct wire *w, int64_t sent)
{
	if (w->bytes[0] != WIRE_LEASE)
		return;
	p->mistaken = guard_clock(p) - sent;
	shift_number(w->bytes, 0, p->mistaken);
	shift_number(w->bytes, 1, p->mistaken);
}

static bool
guard_sends(struct guard_process *p, const struct wire *w)
{
	struct queue	*q = &p->out;

	if (p->node->guard != p || !put(q, w, 0))
		return false;
	if (p->mistaken != 0)
		shift_number(q->list[(q->first + q->count - 1) %
		    QUEUE_ROOM].bytes, 1, -p->mistaken);
	agent_can_read(p);
	return true;
}

/*
 * The guard's handler.
 */

static void
handler_done(struct node *n, void *arg, int64_t result)
{
	struct guard_process	*p = arg;

	if (result == CORE_RESULT_DONE)
		act(n, false);
	p->answered = true;
	p->result = (enum core_result)result;
	guard_wake_up(p);
}

static void
handler_calls(struct guard_process *p)
{
	struct node		*n = p->node;
	enum core_result	 result;
	int64_t			 takes;

	n->asked = true;
	takes = node_call_chance(n, CORE_OP_ENSURE_DEMOTED, &result);
	say(n, "guard: calls ensure_demoted");
	if (takes >= 0)
		world_in(node_delay(n, takes), OF_HOST, n, handler_done, p,
		    result, &p->call_stamp);
}

void
handler_dies(struct guard_process *p)
{
	p->call_stamp++;
	p->answered = false;
}

static int
handler_tells(struct guard_process *p, struct wire *w)
{
	errno = EAGAIN;
	if (!p->answered)
		return -1;
	p->answered = false;
	wire_begin(w, WIRE_RESULT);
	wire_put_number(w, p->result);
	wire_put_string(w, p->result == CORE_RESULT_DONE ? "so it is" :
	    p->result == CORE_RESULT_FAILED ? "it failed" : "again");
	return 1;
}

/*
 * wire.h
 */

bool
wire_pair(int channel[2], struct error *err)
{
	struct node	*n = world.current;
	int		 i = 0;

	if (guard_running == NULL) {
		while (i < GUARDS && n->guards[i].alive)
			i++;
		if (i == GUARDS)
			return error_set(err, "too many guards");
		channel[0] = AGENT_FD + n->id * GUARDS + i;
	} else
		channel[0] = HANDLER_FD + guard_number(guard_running);
	channel[1] = CHILD_FD + n->id * GUARDS + i;
	return true;
}

/* A guard's, to its handler. */
bool
wire_send(int fd, const struct wire *w)
{
	(void)fd;
	if (w->bytes[0] == WIRE_CALL)
		handler_calls(guard_running);
	return true;
}

bool
wire_offer(int fd, const struct wire *w)
{
	return guard_running != NULL ? guard_sends(guard_running, w) :
	    agent_sends(guard_numbered(fd - AGENT_FD), w);
}

/* An agent's, with the set-up. */
bool
wire_send_files(int fd, const struct wire *w, const int files[WIRE_FILES],
    int flags)
{
	(void)files, (void)flags;
	return wire_offer(fd, w);
}

int
wire_receive(int fd, struct wire *w, int flags)
{
	struct guard_process	*p = guard_running;
	int64_t			 sent;
	int			 got;

	if (p == NULL)
		return take(&guard_numbered(fd - AGENT_FD)->out, w, &sent);
	if (fd != CHANNEL)
		return handler_tells(p, w);
	if ((flags & MSG_DONTWAIT) == 0)
		poll(&(struct pollfd){ .fd = CHANNEL, .events = POLLIN }, 1,
		    -1);
	got = take(&p->in, w, &sent);
	if (got == 1 && world.bug == BUG_GUARD_TRUSTS_WORD)
		trust_word(p, w, sent);
	return got;
}

int
wire_receive_files(int fd, struct wire *w, int files[WIRE_FILES], int flags)
{
	int	i, got = wire_receive(fd, w, flags);

	for (i = 0; i < WIRE_FILES; i++)
		files[i] = got == 1 && w->bytes[0] == WIRE_SETUP ?
		    CHILD_FD : -1;
	return got;
}

int
image_move(int fd)
{
	return fd;
}

/* An agent's end of a channel closes; in all else that is ours nothing does. */
bool
channel_closes(int fd)
{
	struct guard_process	*p;

	if (fd < AGENT_FD || fd >= HANDLER_FD)
		return fd >= CHILD_FD || guard_running != NULL;
	p = guard_numbered(fd - AGENT_FD);
	if (p->node == NULL || p->node->guard != p)
		return true;
	p->node->guard = NULL;
	p->in.closed = true;
	if (p->alive)
		guard_wake_up(p);
	return true;
}

/*
 * guard_file.h and guard_role.h
 */

void	__real_guard_file_save(struct guard *);
void	__wrap_guard_file_save(struct guard *);

/* What the invariants must know of it. */
void
__wrap_guard_file_save(struct guard *g)
{
	__real_guard_file_save(g);
	guard_running->node->lease_until = g->lease.until;
}

void
guard_role_take(struct guard *g, pid_t role)
{
	g->role = role;
}

void
guard_role_stop(struct guard *g)
{
	if (g->role > 0 && world.bug != BUG_GUARD_SPARES_CALL)
		node_kill_role(guard_running->node, (uint32_t)g->role);
	guard_role_take(g, -1);
	/* It fires just now. */
	if (world.bug == BUG_GUARD_RELEASES_FIRST && g->doing == WATCHING &&
	    g->lease.fired)
		guard_leave(g, "released");
}

/*
 * child.h: an agent starts a guard; a guard its handler, on_fence_failure and
 * `leave`.
 */

static void
application_fenced(struct node *n, void *arg, int64_t number)
{
	struct guard_process	*p = arg;

	say(n, "on_fence_failure kills it");
	application_dies(n);
	world_in(between(SEC, 10 * SEC), OF_WORLD, n, application_repaired,
	    NULL, 0, NULL);
	if (!p->alive || p->number != number)
		return;
	p->fenced = true;
	guard_signal_comes(p, SIGCHLD, 0);
}

static void
guard_spawns(struct guard_process *p, pid_t pid, char *const argv[])
{
	const struct guard	*g = guard_state(p);

	if (argv == g->leave) {
		p->leave.pid = pid;
		leave_starts(p, argv[g->leave_words + 1],
		    argv[g->leave_words + 2]);
		if (g->doing != FAILED)
			faults_moment(p->node, MOMENT_OF_LEAVING);
	} else if (strcmp(argv[0], "/bin/sh") == 0)
		world_in(between(MS, 200 * MS), OF_HOST, p->node,
		    application_fenced, p, p->number, NULL);
}

bool
child_spawn(pid_t *pid, char *const argv[], enum child_trust trust,
    const struct child_files *files, struct error *err)
{
	struct guard_process	*p;

	(void)trust;
	*pid = host_new_pid();
	if (guard_running != NULL) {
		guard_spawns(guard_running, *pid, argv);
		return true;
	}
	if (world.current->no_guard > 0)
		return error_set(err, "no process can be started");
	p = guard_numbered(files->channel - CHILD_FD);
	guard_starts(p);
	p->pid = *pid;
	return true;
}

void
child_kill(pid_t pid)
{
	struct guard_process	*p = guard_running;
	int			 i;

	if (p != NULL && pid == guard_state(p)->handler)
		handler_dies(p);
	if (p != NULL && pid == guard_state(p)->left)
		leave_dies(p);
	for (i = 0; p == NULL && i < GUARDS; i++)
		if (world.current->guards[i].pid == pid)
			guard_kill(&world.current->guards[i]);
}

bool
child_ended(pid_t pid, int64_t limit, int *status)
{
	const struct guard_process	*p = guard_running;

	(void)limit;
	*status = 0;
	return p == NULL || (p->left && pid == guard_state(p)->left) ||
	    (p->fenced && pid == guard_state(p)->fence);
}

bool
child_reap(pid_t pid)
{
	struct guard_process	*p = guard_running;

	if (p != NULL && pid == guard_state(p)->left)
		p->left = false;
	if (p != NULL && pid == guard_state(p)->fence)
		p->fenced = false;
	return true;
}

void
child_describe_end(char *text, size_t size, int status)
{
	snprintf(text, size, "status %d", status);
}
