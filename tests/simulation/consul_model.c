/*
 * consul_model.c - requests to a Consul cluster as it was measured.
 *
 *	lock.c -> consul_lock, …  -> out -> arrive -> apply -> back -> deliver
 *
 * A request goes out through the node's own Consul agent, arrives at a server,
 * is applied if it writes, and its answer comes back; each step can be slow,
 * blocked or lost, and the client may have stopped waiting long before.
 */

#include "servers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define HANGS		(40 * SEC)	/* until a lost packet is given up */
#define NO_LEADER	(7 * SEC)	/* until a server says that it has none */
#define SERVICE_ID	"app"

enum kind {
	OWN_CHECK, OWN_SERVICE,		/* the node's Consul agent knows it */
	GET, WATCH, RECORD_LIST, INFO, LIST, INSTANCES,
	RENEW,						/* need no raft write */
	LOCK, RELEASE, CREATE, DESTROY, PUT, DELETE, REGISTER, DEREGISTER
};

struct consul_request {
	LIST_ENTRY(consul_request) entry;
	int			 refs;		/* happenings that name it */
	bool			 waiting;	/* somebody wants the answer */
	bool			 watching;	/* a server holds it */
	bool			 answered;	/* what it does now is not told */
	enum kind		 kind;
	struct consul		*client;
	struct node		*node;
	uint32_t		 life, consul_life;
	consul_cb		 cb;
	void			*arg;
	int64_t			 began, sent_at;	/* world's, node's time */

	bool			 consistent, seen_exists, serf;
	uint64_t		 index, seen_modify;
	int64_t			 wait, ttl, lock_delay;
	char			 session[CONSUL_ID_MAX];	/* LIST: a node */
	char			 key_name[96];	/* of a record */
	char			 value[1024];

	enum consul_outcome	 outcome;
	bool			 delayed;
	const char		*text;
	uint64_t		 reply_index;
	struct consul_key	*key;		/* as it is shown; NULL */
	struct consul_session	*sessions;
	struct consul_instance	*instances;
	struct records		*records;
	struct consul_record	*shown_records;
	size_t			 count;
};

static LIST_HEAD(, consul_request) requests = LIST_HEAD_INITIALIZER(requests);

static void	request_apply(struct node *, void *, int64_t);
static void	request_out(struct node *, void *, int64_t);

/*
 * Requests.
 */

static void
request_free(struct consul_request *r)
{
	LIST_REMOVE(r, entry);
	free(r->sessions);
	free(r->instances);
	free(r->records);
	free(r->shown_records);
	free(r->key);
	free(r);
}

static void
request_unref(struct consul_request *r)
{
	if (--r->refs == 0)
		request_free(r);
}

static bool
is_local(const struct consul_request *r)
{
	return r->kind <= OWN_SERVICE;
}

static bool
is_write(const struct consul_request *r)
{
	return r->kind >= LOCK;
}

static void
request_plant_bug(struct consul_request *r, struct consul_reply *reply)
{
	if ((world.bug == BUG_PROOF_AT_ARRIVAL && r->kind == GET) ||
	    (world.bug == BUG_PROMOTE_UNLOOKED && r->kind == LOCK))
		reply->sent_at_ms = node_clock(r->node);
	if (world.bug == BUG_UNKNOWN_IS_NO && is_write(r) &&
	    reply->outcome == CONSUL_UNKNOWN) {
		reply->outcome = CONSUL_REFUSED;
		reply->delayed = true;
	}
	if (world.bug == BUG_RENEW_IS_PROOF && r->kind == RENEW &&
	    reply->outcome == CONSUL_OK)
		agent_renewed(r->node, r->sent_at);
}

static void
request_tell(struct consul_request *r, enum consul_outcome outcome,
    const char *text)
{
	struct consul_reply	reply = {
		.outcome = outcome, .text = text, .sent_at_ms = r->sent_at,
		.index = r->reply_index, .delayed = r->delayed,
		.key = r->key,
		.sessions = r->sessions, .instances = r->instances,
		.session_count = r->sessions == NULL ? 0 : r->count,
		.instance_count = r->instances == NULL ? 0 : r->count,
		.records = r->shown_records,
		.record_count = r->records == NULL ? 0 : r->records->count,
		.id = r->session, .node = outcome == CONSUL_GONE ? "" :
		    r->node->name, .tags = "",
		.address = "",
	};

	if (!r->waiting || r->life != *r->client->life)
		return;
	r->waiting = false;
	r->client->silences += outcome == CONSUL_UNKNOWN;
	request_plant_bug(r, &reply);
	r->cb(&reply, r->arg);
}

