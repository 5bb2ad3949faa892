/*
 * server.h - a connection to a server: statements go in, tables come out.
 *
 * Everything below these functions is the client library's; the tests replay
 * recorded conversations in their place.  No function waits past the deadline
 * of the call that the connection works for.
 */
#ifndef SERVER_H
#define SERVER_H

#include <consul-failover/plugin.h>

#include <stdbool.h>
#include <sys/types.h>

#define SERVER_OURS	1	/* an error that we have found ourselves */
#define SERVER_LOST	2013	/* CR_SERVER_LOST: also what took too long */

struct server {
	struct failover	*f;		/* the call it works for */
	void		*link;		/* the library's; NULL: not connected */
	int64_t		 patience;	/* ms for an answer; 0: the deadline */
	pid_t		 pid;		/* of the server, by a Unix socket; 0 */
	bool		 cut_off;	/* it runs, and its socket was removed */
	bool		 elsewhere;	/* it runs, and not where it should */
	bool		 by_port;	/* so it seems: one that has our port */
	bool		 remote;	/* another copy's */
	int		 pending;	/* a statement without an answer yet */
	unsigned	 error;		/* of the last thing asked; 0: none */
	int		 system_error;	/* errno, where it could not connect */
	char		 text[384];	/* what went wrong, for people */
};

/* Where a server is and who we are there; NULL: as the library has it.  Of our
 * own server the kernel is asked, too, whether it runs. */
struct place {
	bool		 own;
	bool		 guessed;	/* nobody has named it */
	bool		 hasty;		/* rather fail than wait in a queue */
	const char	*host, *socket, *user, *password;
	const char	*also;		/* its address by TCP, beside socket */
	const char	*defaults_file, *ca_file;
	uint16_t	 port;
	int64_t		 patience;	/* ms for an answer; 0: the deadline */
};

/* What a statement answers; the first row holds the names of the columns. */
struct table {
	size_t	  rows, columns;	/* rows without the names */
	char	**cells;		/* NULL: SQL's NULL */
};

/* One in haste that was found elsewhere is not sought again while it runs, for
 * that takes long: s holds it since the try before. */
bool	server_open(struct server *, struct failover *, const struct place *);
void	server_close(struct server *);

/* No listener: the server is not there, or not yet.  Ours does not run then: no
 * process listens at its place, nor one that must be it on its port. */
bool	server_is_down(const struct server *);
/* It runs, and has no connection, or thread, left for us. */
bool	server_is_full(const struct server *);

/* Kills our own server, which we can't ask: the process that listens where we
 * connect to.  server_can_kill only sees whether we could; false: text says what
 * is in the way. */
bool	server_kill(struct server *, const struct place *);
bool	server_can_kill(const struct server *, const struct place *, char *text,
	    size_t size);

/* Of ours, which runs: with another socket, would nobody find it by its port? */
bool	server_can_be_missed(const struct server *, const struct place *);

/* Runs a statement.  Fills t, if it is given, which is for table_free also
 * where it failed. */
bool	server_run(struct server *, struct table *t, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

/* The same in two steps.  server_end waits for so many milliseconds; false with
 * error 0: there is no answer yet. */
bool	server_begin(struct server *, const char *statement);
bool	server_end(struct server *, int64_t limit);

/* Puts text in place of what the server says; false. */
bool	server_fail(struct server *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* Text as a string of SQL with its quotes, in memory that is freed by the
 * caller; NULL only without memory. */
char	*server_quote(struct server *, const char *text);

/* Waits for so many milliseconds. */
void	server_pause(int64_t limit);

/* The cell of that row, from 0, in the column of that name; NULL where it is
 * NULL or there is none such. */
const char	*table_get(const struct table *, size_t row, const char *name);
/* The same of the first row; "" for NULL. */
const char	*table_text(const struct table *, const char *name);
void		 table_free(struct table *);

#endif
