/*
 * server.h - the Solr on this host or another one: is it one that we can lead,
 * and what it says of its cores.
 */
#ifndef SOLR_SERVER_H
#define SOLR_SERVER_H

#include "core.h"

enum server {
	SERVER_FIT,		/* one that we know how to lead */
	SERVER_DOWN,		/* nobody listens there */
	SERVER_SILENT,		/* no answer, or an error */
	SERVER_FOREIGN,		/* SolrCloud, too old, too new */
};

/* The option cores: names, NULL at the end.  plugin_start sets it. */
extern const char	*cores[CORES + 1];

/* The sentence is set for all but SERVER_FIT. */
enum server	server_ask(struct failover *, int64_t limit);

/* What a Solr tells of its cores; false with the sentence set. */
bool		server_status(struct failover *, struct answer *,
		    const char *base);
/* Of one of them; NULL: it has not got it, or not loaded. */
yajl_val	server_core(const struct answer *, const char *core);

#endif