static void
request_deliver(struct node *n, void *arg, int64_t unused)
{
	struct consul_request	*r = arg;

	(void)n;
	(void)unused;
	request_tell(r, r->outcome, r->text);
	request_unref(r);
}

/* The client's own time-out: a timer of libevent's. */
static void
request_late(struct node *n, void *arg, int64_t due)
{
	struct consul_request	*r = arg;
	int64_t			 left = due - node_monotonic(n);

	if (r->waiting && left > 0) {
		world_in(node_delay(n, left), r->client->whose, n,
		    request_late, r, due, NULL);
		return;
	}
	request_tell(r, CONSUL_UNKNOWN, "no answer in time");
	request_unref(r);
}

/* Of one of its packets: until a slow one is there its node is not in peace.  That
 * of a guard's `leave` may take its time, so that its sender may be gone, and the
 * next agent there, before it arrives. */
static int64_t
request_latency(struct consul_request *r)
{
	int64_t	takes = r->client->whose == OF_HOST && !world.quiet &&
		    chance(40) ? between(MS, 4 * SEC) : latency();

	if (takes > PROMPT)
		copy_disturbed_for(r->node, takes / MS);
	return takes;
}

/* True where the way is blocked, by cuts to the servers or at the node: later
 * then, or never. */
static bool
request_blocked(struct consul_request *r, int cuts, happening again)
{
	if (r->node->cut_local == 0 && r->node->consul_frozen == 0 &&
	    (cuts == 0 || is_local(r)))
		return false;
	copy_disturbed(r->node);
	if (world.now - r->began > HANGS || chance(10)) {
		if (r->kind == WATCH)
			world.watch_lost_at = world.now;
		copy_deaf(r->node, r->waiting && r->kind == WATCH,
		    r->waiting && r->kind == RECORD_LIST);
		request_unref(r);
	} else
		world_in(between(200 * MS, 2 * SEC), OF_HOST, r->node, again,
		    r, 0, NULL);
	return true;
}

static bool
request_broken(struct consul_request *r)
{
	struct node	*n = r->node;

	if (n->consul_down == 0 && n->consul_life == r->consul_life)
		return false;
	r->outcome = CONSUL_UNKNOWN;
	r->text = "the connection broke";
	world_in(MS / 2, r->client->whose, n, request_deliver, r, 0, NULL);
	return true;
}

static void
request_back(struct node *n, void *arg, int64_t unused)
{
	struct consul_request	*r = arg;

	(void)unused;
	if (!request_broken(r) && !request_blocked(r, n->cut_in, request_back))
		world_in(between(50, MS / 2), r->client->whose, n,
		    request_deliver, r, 0, NULL);
}

static void
request_answer(struct consul_request *r, enum consul_outcome outcome,
    const char *text)
{
	r->outcome = outcome;
	r->text = text;
	r->answered = true;
	if (r->client->blocking != NULL)
		return;
	r->refs++;
	world_in(request_latency(r), OF_HOST, r->node, request_back, r, 0, NULL);
}

static void
answer_records(struct consul_request *r, const struct records *of)
{
	size_t	size = offsetof(struct records, list) +
		    of->count * sizeof of->list[0], i;

	r->records = malloc(size);
	r->shown_records = calloc(of->count + 1, sizeof *r->shown_records);
	if (r->records == NULL || r->shown_records == NULL)
		abort();
	memcpy(r->records, of, size);
	for (i = 0; i < of->count; i++) {
		const struct record	*one = &r->records->list[i];

		r->shown_records[i] = (struct consul_record){
			.key = one->key, .value = one->value,
			.session = one->holder == NULL ? "" : one->holder->id,
		};
	}
	r->reply_index = of->index;
	request_answer(r, CONSUL_OK, "");
}

