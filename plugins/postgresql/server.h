/*
 * server.h - the server as its host sees it: files, processes, start and stop.
 *
 * Nothing here asks the server by SQL: what must hold when it hangs, or is half
 * dead, is read from its data directory and from /proc.
 */
#ifndef SERVER_H
#define SERVER_H

#include <consul-failover/plugin.h>

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "position.h"
#include "program.h"

/* The first version that has pg_promote and standby.signal. */
#define OLDEST	12

enum server_kind {
	SERVER_NONE,		/* no database in the data directory */
	SERVER_STOPPED,
	SERVER_ORPHANED,	/* backends whose postmaster is dead: they can
				 * still write */
	SERVER_STARTING,	/* can't be told yet as what */
	SERVER_STANDBY,		/* and will remain one, even if it restarts */
	SERVER_PRIMARY,		/* or anything else that may come to write */
	SERVER_STOPPING,
};

/* What pg_controldata says. */
struct control {
	char		 state[64];
	char		 system[24];
	uint64_t	 segment;	/* bytes of a file of WAL */
	bool		 clean;		/* stopped in good order */
	bool		 closed;	/* stopping, and nobody writes */
	struct position	 position;	/* where clean */
};

struct server {
	enum server_kind kind;
	pid_t		 postmaster;	/* 0: none */
	struct control	 control;
};

/* Has any agent made it a master?  From then on it may be an old one.  _make_ours:
 * false with the sentence set. */
bool	server_is_ours(struct failover *);
bool	server_make_ours(struct failover *);

/* The options that name files; false with the sentence set. */
bool	server_check(struct failover *);

void	server_look(struct failover *, struct server *);

/* 0: there is none. */
pid_t	server_postmaster(struct failover *);

/* Is nothing of it left that could write? */
bool	server_gone(struct failover *);

/* Removes what a crash has left and would keep it from starting. */
void	server_clear(struct failover *);

/* Is this one of its processes? */
bool	server_owns(struct failover *, pid_t);

/* Is there no file in its data directory? */
bool	server_empty(struct failover *);

/* Its path without links; valid until the next time it is asked for. */
const char	*server_data(struct failover *);
/* A file's path in there. */
void		 server_path(struct failover *, const char *file,
		    char path[PATH_MAX]);
const char	*server_log(struct failover *);

/* The path of one of PostgreSQL's programs. */
void	server_program(struct failover *, const char *name,
	    char path[PATH_MAX]);
/* The major version that wrote the data directory; 0: none did. */
int	server_version(struct failover *);

/* Reads WAL from its files; false where they are gone. */
bool	server_wal(struct failover *, uint32_t timeline, uint64_t lsn,
	    void *bytes, size_t size);

/*
 * standby.signal makes a standby of a server that starts.  It is also our
 * note of a promotion under way: the server only asks whether the file is
 * there, and removes it itself when it has been promoted.
 */
enum server_mark { MARK_NONE, MARK_STANDBY, MARK_PROMOTING };

enum server_mark	server_mark(struct failover *);
bool			server_set_mark(struct failover *, enum server_mark);

/*
 * Until pg_rewind has come to its end the data directory is half of each server,
 * and its control file does not say so: it is not to be started.
 */
bool	server_torn(struct failover *);
/* The note that is there already remains; NULL: it has come to its end. */
bool	server_set_torn(struct failover *, const char *note);
/* To be freed; NULL where there is none. */
char	*server_torn_note(struct failover *);

/* Stops it: fast, then immediate, then by SIGKILL.  True when nothing of it is
 * left or, if closed is enough, when nobody can write any more. */
bool	server_stop(struct failover *, bool closed);

/* Starts it as a standby, when the old postmaster, 0 for none, is gone; waits,
 * so it is for a job.  What it prints goes to the descriptor log. */
bool	server_start(struct failover *, pid_t old, int log);

/*
 * A job goes on when the call ends or is killed.  There is at most one at a
 * time, and it has the server for itself; another one fails or queues.
 */
typedef bool	(*job_work)(struct failover *, void *arg, int log);

bool	job_start(struct program *, struct failover *, bool queue, job_work,
	    void *arg);
bool	job_running(struct failover *);

#endif
