/*
 * mysql.c - options, for MariaDB and MySQL with GTIDs.
 *
 * One connection is held in each handler: what makes it readable is the end of
 * the server, so a server that was killed is noticed at once.
 */
#include "own.h"

#include <mysql.h>
#include <string.h>

static const struct failover_option options[] = {
	{ "socket", FAILOVER_STRING, NULL,
	    "path of the server's socket; used instead of host" },
	{ "host", FAILOVER_STRING, NULL,
	    "where the server listens on [service] port, also if socket is "
	    "set; 127.0.0.1, if neither socket nor defaults_file is given" },
	{ "user", FAILOVER_STRING, NULL, "our account on this server" },
	{ "password_file", FAILOVER_STRING, NULL,
	    "file with the password of user" },
	{ "defaults_file", FAILOVER_STRING, NULL,
	    "my.cnf of the client; [client] and [consul-failover] are read" },
	{ "replication_user", FAILOVER_STRING | FAILOVER_REQUIRED, NULL,
	    "the account of slaves on their master" },
	{ "replication_password_file", FAILOVER_STRING, NULL,
	    "file with the password of replication_user" },
	{ "replication_ca", FAILOVER_STRING, NULL,
	    "certificates that verify a master's; none: no TLS" },
	{ "databases", FAILOVER_STRING, NULL,
	    "databases that must exist, separated by commas" },
	{ "query", FAILOVER_STRING, NULL,
	    "a statement that must work for the copy to be healthy" },
	{ "max_lag", FAILOVER_DURATION, NULL,
	    "a slave that is further behind is not healthy" },
	{ "on_divergence", FAILOVER_STRING, "refuse",
	    "a copy with transactions that the master lacks: refuse, or follow "
	    "anyway" },
	{ "allow_filters", FAILOVER_BOOLEAN, "no",
	    "a copy whose settings leave out some data may be the master" },
	{ "kill_server", FAILOVER_BOOLEAN, "yes",
	    "a master that can't be demoted in time is killed: the process "
	    "that listens at socket or host, on this machine" },
	{ "semi_sync", FAILOVER_BOOLEAN, "no",
	    "semi-synchronous replication is switched with the role" },
	{ "events", FAILOVER_BOOLEAN, "no",
	    "the event scheduler is switched on with the master's role" },
	{ 0 }
};

FAILOVER_PLUGIN("mysql", "1.0", "MariaDB and MySQL with GTIDs", options);

enum failover_result
plugin_start(struct failover *f)
{
	const char	*way = f->option(f, "on_divergence");
	struct defaults	 file;

	if (strcmp(way, "refuse") != 0 && strcmp(way, "follow") != 0)
		return f->say(f, FAILOVER_FAILED, "option on_divergence is "
		    "refuse or follow, not %s", way);
	return own_read_place(f, &file);
}

void
plugin_stop(struct failover *f)
{
	(void)f;
	copy_close(&own);
	mysql_library_end();
}

int
watch_fd(struct failover *f)
{
	(void)f;
	return own.server.link == NULL ? -1 :
	    (int)mysql_get_socket(own.server.link);
}