/* The value's room is large, and hardly used. */
static void
show_key(struct consul_request *r, const struct consul_key *k,
    const char *value)
{
	r->key = malloc(sizeof *r->key);
	if (r->key == NULL)
		abort();
	r->key->exists = k->exists;
	memcpy(r->key->session, k->session, sizeof k->session);
	snprintf(r->key->value, sizeof r->key->value, "%s", value);
	r->key->create_index = k->create_index;
	r->key->lock_index = k->lock_index;
	r->key->modify_index = k->modify_index;
}

static void
answer_key(struct consul_request *r, const struct key *k)
{
	show_key(r, &k->shown, k->shown.value);
	r->reply_index = k->index;
	request_answer(r, CONSUL_OK, "");
}

/*
 * Writes, at the servers.
 */

static enum consul_outcome
apply_create(struct consul_request *r)
{
	struct node	*n = r->node;
	struct session	*s;

	if (!n->registered || !n->passing || (r->serf && !n->serf))
		return CONSUL_REFUSED;
	if (servers.session_count == SESSIONS)
		return CONSUL_UNKNOWN;
	s = &servers.sessions[servers.session_count++];
	snprintf(s->id, sizeof s->id, "session-%zu", servers.session_count);
	s->node = n;
	s->alive = true;
	s->serf = r->serf;
	s->ttl = r->ttl;
	s->lock_delay = r->lock_delay;
	servers.index++;
	session_live(s);
	memcpy(r->session, s->id, sizeof r->session);
	say(n, "consul: session %s is created", s->id);
	return CONSUL_OK;
}

static bool
key_is_as_seen(const struct consul_request *r)
{
	return world.bug == BUG_BLIND_ACQUIRE ||
	    (servers.key.shown.exists == r->seen_exists &&
	    (!r->seen_exists ||
	    servers.key.shown.modify_index == r->seen_modify));
}

static enum consul_outcome
apply_lock(struct consul_request *r)
{
	struct consul_key	*k = &servers.key.shown;
	struct session		*s = session_find(r->session);
	bool			 again = s != NULL && servers.key.holder == s;

	if (!key_is_as_seen(r))
		return CONSUL_REFUSED;
	if (s == NULL || !s->alive)
		return CONSUL_GONE;
	if (servers.key.holder != NULL && !again)
		return CONSUL_REFUSED;
	if (again && strcmp(k->value, r->value) == 0)
		return CONSUL_OK;	/* nothing is new */
	if (!k->exists) {
		memset(k, 0, sizeof *k);
		k->exists = true;
		k->create_index = servers.index + 1;
		servers.index++;
	}
	if (!again)
		k->lock_index++;
	servers.key.holder = s;
	memcpy(k->session, s->id, sizeof k->session);
	snprintf(k->value, sizeof k->value, "%s", r->value);
	key_changed();
	if (again)
		return CONSUL_OK;
	say(r->node, "consul: the lock is its own now, index %" PRIu64,
	    k->modify_index);
	if (r->node->core != NULL)	/* model_test.c has no agents */
		copies_see_taken(r->node);
	faults_moment(r->node, MOMENT_OF_ACQUIRE);
	return CONSUL_OK;
}

/* Does it say how far this copy has got?  Not if it passes on what was left to it,
 * which may be of an earlier mastership of its own. */
static bool
tells_its_own(const struct consul_request *r)
{
	char	who[64];

	snprintf(who, sizeof who, "\"node\":\"%s\"", r->node->name);
	return strstr(r->value, "\"position\"") != NULL &&
	    strstr(r->value, "\"passed_on\"") == NULL &&
	    strstr(r->value, who) != NULL;
}

static enum consul_outcome
apply_release(struct consul_request *r)
{
	struct session	*s = session_find(r->session);
	bool		 clean;

	if (s == NULL || !s->alive || servers.key.holder != s)
		return CONSUL_REFUSED;
	clean = strstr(r->value, "\"released\"") != NULL;
	copies_see_free(clean);
	if (clean)
		copy_hands_over(r->node, tells_its_own(r),
		    strstr(r->value, "\"position\"") != NULL,
		    r->client == &r->node->consul);
	key_released(r->value);
	say(r->node, "consul: it has given the lock back%s",
	    strstr(r->value, "released") != NULL ? ", in good order" : "");
	return CONSUL_OK;
}

static enum consul_outcome
apply_destroy(struct consul_request *r)
{
	struct session	*s = session_find(r->session);

	if (s != NULL)
		session_end(s, "it is destroyed");
	return CONSUL_OK;
}

