/* server.h - a Redis server: a kept connection, and its answers. */
#ifndef SERVER_H
#define SERVER_H

#include <consul-failover/plugin.h>

#include <hiredis/hiredis.h>

#include "history.h"

#define SERVER_WORD	256

enum answer {
	ANSWER_OK,
	ANSWER_NO_SERVER,		/* no process listens there */
	ANSWER_MOVED,		/* nor there, but it may run elsewhere */
	ANSWER_SILENT,		/* no answer in time */
	ANSWER_BUSY,		/* it runs a script */
	ANSWER_LOADING,		/* it reads its data from disk */
	ANSWER_FULL,		/* no connection left: maxclients */
	ANSWER_CLOSED,		/* it ended the connection without an answer */
	ANSWER_DENIED,		/* a wrong password, a missing right */
	ANSWER_REFUSED,		/* any other error */
};

struct server {
	char		 socket[SERVER_WORD];	/* "": host and port */
	char		 host[SERVER_WORD];
	uint16_t	 port;
	char		 username[SERVER_WORD];	/* "": the user default */
	char		 password[SERVER_WORD];	/* "": none */
	redisContext	*context;		/* NULL: not connected */
	char		 why[FAILOVER_SENTENCE / 2];	/* if not ANSWER_OK */
};

/* INFO, only the fields that we need. */
struct state {
	char		 version[32];
	int		 number;		/* of the version: 602 is 6.2 */
	char		 mode[16];		/* standalone, cluster ... */
	char		 run_id[HISTORY_ID + 1];	/* of the process */
	char		 config_file[SERVER_WORD];	/* "" for none */
	int64_t		 port;		/* or tls-port; 0: neither */
	int64_t		 pid;		/* in its own PID namespace */
	bool		 loading;
	bool		 ending;	/* waits for its slaves, then ends */
	bool		 saving_fails;		/* RDB */
	bool		 logging_fails;		/* AOF */
	bool		 master;
	bool		 read_only;		/* as a slave */
	bool		 failing_over;		/* by the command FAILOVER */
	int64_t		 slaves;
	char		 master_host[SERVER_WORD];
	int64_t		 master_port;
	bool		 link_up;		/* to the master */
	bool		 syncing;		/* fetching all data */
	int64_t		 copied, left;	/* bytes of that; left < 1: unknown */
	int64_t		 silence;		/* s since the last data; -1 */
	int64_t		 backlog;	/* first offset of it; 0: it has none */
	int64_t		 errors;	/* unexpected_error_replies */
	bool		 evicts;	/* if maxmemory is reached */
	struct history	 history;
};

/* Connects if necessary, sends one command and waits for the whole answer, for
 * wait ms at most.  ANSWER_OK comes with the reply, to be freed; reply may be
 * NULL.  An argument of fmt is one word, whatever bytes it contains. */
enum answer	server_ask(struct server *, int64_t wait, redisReply **reply,
		    const char *fmt, ...);
enum answer	server_state(struct server *, int64_t wait, struct state *);
void		server_close(struct server *);

#endif
