/* settings.c - the settings that every copy must have. */
#include "settings.h"

#include <mysqld_error.h>
#include <string.h>

#include "own.h"

enum failover_result
settings_check(struct failover *f)
{
	const char *const	*name = own.dialect->required;
	const char		*value;

	for (; *name != NULL; name++) {
		value = table_get(&own.variables, 0, *name);
		if (value == NULL || (strcmp(value, "1") != 0 &&
		    strcmp(value, "ON") != 0))
			return f->say(f, FAILOVER_FAILED, "%s is off: set it "
			    "to ON in the server's my.cnf, on all copies",
			    *name);
	}
	value = table_get(&own.status, 0, own.dialect->channel);
	if (own.status.rows > 1 || (value != NULL && *value != '\0'))
		return f->say(f, FAILOVER_FAILED, "replicates by the channel "
		    "\"%s\": several masters are not supported, end it with "
		    "%s", value == NULL ? "" : value, own.dialect->forget);
	return FAILOVER_DONE;
}

static bool
is_forbidden(unsigned error)
{
	return error == ER_SPECIFIC_ACCESS_DENIED_ERROR ||
	    error == ER_ACCESS_DENIED_ERROR ||
	    error == ER_DBACCESS_DENIED_ERROR ||
	    error == ER_TABLEACCESS_DENIED_ERROR;
}

/* An account of a time when that was not asked must not cost all copies their
 * fitness at once.  Said once, by each handler. */
static void
warn_of_an_unseen_log(struct failover *f)
{
	static bool	 warned;
	struct table	 t = { 0 };
	const char	*us = NULL;

	if (warned)
		return;
	warned = true;
	if (server_run(&own.server, &t, "SELECT CONCAT('''', REPLACE("
	    "CURRENT_USER(), '@', '''@'''), '''') AS us"))
		us = table_get(&t, 0, "us");
	f->log(f, FAILOVER_WARNING, "can't see whether the binary log leaves "
	    "something out, which slaves would lack: GRANT %s ON *.* TO %s, "
	    "and restart the agent", own.dialect->mariadb ? "BINLOG MONITOR" :
	    "REPLICATION CLIENT", us == NULL ? "our account" : us);
	table_free(&t);
}

/* Who is the master already has more than its slaves: it is told, and stays. */
enum failover_result
settings_check_filters(struct failover *f)
{
	const char	*name, *value;

	if (f->number(f, "allow_filters"))
		return FAILOVER_DONE;
	if (!copy_look_at_log(&own)) {
		if (!is_forbidden(own.server.error))
			return own_sorry(f, "can't see whether the binary log "
			    "leaves something out", &own.server);
		warn_of_an_unseen_log(f);
	}
	if (f->promote || f->role == FAILOVER_MASTER ||
	    (name = copy_filter(&own, &value)) == NULL)
		return FAILOVER_DONE;
	return f->say(f, FAILOVER_FAILED, "%s = %.200s leaves out some of the "
	    "data, whatever GTIDs this copy has: remove that from my.cnf and "
	    "make a new copy, or set allow_filters = yes", name, value);
}