/* Another's session, or a dead one's: 500, invalid session.  Their lock-delay
 * is left out: a record's name is its session's, so nobody takes it over. */
static enum consul_outcome
apply_put(struct consul_request *r)
{
	struct session	*s = session_find(r->session);
	struct record	*record = record_find(r->key_name);

	if (r->session[0] != '\0' && (s == NULL || !s->alive))
		return CONSUL_UNKNOWN;
	if (s != NULL && record != NULL && record->holder != NULL &&
	    record->holder != s)
		return CONSUL_REFUSED;
	if (record == NULL && servers.records.count == RECORDS)
		return CONSUL_UNKNOWN;
	if (record == NULL) {
		record = &servers.records.list[servers.records.count++];
		memset(record, 0, sizeof *record);
		memcpy(record->key, r->key_name, sizeof record->key);
		if (s != NULL)
			r->node->copy.recorded_at = world.now;
	} else if (s != NULL && record->holder == s &&
	    strcmp(record->value, r->value) == 0)
		return CONSUL_OK;	/* nothing is new */
	if (s != NULL)
		record->holder = s;
	memcpy(record->value, r->value, sizeof record->value);
	/* As after a new session.  In an election it says it again. */
	if (s != NULL && strstr(r->value, "\"epoch\"") == NULL &&
	    !(r->node->running && elector_runs(r->node->agent->elector)))
		copy_unrecorded(r->node);
	if (s != NULL)
		copy_tells(r->node, r->value);
	else
		world.told_at = world.now;
	say(r->node, "consul: its record: %s", record->value);
	records_changed();
	return CONSUL_OK;
}

static enum consul_outcome
apply_delete(struct consul_request *r)
{
	struct record	*record = record_find(r->key_name);

	if (record != NULL) {
		*record = servers.records.list[--servers.records.count];
		records_changed();
	}
	return CONSUL_OK;
}

/* As critical.  A check that Consul has already stays as it is. */
static enum consul_outcome
apply_register(struct consul_request *r)
{
	consul_register_service(r->node, r->node->in_data && r->node->check);
	return CONSUL_OK;
}

static enum consul_outcome
apply_deregister(struct consul_request *r)
{
	if (r->node->in_data)
		consul_deregister_service(r->node);
	return CONSUL_OK;
}

static void
request_commit(struct consul_request *r, int64_t delay)
{
	world_in(delay, OF_WORLD, r->node, request_apply, r, 0, NULL);
}

static void
request_apply(struct node *n, void *arg, int64_t unused)
{
	static enum consul_outcome	(*const apply[])
			    (struct consul_request *) = {
		[LOCK] = apply_lock, [RELEASE] = apply_release,
		[CREATE] = apply_create, [DESTROY] = apply_destroy,
		[PUT] = apply_put, [DELETE] = apply_delete,
		[REGISTER] = apply_register, [DEREGISTER] = apply_deregister,
	};
	struct consul_request	*r = arg;
	enum consul_outcome	 outcome;

	(void)n;
	(void)unused;
	if (!servers.leader) {		/* 7 of 8 took effect later */
		if (!r->answered)
			request_answer(r, CONSUL_UNKNOWN, "leadership lost "
			    "while committing log");
		if (chance(12))
			request_unref(r);
		else
			request_commit(r, 300 * MS);
		return;
	}
	outcome = apply[r->kind](r);
	if (!r->answered) {
		if (r->kind == LOCK && outcome == CONSUL_OK)
			/* A transaction does not tell the value. */
			show_key(r, &servers.key.shown, "");
		request_answer(r, outcome, outcome == CONSUL_REFUSED ?
		    "Consul says no" : "");
	}
	request_unref(r);
}

/*
 * Reads.
 */

