/*
 * core.c - requests to one core, and the position of its index.
 */
#include "core.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An index of another history can have any number; what tells is the version
 * of the same generation, and one that grows while the other shrinks. */
enum relation
place_compare(struct place ours, struct place theirs)
{
	if (ours.generation == theirs.generation &&
	    ours.version == theirs.version)
		return SAME;
	if (theirs.version == 0)	/* empty, never committed to */
		return AHEAD;
	if (ours.version == 0)
		return BEHIND;
	if (ours.generation > theirs.generation && ours.version > theirs.version)
		return AHEAD;
	if (ours.generation < theirs.generation && ours.version < theirs.version)
		return BEHIND;
	return DIVERGED;
}

bool
place_lacks(struct place ours, struct place theirs)
{
	enum relation	 r = place_compare(ours, theirs);

	return r == BEHIND || r == DIVERGED;
}

bool
place_is_older(struct place ours, struct place theirs)
{
	return place_lacks(ours, theirs) &&
	    theirs.generation >= ours.generation;
}

bool
place_find(const char *position, const char *core, struct place *p)
{
	size_t		 length = strlen(core);
	unsigned long long	 version, generation;
	int		 end;

	for (; position != NULL; position = strchr(position, ',')) {
		position += *position == ',';
		end = -1;
		if (strncmp(position, core, length) != 0 ||
		    position[length] != '=' ||
		    !isdigit((unsigned char)position[length + 1]) ||
		    sscanf(position + length + 1, "%20llu:%20llu%n", &version,
		    &generation, &end) != 2 || end == -1 ||
		    strchr(",", position[length + 1 + (size_t)end]) == NULL)
			continue;
		*p = (struct place){ version, generation };
		return true;
	}
	return false;
}

/* Before 8.7 they were masters and slaves, and 8.x still says so. */
static yajl_val
either(yajl_val v, const char *one, const char *other)
{
	yajl_val	 found = json_at(v, one, NULL);

	return found != NULL ? found : json_at(v, other, NULL);
}

static struct place
newest(yajl_val commits)
{
	struct place	 p = { 0 }, q;
	yajl_val	 v;
	size_t		 n;

	for (n = 0; YAJL_IS_ARRAY(commits) &&
	    n < YAJL_GET_ARRAY(commits)->len; n++) {
		v = YAJL_GET_ARRAY(commits)->values[n];
		q.version = json_number(json_at(v, "indexVersion", NULL));
		q.generation = json_number(json_at(v, "generation", NULL));
		if (q.generation > p.generation)
			p = q;
	}
	return p;
}

static void
read_details(struct replication *r, yajl_val d)
{
	yajl_val	 leader = either(d, "leader", "master");
	yajl_val	 follower = either(d, "follower", "slave");

	*r = (struct replication){
		.place = newest(json_at(d, "commits", NULL)),
		.leader = json_true(either(d, "isLeader", "isMaster")),
		.follower = json_true(either(d, "isFollower", "isSlave")),
		.serving = json_true(json_at(leader, "replicationEnabled",
		    NULL)),
		.poll_off = json_true(json_at(follower, "isPollingDisabled",
		    NULL)),
		.fetching = json_true(json_at(follower, "isReplicating", NULL)),
		.seconds = atol(json_text(json_at(follower, "timeElapsed",
		    NULL))),
	};
	snprintf(r->url, sizeof(r->url), "%s",
	    json_text(either(follower, "leaderUrl", "masterUrl")));
}

/* There is command=indexversion, too, but it keeps the files of that commit for
 * ten seconds, for which the next fetch of such a core waits.  Without its
 * leader's details, for which Solr would ask the leader. */
bool
replication_ask(struct failover *f, const char *base, const char *core,
    struct replication *r)
{
	struct answer	 a;
	yajl_val	 d;
	bool		 ok;

	ok = http_get(f, &a, PATIENCE, base, "/%s/replication?command=details"
	    "&follower=false&slave=false&json.nl=map", core);
	d = json_at(a.json, "details", NULL);
	if (d == NULL && ok)
		snprintf(a.wrong, sizeof(a.wrong), "%s: its handler "
		    "/replication reports no details", base);
	if (d == NULL)
		f->say(f, FAILOVER_FAILED, "core %s: %s", core, a.wrong);
	else
		read_details(r, d);
	r->status = a.status;
	answer_free(&a);
	return d != NULL;
}

bool
replication_do(struct failover *f, const char *core, const char *command)
{
	struct answer	 a;
	bool		 ok;

	ok = http_get(f, &a, PATIENCE, http_here(),
	    "/%s/replication?command=%s", core, command);
	if (ok && strcmp(json_text(json_at(a.json, "status", NULL)),
	    "OK") != 0) {
		snprintf(a.wrong, sizeof(a.wrong), "%.200s",
		    json_text(json_at(a.json, "message", NULL)));
		ok = false;
	}
	if (!ok)
		f->say(f, FAILOVER_FAILED, "core %s: %s: %s", core, command,
		    a.wrong);
	answer_free(&a);
	return ok;
}
