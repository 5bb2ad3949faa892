/*
 * solr.h - what the parts of the plugin share: which cores, which Solr.
 */
#ifndef SOLR_SOLR_H
#define SOLR_SOLR_H

#include "core.h"
#include "fence.h"

#include <sys/types.h>

#define PATIENCE	2000	/* ms for a question that is answered at once */

enum server {
	SERVER_FIT,		/* one that we know how to lead */
	SERVER_DOWN,		/* nobody listens there */
	SERVER_SILENT,		/* no answer, or an error */
	SERVER_FOREIGN,		/* SolrCloud, too old, too new */
};

/* The option cores: names, NULL at the end. */
extern const char	*cores[CORES + 1];

bool		by_restart(struct failover *);	/* option method */

/* The sentence is set for all but SERVER_FIT. */
enum server	server_ask(struct failover *, int64_t limit);

/* What a Solr tells of its cores; false with the sentence set. */
bool		status_ask(struct failover *, struct answer *,
		    const char *base);
yajl_val	status_of(const struct answer *, const char *core);

/* Is there a core of which it is remembered that its master has what it could
 * not get?  Not once the operator has run "promote"; the sentence is set. */
bool		is_known_to_lack(struct failover *);

/* Gives all cores these roles in core.properties, and restarts what has another
 * one; leader: of the followers.  FAILOVER_AGAIN: it restarts. */
enum failover_result	restart_as(struct failover *, bool master,
			    const char *leader);

/* Ends the commits that a demotion could not wait for; false, with the sentence
 * set, where they still go on. */
bool			commit_rest(struct failover *);

/* Is a restart of ours so young that Solr may still be down?  Not if this handler
 * has seen it up again. */
bool			restart_is_young(struct failover *);
/* What a Solr that is up tells of its cores. */
void			restart_note(struct failover *,
			    const struct answer *status);

/* Runs a command by the shell, or waits for the one that this handler has
 * started, of number *pid; FAILOVER_AGAIN: it goes on. */
enum failover_result	command_run(struct failover *, const char *command,
			    pid_t *pid);

#endif
