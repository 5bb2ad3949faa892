/*
 * fetch.h - to get what another copy has: its commit, and our fetch of that.
 */
#ifndef SOLR_FETCH_H
#define SOLR_FETCH_H

#include <consul-failover/plugin.h>

#include <stdbool.h>

/* What this copy has, and the one that it follows has not? */
bool	fetch_may_discard(struct failover *);

/* Replaces our index by base's, where it differs; FAILOVER_AGAIN: it goes on,
 * also after the call. */
enum failover_result	fetch(struct failover *, const char *core,
			    const char *base);

/* Has the core at base commit, so that it can be fetched; false with the
 * sentence set. */
bool	fetch_commit(struct failover *, const char *core, const char *base);

#endif