static void
answer_sessions(struct consul_request *r)
{
	size_t	i;

	for (i = 0; i < servers.session_count; i++) {
		const struct session	*s = &servers.sessions[i];
		struct consul_session	*c;

		if (!s->alive || strcmp(r->session, r->kind == INFO ? s->id :
		    s->node->name) != 0)
			continue;
		r->sessions = realloc(r->sessions,
		    (r->count + 1) * sizeof *r->sessions);
		if (r->sessions == NULL)
			abort();
		c = &r->sessions[r->count++];
		memset(c, 0, sizeof *c);
		memcpy(c->id, s->id, sizeof c->id);
		snprintf(c->name, sizeof c->name, "%s", SERVICE_ID);
		snprintf(c->node, sizeof c->node, "%s", s->node->name);
		snprintf(c->ttl, sizeof c->ttl, "%" PRId64 "ms", s->ttl);
		c->lock_delay_ms = s->lock_delay;
		c->serf_health = s->serf;
		c->service = true;
		snprintf(c->service_id, sizeof c->service_id, "%s", SERVICE_ID);
	}
	request_answer(r, CONSUL_OK, "");
}

static void
answer_instances(struct consul_request *r)
{
	int	i;

	r->instances = calloc(NODES_MAX, sizeof *r->instances);
	if (r->instances == NULL)
		abort();
	for (i = 0; i < world.count; i++) {
		struct consul_instance	*in = &r->instances[r->count];
		const struct node	*n = &world.nodes[i];

		if (!n->registered)
			continue;
		r->count++;
		snprintf(in->node, sizeof in->node, "%s", n->name);
		snprintf(in->address, sizeof in->address, "%s", n->host);
		snprintf(in->service_id, sizeof in->service_id, SERVICE_ID);
		in->port = 8080;
	}
	request_answer(r, CONSUL_OK, "");
}

static void
request_wait_over(struct node *n, void *arg, int64_t unused)
{
	struct consul_request	*r = arg;

	(void)unused;
	if (r->watching && r->kind == RECORD_LIST) {
		r->watching = false;
		if (servers.records.count == 0)
			servers.records.index = ++servers.index;
		answer_records(r, by_old_leader(n) ? &servers.old_records :
		    &servers.records);
	} else if (r->watching) {
		r->watching = false;
		if (!servers.key.shown.exists)	/* some other key's change */
			servers.key.index = ++servers.index;
		answer_key(r, by_old_leader(n) ? &servers.old : &servers.key);
	}
	request_unref(r);
}

/* False: it waits.  A larger index than the store's waits too; and whatever
 * changes wakes one who waits for what is missing. */
static bool
watch_answered(struct consul_request *r, uint64_t index, bool exists)
{
	int64_t	wait;

	if (r->index != index && (r->index == 0 || r->index < index))
		return true;
	r->watching = true;
	r->refs++;
	wait = r->wait * MS + between(0, r->wait * MS / 16);
	if (!exists && !world.quiet)
		wait = between(MS, wait);
	world_in(wait, OF_WORLD, r->node, request_wait_over, r, 0, NULL);
	return false;
}

static void
answer_renew(struct consul_request *r, bool old)
{
	struct session	*s = session_find(r->session);

	/* An old leader still knows it, and answers; that is all it does. */
	if (s == NULL || (!s->alive && !old))
		request_answer(r, CONSUL_GONE, "the session is not found");
	else {
		if (s->alive && !old)
			session_live(s);
		request_answer(r, CONSUL_OK, "");
	}
}

static void
request_read(struct consul_request *r, bool old)
{
	const struct key	*k = old ? &servers.old : &servers.key;
	const struct records	*records = old ? &servers.old_records :
				    &servers.records;

	switch (r->kind) {
	case OWN_CHECK:
	case OWN_SERVICE:
		request_answer(r, r->node->in_data ? CONSUL_OK : CONSUL_GONE,
		    "");
		break;
	case GET:
		answer_key(r, k);
		break;
	case WATCH:
		if (watch_answered(r, k->index, k->shown.exists))
			answer_key(r, k);
		break;
	case RECORD_LIST:
		if (watch_answered(r, records->index, records->count > 0))
			answer_records(r, records);
		break;
	case INFO:
	case LIST:
		answer_sessions(r);
		break;
	case INSTANCES:
		answer_instances(r);
		break;
	case RENEW:
		answer_renew(r, old);
		break;
	case LOCK:
	case RELEASE:
	case CREATE:
	case DESTROY:
	case PUT:
	case DELETE:
	case REGISTER:
	case DEREGISTER:
		break;
	}
}

