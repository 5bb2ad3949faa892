/*
 * server.h - the Solr on this host or another one: can we manage it, and what
 * it reports about its cores.
 */
#ifndef SOLR_SERVER_H
#define SOLR_SERVER_H

#include "core.h"

enum server {
	SERVER_FIT,		/* one that we can manage */
	SERVER_DOWN,		/* no process listens there */
	SERVER_SILENT,		/* no answer, or an error */
	SERVER_FOREIGN,		/* SolrCloud, too old, too new */
};

/* The option cores: names, NULL at the end.  plugin_start sets it. */
extern const char	*cores[CORES + 1];

/* The sentence is set for all but SERVER_FIT. */
enum server	server_ask(struct failover *, int64_t limit);

/* The state of a Solr's cores; false with the sentence set. */
bool		server_status(struct failover *, struct answer *,
		    const char *base);
/* The state of one of them; NULL: it does not exist, or is not loaded. */
yajl_val	server_core(const struct answer *, const char *core);

#endif
