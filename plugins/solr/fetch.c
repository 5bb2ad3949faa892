/* fetch.c - gets another copy's data: its commit, and our fetch of that. */
#include "fetch.h"

#include <stdio.h>
#include <string.h>

#include "server.h"

#define FETCH_WAIT	2000	/* ms in one call; it goes on without us */

bool
fetch_may_discard(struct failover *f)
{
	return strcmp(f->option(f, "on_divergence"), "follow") == 0;
}

/* What a fetch says; the password is in the form, so it is not shown. */
static enum failover_result
fetched(struct failover *f, const char *core, const char *base,
    const struct answer *a)
{
	const char	*said = json_text(json_at(a->json, "message", NULL));

	if (a->status == 0)
		return f->say(f, FAILOVER_AGAIN, "core %s is being fetched from "
		    "%s", core, base);
	if (*a->wrong != '\0')
		return f->say(f, FAILOVER_FAILED, "core %s: %s", core, a->wrong);
	if (strcmp(json_text(json_at(a->json, "status", NULL)), "OK") == 0)
		return FAILOVER_DONE;
	/* Another fetch has the lock, or there was a new commit meanwhile. */
	if (strstr(said, "lock") != NULL || strstr(said, "deleted") != NULL)
		return f->say(f, FAILOVER_AGAIN, "core %s is being fetched: %s",
		    core, said);
	return f->say(f, FAILOVER_FAILED, "core %s can't be fetched from %s: "
	    "%s; Solr's log says why: is that URL in allowUrls of solr.xml?",
	    core, base, said);
}

enum failover_result
fetch(struct failover *f, const char *core, const char *base)
{
	char			 form[2400], credentials[1200];
	struct answer		 a = { 0 };
	enum failover_result	 result;

	if (!http_credentials(credentials, sizeof(credentials)))
		return f->say(f, FAILOVER_FAILED, "the password is too long");
	/* Solr before 8.7 knows only the second name of the URL. */
	snprintf(form, sizeof(form), "command=fetchindex&wait=true"
	    "&leaderUrl=%s/%s&masterUrl=%s/%s%s", base, core, base, core,
	    credentials);
	http_post(f, &a, FETCH_WAIT, form, http_here(), "/%s/replication?",
	    core);
	result = fetched(f, core, base, &a);
	explicit_bzero(form, sizeof(form));
	explicit_bzero(credentials, sizeof(credentials));
	answer_free(&a);
	return result;
}

bool
fetch_commit(struct failover *f, const char *core, const char *base)
{
	struct answer	 a;
	bool		 ok;

	ok = http_get(f, &a, PATIENCE, base,
	    "/%s/update?commit=true&waitSearcher=false", core);
	if (!ok)
		f->say(f, FAILOVER_FAILED, "core %s: commit: %s", core,
		    a.wrong);
	answer_free(&a);
	return ok;
}