/* An error that took effect, at once or late; or one that did not. */
static bool
request_ambiguous(struct consul_request *r)
{
	if (world.lossy == 0 || !is_write(r) || !chance(40))
		return false;
	if (chance(60))
		request_answer(r, CONSUL_UNKNOWN, "500");
	else
		r->answered = true;	/* no answer at all */
	if (chance(70))
		request_commit(r, chance(50) ? between(MS, 50 * MS) :
		    between(MS, 12 * SEC));
	else
		request_unref(r);
	return true;
}

/* Whom the old leader answers without asking the others. */
static bool
request_by_old_leader(const struct consul_request *r)
{
	if (!r->node->old_leader || is_write(r) || r->kind == INSTANCES)
		return false;
	if (r->kind == GET && r->consistent)
		return world.bug == BUG_STALE_PROOF &&
		    world.now < servers.stale_until;
	return by_old_leader(r->node);
}

static bool
request_denied(const struct consul_request *r)
{
	switch (r->kind) {
	case GET:
	case WATCH:
	case LOCK:
	case RELEASE:
	case PUT:
	case DELETE:
		return r->node->revoked > 0 || r->node->denied > 0;
	default:
		return r->node->revoked > 0;
	}
}

static void
request_arrive(struct node *n, void *arg, int64_t unused)
{
	struct consul_request	*r = arg;
	bool			 old = request_by_old_leader(r);
	bool			 alone = old || is_local(r);

	(void)unused;
	if (!servers.leader && !alone && world.now - r->began < NO_LEADER) {
		world_in(between(100 * MS, 400 * MS), OF_WORLD, n,
		    request_arrive, r, 0, NULL);
		return;
	}
	if (!servers.leader && !alone)
		request_answer(r, CONSUL_UNKNOWN, "No cluster leader");
	else if (request_denied(r))
		request_answer(r, CONSUL_DENIED, "Permission denied");
	else if (r->kind == LOCK && world.now < servers.delayed_until) {
		/* Looked at before the write: see the blind acquire. */
		r->delayed = true;
		request_answer(r, CONSUL_REFUSED, "lock-delay");
	} else if (request_ambiguous(r))
		return;
	else if (is_write(r)) {
		request_commit(r, between(MS, 10 * MS));
		return;
	} else
		request_read(r, old);
	request_unref(r);
}

static void
request_out(struct node *n, void *arg, int64_t unused)
{
	struct consul_request	*r = arg;

	(void)unused;
	if (!request_broken(r) && !request_blocked(r, n->cut_out, request_out))
		world_in(request_latency(r), OF_WORLD, n, request_arrive, r, 0, NULL);
}

/*
 * consul.h
 */

static struct consul_request *
request_new(struct consul *c, enum kind kind, const char *session,
    const char *value, consul_cb cb, void *arg)
{
	struct consul_request	*r = calloc(1, sizeof *r);

	if (r == NULL)
		abort();
	LIST_INSERT_HEAD(&requests, r, entry);
	r->kind = kind;
	r->node = c->node;
	r->client = c;
	r->life = *c->life;
	r->consul_life = c->node->consul_life;
	r->cb = cb;
	r->arg = arg;
	r->began = world.now;
	r->sent_at = node_clock(c->node);
	r->waiting = true;
	r->text = "";
	snprintf(r->session, sizeof r->session, "%s", session);
	snprintf(r->value, sizeof r->value, "%s", value);
	return r;
}

static struct consul_request *
request_send(struct consul_request *r, int64_t timeout)
{
	struct node	*n = r->node;

	if (r->client->blocking != NULL)
		return r;
	r->refs = 2;
	world_in(node_delay(n, timeout), r->client->whose, n, request_late, r,
	    node_monotonic(n) + timeout, NULL);
	world_in(between(50, MS / 2), OF_HOST, n, request_out, r, 0, NULL);
	return r;
}

static struct consul_request *
request_ask(struct consul *c, enum kind kind, const char *session,
    consul_cb cb, void *arg)
{
	return request_send(request_new(c, kind, session, "", cb, arg),
	    c->node->config.request_timeout);
}

uint64_t
consul_silences(const struct consul *c)
{
	return c->silences;
}

void
consul_cancel(struct consul_request *r)
{
	if (r == NULL || (world.bug == BUG_OLD_READ && r->kind == GET &&
	    r->node->running))
		return;
	r->waiting = false;
}

