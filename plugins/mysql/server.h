/*
 * server.h - a connection to a server: statements go in, tables come out.
 *
 * Below these functions there is only the client library; the tests replay
 * recorded conversations in their place.  No function waits past the deadline
 * of the call that the connection works for.
 */
#ifndef SERVER_H
#define SERVER_H

#include <consul-failover/plugin.h>

#include <stdbool.h>
#include <sys/types.h>

#define SERVER_OURS	1	/* an error that we found ourselves */
#define SERVER_LOST	2013	/* CR_SERVER_LOST: also for a time-out */

struct server {
	struct failover	*f;		/* the call it works for */
	void		*link;		/* the library's; NULL: not connected */
	int64_t		 patience;	/* ms for an answer; 0: the deadline */
	pid_t		 pid;		/* of the server, by a Unix socket; 0 */
	bool		 cut_off;	/* runs, but its socket was removed */
	bool		 elsewhere;	/* it runs, but elsewhere */
	bool		 by_port;	/* probably: a server on our port */
	bool		 remote;	/* another copy's */
	int		 pending;	/* a statement without an answer yet */
	unsigned	 error;		/* of the last thing asked; 0: none */
	int		 system_error;	/* errno, if it could not connect */
	char		 text[384];	/* what went wrong, for people */
};

/* A server's place, and our account there; NULL: the library's default.  For
 * our own server we also ask the kernel whether it runs. */
struct place {
	bool		 own;
	bool		 guessed;	/* not named by any option */
	bool		 hasty;		/* fail rather than wait in a queue */
	const char	*host, *socket, *user, *password;
	const char	*also;		/* its TCP address, beside socket */
	const char	*defaults_file, *ca_file;
	uint16_t	 port;
	int64_t		 patience;	/* ms for an answer; 0: the deadline */
};

/* The result of a statement; the first row holds the column names. */
struct table {
	size_t	  rows, columns;	/* rows without the names */
	char	**cells;		/* NULL: SQL's NULL */
};

/* With place.hasty, a server that was found elsewhere is not searched for again
 * while it runs, because that takes long: s has it from the previous
 * attempt. */
bool	server_open(struct server *, struct failover *, const struct place *);
void	server_close(struct server *);

/* Is there no listener?  Then our own server does not run: no process listens
 * at its place, and none that must be it on its port. */
bool	server_is_down(const struct server *);
/* Does it run, but have no connection or thread left for us? */
bool	server_is_full(const struct server *);

/* Kills our own server, if it does not answer: the process that listens where
 * we connect to.  server_can_kill only checks whether we could; false: text has
 * the reason. */
bool	server_kill(struct server *, const struct place *);
bool	server_can_kill(const struct server *, const struct place *, char *text,
	    size_t size);

/* For ours, while it runs: if it had another socket, could it not be found by
 * its port? */
bool	server_can_be_missed(const struct server *, const struct place *);

/* Runs a statement.  Fills t, if it is given; that needs table_free also after
 * a failure. */
bool	server_run(struct server *, struct table *t, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

/* The same in two steps.  server_end waits for that many milliseconds; false
 * with error 0: there is no answer yet. */
bool	server_begin(struct server *, const char *statement);
bool	server_end(struct server *, int64_t limit);

/* Replaces the server's error by text; returns false. */
bool	server_fail(struct server *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* Text as an SQL string, with its quotes; the caller frees it.  NULL only
 * without memory. */
char	*server_quote(struct server *, const char *text);

/* Waits for that many milliseconds. */
void	server_pause(int64_t limit);

/* The cell of that row, from 0, in the column of that name; NULL if it is NULL
 * or does not exist. */
const char	*table_get(const struct table *, size_t row, const char *name);
/* The same for the first row; "" for NULL. */
const char	*table_text(const struct table *, const char *name);
void		 table_free(struct table *);

#endif
