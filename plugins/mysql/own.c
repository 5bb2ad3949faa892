/* own.c - our copy: where its server is, and its state in each call. */
#include "own.h"

#include <mysqld_error.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

/* MySQL's of its own number, which the client's library does not know. */
#define SOURCE_FATAL_ERROR	13114

struct copy		own;
struct defaults		own_file;
bool			demoting;

enum failover_result
own_sorry(struct failover *f, const char *what, const struct server *s)
{
	f->say(f, FAILOVER_FAILED, "%s: %s", what, s->text);
	if (s == &own.server && s->error == ER_SPECIFIC_ACCESS_DENIED_ERROR)
		copy_close(&own);	/* a new session has new rights */
	return FAILOVER_FAILED;
}

/*
 * Where it is.
 */

/* What nobody has named proves nothing if nobody is there, so there is no place
 * but a named one. */
struct place
own_find_place(struct failover *f, const struct defaults *file)
{
	struct place	 at = { .own = true, .port = f->port,
			    .user = f->option(f, "user"),
			    .defaults_file = f->option(f, "defaults_file"),
			    .socket = f->option(f, "socket") };

	if (at.socket == NULL)
		at.host = f->option(f, "host");
	else
		at.also = f->option(f, "host");
	if (at.socket != NULL || at.host != NULL)
		return at;
	if (at.defaults_file == NULL) {
		at.host = "127.0.0.1";
		at.guessed = true;
	} else if (*file->host != '\0' && strcmp(file->host, "localhost") != 0)
		at.host = file->host;
	else if (*file->socket != '\0')
		at.socket = file->socket;
	return at;
}

/* What the library would cut, or take for a place of its own. */
static enum failover_result
check_place(struct failover *f, const struct defaults *file)
{
	struct place	 at = own_find_place(f, file);
	const size_t	 most = sizeof(((struct sockaddr_un *)0)->sun_path);

	if (at.socket == NULL && at.host == NULL)
		return f->say(f, FAILOVER_FAILED, "option defaults_file: %s "
		    "sets neither socket nor host, so a running server would "
		    "not be found: give option socket", at.defaults_file);
	if (at.socket != NULL && *at.socket != '/' && *at.socket != '@')
		return f->say(f, FAILOVER_FAILED, "socket %.200s: give its "
		    "absolute path", at.socket);
	if (at.socket != NULL && strlen(at.socket) >= most)
		return f->say(f, FAILOVER_FAILED, "socket %.200s: its path "
		    "is longer than %zu bytes", at.socket, most - 1);
	if (at.host != NULL && (strcmp(at.host, "localhost") == 0 ||
	    *at.host == '\0' || strchr(at.host, ',') != NULL))
		return f->say(f, FAILOVER_FAILED, "host %.200s: give one "
		    "address, like 127.0.0.1, or option socket", at.host);
	if (at.defaults_file != NULL && *file->protocol != '\0' &&
	    strcasecmp(file->protocol, at.host == NULL ? "socket" : "tcp") != 0)
		return f->say(f, FAILOVER_FAILED, "option defaults_file: "
		    "protocol = %s in %.200s does not fit %.200s",
		    file->protocol, at.defaults_file,
		    at.host == NULL ? at.socket : at.host);
	return FAILOVER_DONE;
}

enum failover_result
own_read_place(struct failover *f, struct defaults *file)
{
	const char	*path = f->option(f, "defaults_file");
	char		 why[FAILOVER_SENTENCE - 64];

	*file = (struct defaults){ 0 };
	if (path != NULL && !defaults_read(file, path, why, sizeof(why)))
		return f->say(f, FAILOVER_FAILED, "option defaults_file: %s",
		    why);
	return check_place(f, file);
}

enum failover_result
own_place(struct failover *f, struct place *at, char *password, size_t size)
{
	*at = own_find_place(f, &own_file);
	if (f->option(f, "password_file") != NULL)
		at->password = password;
	return f->secret(f, "password_file", password, size);
}

static enum failover_result
open_own(struct failover *f)
{
	char			 password[256];
	struct place		 at = { 0 };
	enum failover_result	 r = own_read_place(f, &own_file);

	own.server.error = 0;		/* of this try alone */
	if (r == FAILOVER_DONE)
		r = own_place(f, &at, password, sizeof(password));
	at.hasty = demoting;
	if (r == FAILOVER_DONE && !copy_open(&own, f, &at))
		r = f->say(f, FAILOVER_FAILED, "%s%s",
		    server_is_down(&own.server) ? "the server is down: " : "",
		    own.server.text);
	explicit_bzero(password, sizeof(password));
	return r;
}

/*
 * A look at it.
 */

/* Two servers with one id, or one without, are no matter of the data. */
static bool
is_refused(void)
{
	const char	*text = table_get(&own.status, 0, "Last_IO_Error");

	if (own.receiving != RECEIVING_NO || text == NULL ||
	    strstr(text, "server_uuid/server_id") != NULL ||
	    strstr(text, "Misconfigured") != NULL)
		return false;
	switch (own.receive_error) {
	case ER_MASTER_FATAL_ERROR_READING_BINLOG:
	case ER_MASTER_HAS_PURGED_REQUIRED_GTIDS:
	case ER_GTID_POSITION_NOT_FOUND_IN_BINLOG:
	case ER_GTID_POSITION_NOT_FOUND_IN_BINLOG2:
	case SOURCE_FATAL_ERROR:
		return true;
	default:
		return false;
	}
}

/* Since its master is gone, nobody had refused it at first. */
static bool	was_unrefused;

static void
note_refusal(const struct failover *f)
{
	if (*f->master_host != '\0')
		was_unrefused = false;
	else if (!is_refused())
		was_unrefused = true;
}

/* Our copy, with a fresh look at it.  The connection may have gone, or been
 * ended by a demotion, since the last call. */
static enum failover_result
look_once(struct failover *f)
{
	enum failover_result	 r;

	own.server.f = f;
	own.server.system_error = 0;
	if (own.server.link != NULL && copy_look(&own))
		return FAILOVER_DONE;
	copy_close(&own);
	r = open_own(f);
	if (r == FAILOVER_DONE && !copy_look(&own))
		r = own_sorry(f, "can't ask the server", &own.server);
	return r;
}

enum failover_result
own_look(struct failover *f)
{
	enum failover_result	 r = look_once(f);

	if (r == FAILOVER_DONE)
		note_refusal(f);
	return r;
}

enum failover_result
own_look_again(struct failover *f)
{
	return copy_look(&own) ? FAILOVER_DONE :
	    own_sorry(f, "can't ask the server", &own.server);
}

/* The one before may come back, and not have what this copy asks it for: that
 * is no word of its master.  In a promotion, health has seen before whether it
 * was. */
bool
own_is_refused(const struct failover *f)
{
	if (*f->master_host == '\0' && (*f->previous_host == '\0' ?
	    was_unrefused : copy_follows(&own, f->previous_host,
	    f->previous_port)))
		return false;
	return is_refused();
}