struct consul_request *
consul_get(struct consul *c, const char *key, bool consistent, consul_cb cb,
    void *arg)
{
	struct consul_request	*r = request_ask(c, GET, "", cb, arg);

	(void)key;
	r->consistent = consistent;
	return r;
}

struct consul_request *
consul_watch(struct consul *c, const char *key, uint64_t index, int64_t wait,
    consul_cb cb, void *arg)
{
	struct consul_request	*r = request_new(c, WATCH, "", "", cb, arg);

	(void)key;
	c->node->copy.deaf_to_key = false;
	r->index = index;
	r->wait = wait;
	return request_send(r, wait + wait / 16 + 2000 +
	    c->node->config.request_timeout);
}

static struct consul_request *
request_of_record(struct consul *c, enum kind kind, const char *key,
    const char *session, const char *value, consul_cb cb, void *arg)
{
	struct consul_request	*r = request_new(c, kind, session == NULL ?
				    "" : session, value, cb, arg);

	snprintf(r->key_name, sizeof r->key_name, "%s", key);
	return r;
}

struct consul_request *
consul_list(struct consul *c, const char *prefix, uint64_t index, int64_t wait,
    consul_cb cb, void *arg)
{
	struct consul_request	*r = request_of_record(c, RECORD_LIST, prefix,
				    "", "", cb, arg);

	/* What it has missed it has once this is answered. */
	if (c->node->copy.deaf_to_records)
		copy_disturbed(c->node);
	c->node->copy.deaf_to_records = false;
	r->index = index;
	r->wait = wait;
	return request_send(r, wait + wait / 16 + 2000 +
	    c->node->config.request_timeout);
}

struct consul_request *
consul_put(struct consul *c, const char *key, const char *session,
    const char *value, consul_cb cb, void *arg)
{
	return request_send(request_of_record(c, PUT, key, session, value, cb,
	    arg), c->node->config.request_timeout);
}

/* Only where there are too many records for one answer: never here. */
struct consul_request *
consul_keys(struct consul *c, const char *prefix, consul_cb cb, void *arg)
{
	(void)c, (void)prefix, (void)cb, (void)arg;
	abort();
}

struct consul_request *
consul_delete(struct consul *c, const char *key, consul_cb cb, void *arg)
{
	return request_send(request_of_record(c, DELETE, key, "", "", cb, arg),
	    c->node->config.request_timeout);
}

struct consul_request *
consul_lock(struct consul *c, const char *key, const struct consul_key *seen,
    const char *session, const char *value, consul_cb cb, void *arg)
{
	struct consul_request	*r = request_new(c, LOCK, session, value, cb,
				    arg);
	char			*left = strstr(r->value, ",\"before\"");

	(void)key;
	if (world.bug == BUG_LEFT_FORGOTTEN && left != NULL)
		snprintf(left, 2, "}");
	r->seen_exists = seen->exists;
	r->seen_modify = seen->modify_index;
	c->node->copy.asked_at = world.now;
	say(c->node, "asks for the lock");
	return request_send(r, c->node->config.request_timeout);
}

struct consul_request *
consul_release(struct consul *c, const char *key, const char *session,
    const char *value, consul_cb cb, void *arg)
{
	(void)key;
	return request_send(request_new(c, RELEASE, session, value, cb, arg),
	    c->node->config.request_timeout);
}

struct consul_request *
consul_session_create(struct consul *c, const char *name, const char *service,
    bool serf_health, int64_t ttl, int64_t lock_delay, consul_cb cb, void *arg)
{
	struct consul_request	*r = request_new(c, CREATE, "", "", cb, arg);

	(void)name;
	(void)service;
	r->serf = serf_health;
	r->ttl = ttl;
	r->lock_delay = lock_delay;
	return request_send(r, c->node->config.request_timeout);
}

struct consul_request *
consul_session_renew(struct consul *c, const char *id, consul_cb cb, void *arg)
{
	return request_ask(c, RENEW, id, cb, arg);
}

struct consul_request *
consul_session_destroy(struct consul *c, const char *id, consul_cb cb,
    void *arg)
{
	return request_ask(c, DESTROY, id, cb, arg);
}

struct consul_request *
consul_session_info(struct consul *c, const char *id, const char *service,
    consul_cb cb, void *arg)
{
	(void)service;
	return request_ask(c, INFO, id, cb, arg);
}

