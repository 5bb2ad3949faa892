/*
 * server.c - the Solr on this host or another one: can we manage it, and what
 * it reports about its cores.
 */
#include "server.h"

#include <stdlib.h>
#include <string.h>

const char	*cores[CORES + 1];

static enum server
judge_version(struct failover *f, const char *version)
{
	int	 major = atoi(version);

	if (major >= 7 && major <= 9)
		return SERVER_FIT;
	f->say(f, FAILOVER_FAILED, "%s is Solr %.40s: this plugin supports 7 "
	    "to 9", http_here(), *version != '\0' ? version : "of unknown version");
	return SERVER_FOREIGN;
}

enum server
server_ask(struct failover *f, int64_t limit)
{
	struct answer	 a;
	enum server	 is;
	const char	*zk;

	if (!http_login(f))
		return SERVER_SILENT;
	if (!http_get(f, &a, limit, http_here(), "/admin/info/system?")) {
		f->say(f, FAILOVER_FAILED, "%s", a.wrong);
		is = a.refused ? SERVER_DOWN : SERVER_SILENT;
	} else {
		zk = json_text(json_at(a.json, "zkHost", NULL));
		if (*zk != '\0' || strcmp(json_text(json_at(a.json, "mode",
		    NULL)), "solrcloud") == 0) {
			f->say(f, FAILOVER_FAILED, "%s is in SolrCloud mode "
			    "(zkHost %s): it elects its leaders itself, and "
			    "needs no consul-failover", http_here(), zk);
			is = SERVER_FOREIGN;
		} else
			is = judge_version(f, json_text(json_at(a.json,
			    "lucene", "solr-spec-version", NULL)));
	}
	answer_free(&a);
	return is;
}

bool
server_status(struct failover *f, struct answer *a, const char *base)
{
	if (http_get(f, a, PATIENCE, base,
	    "/admin/cores?action=STATUS&indexInfo=false"))
		return true;
	f->say(f, FAILOVER_FAILED, "%s", a->wrong);
	return false;
}

yajl_val
server_core(const struct answer *a, const char *core)
{
	yajl_val	 v = json_at(a->json, "status", core, NULL);

	return *json_text(json_at(v, "name", NULL)) == '\0' ? NULL : v;
}
