/*
 * fuzz/handler_main.c - the handler program, and what an agent may send to it.
 *
 * An input is a list of messages, each a length of two bytes and so many.  The
 * plugin is one of ours that reads all that it is given.
 */
int	handler_main(int, char **);	/* not run here */

#define main	handler_main
#include "../../daemon/handler/handler_main.c"
#include "../../daemon/handler/run.c"
#undef main

#include <sys/socket.h>

#include "fuzz.h"

#define FUNCTION(name)	((void (*)(void))(name))

static enum failover_result
look(struct failover *f)
{
	fuzz_read(f->service);
	fuzz_read(f->node);
	fuzz_read(f->reason);
	fuzz_read(f->master_host);
	fuzz_read(f->previous_host);
	fuzz_read(f->target);
	if (f->option(f, "flag") != NULL)
		fuzz_read(f->option(f, "flag"));
	f->number(f, "limit");
	FUZZ_MUST(f->time_left(f) >= 0);
	f->log(f, FAILOVER_INFO, "%s %s", f->node, f->reason);
	return f->say(f, (enum failover_result)(f->epoch % 4), "%s", f->reason);
}

static enum failover_result
look_slave(struct failover *f, const char *master)
{
	fuzz_read(master);
	return look(f);
}

static enum failover_result
look_position(struct failover *f, char *text, size_t size)
{
	memset(text, 'x', size);	/* a plugin that forgets the NUL */
	return look(f);
}

static int64_t
look_behind(struct failover *f, const char *text)
{
	fuzz_read(text);
	return look(f);
}

static int
look_watch(struct failover *f)
{
	look(f);
	return -1;
}

static void
look_stop(struct failover *f)
{
	look(f);
}

/* For that main. */
bool
plugin_load(struct plugin *p, const char *path, int fd, struct error *err)
{
	(void)p, (void)path, (void)fd;
	return error_set(err, "none");
}

bool
plugin_find_near(const struct plugin *p, char *text, size_t size)
{
	(void)p, (void)text, (void)size;
	return false;
}

const char *
plugin_function(const struct plugin *p, size_t i)
{
	(void)p, (void)i;
	return NULL;
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
	static struct run	 r;
	struct fuzz		 f = { bytes, length };
	const uint8_t		*message;
	int			 pair[2];

	/* Not the 64 KiB of each message. */
	free(r.options);
	memset(&r, 0, offsetof(struct run, start));
	r.f = (struct failover){ .size = sizeof(r.f), .option = run_option,
	    .number = run_number, .time_left = run_time_left, .say = run_say,
	    .log = run_log };
	r.plugin = (struct plugin){ .functions = {
	    [OPERATION_HEALTH] = FUNCTION(look),
	    [OPERATION_ENSURE_MASTER] = FUNCTION(look),
	    [OPERATION_ENSURE_SLAVE] = FUNCTION(look_slave),
	    [OPERATION_ENSURE_DEMOTED] = FUNCTION(look),
	    [OPERATION_POSITION] = FUNCTION(look_position),
	    [OPERATION_HAS_POSITION] = FUNCTION(look_slave),
	    [OPERATION_BEHIND] = FUNCTION(look_behind),
	    [OPERATION_WATCH_FD] = FUNCTION(look_watch),
	    [OPERATION_PLUGIN_START] = FUNCTION(look),
	    [OPERATION_PLUGIN_STOP] = FUNCTION(look_stop) } };
	r.watch = -1;
	FUZZ_MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
	    pair) == 0);
	FUZZ_MUST(dup2(pair[1], CHANNEL) == CHANNEL && close(pair[1]) == 0);
	fcntl(CHANNEL, F_SETFL, O_NONBLOCK);	/* nobody reads the answers */
	while (f.left > 0) {
		message = fuzz_counted(&f, &length);
		if (send(pair[0], message, length, MSG_NOSIGNAL |
		    MSG_DONTWAIT) < 0)
			break;
	}
	shutdown(pair[0], SHUT_WR);
	if (run_wait(&r) && run_read_start(&r))
		while (run_wait(&r) && run_call(&r))
			continue;
	if (r.started)
		look_stop(&r.f);
	close(pair[0]);
	return 0;
}