struct consul_request *
consul_sessions(struct consul *c, const char *node, const char *service,
    consul_cb cb, void *arg)
{
	(void)service;
	return request_ask(c, LIST, node, cb, arg);
}

struct consul_request *
consul_own_check(struct consul *c, const char *id, consul_cb cb, void *arg)
{
	(void)id;
	return request_ask(c, OWN_CHECK, "", cb, arg);
}

struct consul_request *
consul_own_service(struct consul *c, const char *id, consul_cb cb, void *arg)
{
	(void)id;
	return request_ask(c, OWN_SERVICE, "", cb, arg);
}

/* Now and then the token has been replaced meanwhile. */
bool
consul_same_check(const struct consul *c, const char *check,
    const struct consul_registration *entry)
{
	(void)c, (void)check, (void)entry;
	return chance(80);
}

struct consul_request *
consul_register(struct consul *c, const struct consul_registration *entry,
    consul_cb cb, void *arg)
{
	(void)entry;
	return request_ask(c, REGISTER, "", cb, arg);
}

struct consul_request *
consul_deregister(struct consul *c, const char *id, consul_cb cb, void *arg)
{
	(void)id;
	return request_ask(c, DEREGISTER, "", cb, arg);
}

struct consul_request *
consul_instances(struct consul *c, const char *name, consul_cb cb, void *arg)
{
	(void)name;
	return request_ask(c, INSTANCES, "", cb, arg);
}

bool
consul_new(struct consul **out, struct event_base *base,
    const struct config *config, struct error *err)
{
	struct node	*n = base->node;

	(void)config;
	(void)err;
	*out = base->blocks ? &n->blocked : &n->consul;
	if (base->blocks)
		n->blocked = (struct consul){ .node = n, .life = &n->life,
		    .whose = OF_AGENT, .blocking = base };
	return true;
}

static struct consul_request *
request_of_blocked(const struct event_base *base)
{
	struct consul_request	*r;

	LIST_FOREACH(r, &requests, entry)
		if (r->client->blocking == base)
			break;
	return r;
}

bool
consul_answers_at_once(const struct event_base *base)
{
	struct consul_request	*r = request_of_blocked(base);
	const struct node	*n = base->node;

	if (r == NULL || n->cut_local > 0 || n->consul_down > 0 ||
	    n->consul_frozen > 0 ||
	    (!is_local(r) && (!consul_reaches(n) || !servers.leader)))
		return false;
	if (request_denied(r))
		request_answer(r, CONSUL_DENIED, "Permission denied");
	else
		request_read(r, false);
	request_tell(r, r->outcome, r->text);
	request_free(r);
	return true;
}

void
consul_free(struct consul *c)
{
	struct consul_request	*r;

	while (c != NULL && c->blocking != NULL &&
	    (r = request_of_blocked(c->blocking)) != NULL)
		request_free(r);
}

bool
consul_reload(struct consul *c, struct error *err)
{
	(void)c;
	(void)err;
	return true;
}

const char *
consul_address(const struct consul *c)
{
	return c->node->name;
}

void
consul_count(const struct consul *c, uint64_t *asked, uint64_t *failed)
{
	*asked = 0;
	*failed = c->silences;
}

int64_t
consul_answered_at_ms(const struct consul *c)
{
	(void)c;
	return -1;
}

/*
 * What the servers do to requests.
 */

void
requests_wake(bool of_old_leader)
{
	struct consul_request	*r;

	LIST_FOREACH(r, &requests, entry) {
		bool	of_key = r->kind == WATCH;

		if (!r->watching || r->index >= (of_key ? servers.key.index :
		    servers.records.index) ||
		    (by_old_leader(r->node) && !of_old_leader))
			continue;
		r->watching = false;
		if (of_key)
			answer_key(r, &servers.key);
		else
			answer_records(r, &servers.records);
	}
}

void
requests_break(const struct node *n)
{
	struct consul_request	*r;

	LIST_FOREACH(r, &requests, entry)
		if (r->watching && r->node == n) {
			r->watching = false;
			request_answer(r, CONSUL_UNKNOWN, "closed");
		}
}

void
consul_end(void)
{
	while (!LIST_EMPTY(&requests))
		request_free(LIST_FIRST(&requests));
}
