/*
 * redis.c - Redis and Valkey, made master and slave by REPLICAOF.
 *
 * A demoted copy replicates from NOBODY: that refuses every client's write at
 * once, keeps id and offset, so that it can continue as a slave of the next
 * master without a copy of all data, and keeps its slaves connected, so that
 * they get its last bytes.  With this in its config file, a restarted server
 * accepts no write, and sends no slave an empty data set, before the plugin is
 * called.
 */
#include "own.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "master.h"

static const struct failover_option options[] = {
	{ "host", FAILOVER_STRING, "127.0.0.1",
	    "address of the server on this host; its port is [service] port" },
	{ "socket", FAILOVER_STRING, NULL,
	    "its Unix socket, instead of host and port" },
	{ "username", FAILOVER_STRING, NULL,
	    "ACL user, here and at the master; none: the user default" },
	{ "password_file", FAILOVER_STRING, NULL,
	    "file with the password, here and at the master" },
	{ "master_username", FAILOVER_STRING, NULL,
	    "another user for the master (masteruser)" },
	{ "master_password_file", FAILOVER_STRING, NULL,
	    "file with another password for the master (masterauth)" },
	{ "timeout", FAILOVER_DURATION, "2s",
	    "longest wait for an answer from a server" },
	{ "max_silence", FAILOVER_DURATION, "30s",
	    "a slave without news from its master for this time is unhealthy" },
	{ "follow_empty_master", FAILOVER_BOOLEAN, "no",
	    "a master that has lost its data may wipe that of its slaves" },
	{ "rewrite_config", FAILOVER_BOOLEAN, "yes",
	    "CONFIG REWRITE, so that a restarted server takes no writes" },
	{ "kill_clients", FAILOVER_BOOLEAN, "yes",
	    "disconnect the clients of a demoted master" },
	{ "pid_file", FAILOVER_STRING, NULL,
	    "the server's; to kill it if it can't be demoted otherwise" },
	{ "allow_other_data", FAILOVER_BOOLEAN, "no",
	    "a slave known to differ at an equal offset may become master" },
	{ 0 }
};

FAILOVER_PLUGIN("redis", "1.0", "Redis >= 6.2 and Valkey", options);

static bool
read_words(struct failover *f, const char *option, char *text, bool *given)
{
	const char	*value = f->option(f, option);

	*given = value != NULL && value[0] != '\0';
	return snprintf(text, SERVER_WORD, "%s", *given ? value : "") <
	    SERVER_WORD;
}

static bool
read_options(struct failover *f)
{
	bool	given;

	local.port = f->port;
	if (!read_words(f, "host", local.host, &given) ||
	    !read_words(f, "socket", local.socket, &given) ||
	    !read_words(f, "username", local.username, &given) ||
	    !read_words(f, "master_username", master.username, &given)) {
		f->say(f, FAILOVER_FAILED, "host, socket, username or "
		    "master_username is longer than %d bytes",
		    SERVER_WORD - 1);
		return false;
	}
	if (!given)
		strcpy(master.username, local.username);
	given = f->option(f, "master_password_file") != NULL;
	return f->secret(f, "password_file", local.password,
	    sizeof(local.password)) == FAILOVER_DONE &&
	    f->secret(f, given ? "master_password_file" : "password_file",
	    master.password, sizeof(master.password)) == FAILOVER_DONE;
}

enum failover_result
plugin_start(struct failover *f)
{
	/* hiredis writes to connections that the server may have closed. */
	signal(SIGPIPE, SIG_IGN);
	return read_options(f) ? FAILOVER_DONE : FAILOVER_FAILED;
}

void
plugin_stop(struct failover *f)
{
	(void)f;
	server_close(&local);
	server_close(&master);
}

/* Ends when the server dies. */
int
watch_fd(struct failover *f)
{
	(void)f;
	return local.context == NULL ? -1 : local.context->fd;
}

/*
 * Position.
 */

/* A demoted master that was restarted has what was on its disk: less than it
 * had told its slaves.  Where we can't know: one that was restarted after
 * ensure_demoted has no slaves, because a slave of nobody takes none. */
static bool
was_restarted(const struct state *st)
{
	if (made[0] != '\0')
		return strcmp(made, st->run_id) != 0;
	return doubtful && st->slaves == 0;
}

enum failover_result
position(struct failover *f, char *text, size_t size)
{
	struct state		 st;
	enum failover_result	 r = own_look(f, &st);

	if (r != FAILOVER_DONE)
		return r;
	if (was_restarted(&st))
		return f->say(f, FAILOVER_FAILED, "Redis %s restarted since it "
		    "was made master: its earlier data is unknown, its %" PRId64
		    " keys are from its disk", made[0] == '\0' ?
		    "may have been" : "was", st.history.keys);
	if (st.loading)
		return f->say(f, FAILOVER_AGAIN, "Redis is loading its data "
		    "from disk");
	history_print(&st.history, text, size);
	return FAILOVER_DONE;
}

enum failover_result
has_position(struct failover *f, const char *text)
{
	struct state		 st;
	struct history		 other;
	enum failover_result	 r = own_look(f, &st);

	if (r != FAILOVER_DONE)
		return FAILOVER_AGAIN;
	if (!history_parse(&other, text))
		return f->say(f, FAILOVER_AGAIN, "not a position of Redis: "
		    "%.100s", text);
	switch (history_has(&st.history, &other)) {
	case HISTORY_YES:
		return f->say(f, FAILOVER_DONE, "this copy has all of it");
	case HISTORY_NO:
		return f->say(f, FAILOVER_FAILED, "this copy has less: %"
		    PRId64 " keys, offset %" PRId64, st.history.keys,
		    st.history.offset);
	case HISTORY_UNKNOWN:
		break;
	}
	return f->say(f, FAILOVER_AGAIN, "the copies have no replication id in "
	    "common");
}

int64_t
behind(struct failover *f, const char *text)
{
	struct state	 st;
	struct history	 other;

	if (own_look(f, &st) != FAILOVER_DONE || !history_parse(&other, text))
		return -1;
	return history_lacks(&st.history, &other);
}
