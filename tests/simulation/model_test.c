/*
 * model_test.c - plays a sequence of requests and prints how Consul answers.
 *
 * Linked twice: with the simulator's model of Consul and with the daemon's own
 * client of a real one.  tests/system/test_model.py feeds both the same steps,
 * one a line, and compares what they print, one line a step: outcomes and flags
 * as they are, sessions by the names that the steps give them, indexes by what
 * became of them, times by whether they lie within bounds.
 *
 *	create a 1 serf ttl 3000 delay 1000	a session of node 1, named a
 *	lock a [as x] [by 2] [value v]		… as the key was seen last, or
 *						at "keep x", or as "missing"
 *	put r a [by 2] [value v]		the record r, which is a's, or
 *						"nobody"'s
 *	until 1000 4000 lock b : ok		again and again: it is so 1 to
 *						4 s after the last "mark"
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stage.h"
#include "value.h"

#define WORDS		24
#define NAMES		64
#define PAUSE		50	/* ms between two tries of "until" */
#define NEVER		60000

struct session {
	char	 name[16];
	char	 id[CONSUL_ID_MAX];
	int	 node;
};

struct snapshot {
	char			 name[16];
	struct consul_key	 key;
};

/* What is asked, and what is said of the answer. */
struct question {
	bool			 asked, done;
	void			(*tell)(struct question *,
				    const struct consul_reply *);
	struct session		*session;	/* of a create */
	int			 node;		/* of a watch, … */
	int64_t			 began, ended, wait;
	uint64_t		 index;
	bool			 existed, of_records;
	char			 text[2048];
};

struct step {
	const char	*name;
	void		(*play)(struct question *, int count, char **words);
};

static struct session	sessions[NAMES];
static struct snapshot	snapshots[NAMES];
static size_t		session_count, snapshot_count;
static struct consul_key seen;		/* as it was shown last */
static uint64_t		seen_index, seen_records;
static struct question	watch;
static struct consul_reply watch_reply;	/* told in its own step */
static struct consul_key watch_key;
static int64_t		marked;

static void __attribute__((noreturn))
die(const char *what, const char *word)
{
	fprintf(stderr, "%s: %s\n", what, word);
	exit(2);
}

/*
 * Words.
 */

/* Those that are not there are "". */
static int
split(char *line, char **words)
{
	int	i, count = 0;

	for (i = 0; i < WORDS; i++) {
		words[i] = strtok_r(line, " \n", &line);
		if (words[i] == NULL)
			words[i] = line;
		else
			count = i + 1;
	}
	return count;
}

/* What comes after an option's name; NULL where it is not there. */
static char *
option(int count, char **words, const char *name)
{
	int	i;

	for (i = 1; i + 1 < count; i++)
		if (strcmp(words[i], name) == 0)
			return words[i + 1];
	return NULL;
}

static int64_t
number(int count, char **words, const char *name, int64_t otherwise)
{
	const char	*text = option(count, words, name);

	return text == NULL ? otherwise : strtoll(text, NULL, 10);
}

static bool
flag(int count, char **words, const char *name)
{
	int	i;

	for (i = 1; i < count; i++)
		if (strcmp(words[i], name) == 0)
			return true;
	return false;
}

static int
node_of(const char *word)
{
	int	node = atoi(word) - 1;

	if (node < 0 || node >= STAGE_NODES || stage_consul(node) == NULL)
		die("no such node", word);
	return node;
}

static struct session *
session_of(const char *name)
{
	size_t	i;

	for (i = 0; i < session_count; i++)
		if (strcmp(sessions[i].name, name) == 0)
			return &sessions[i];
	die("no such session", name);
}

static const char *
name_of(const char *id)
{
	size_t	i;

	for (i = 0; i < session_count; i++)
		if (strcmp(sessions[i].id, id) == 0)
			return sessions[i].name;
	return "?";
}

static const struct consul_key *
snapshot_of(const char *name)
{
	static const struct consul_key	missing;
	size_t				i;

	if (name == NULL)
		return &seen;
	if (strcmp(name, "missing") == 0)
		return &missing;
	for (i = snapshot_count; i-- > 0;)
		if (strcmp(snapshots[i].name, name) == 0)
			return &snapshots[i].key;
	die("no such snapshot", name);
}

/* A session's own way to Consul, or that of the node that "by" names. */
static struct consul *
way_of(const struct session *s, int count, char **words)
{
	const char	*by = option(count, words, "by");

	return stage_consul(by == NULL ? s->node : node_of(by));
}

/*
 * Answers.
 */

static void __attribute__((format(printf, 2, 3)))
add(struct question *q, const char *fmt, ...)
{
	size_t	length = strlen(q->text);
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(q->text + length, sizeof q->text - length, fmt, ap);
	va_end(ap);
}

static const char *
change(uint64_t was, uint64_t is)
{
	return is == was ? "same" : is > was ? "grown" : "FALLEN";
}

static void
tell_key(struct question *q, const struct consul_reply *r)
{
	const struct consul_key	*k = r->key;

	if (k == NULL)
		return;
	if (!k->exists)
		add(q, ": missing");
	else {
		add(q, k->session[0] == '\0' ? ": free" : ": held by %s",
		    name_of(k->session));
		add(q, ", lock index %" PRIu64 ", created %s, modified %s, "
		    "value '%s'", k->lock_index,
		    change(seen.create_index, k->create_index),
		    change(seen.modify_index, k->modify_index), k->value);
	}
	seen = *k;
}

/* Of a missing key the index is that of any other key. */
static void
tell_read(struct question *q, const struct consul_reply *r)
{
	tell_key(q, r);
	if (r->outcome != CONSUL_OK)
		return;
	if (r->index < seen_index)
		add(q, ", index FALLEN");
	if (r->key->exists && r->index != r->key->modify_index)
		add(q, ", index of something else");
	seen_index = r->index;
}

static int
compare_sessions(const void *a, const void *b)
{
	const struct consul_session	*s = a, *t = b;

	return strcmp(name_of(s->id), name_of(t->id));
}

static void
tell_sessions(struct question *q, const struct consul_reply *r)
{
	struct consul_session	sorted[NAMES];
	size_t			count = 0, i;
	int64_t			ttl;

	/* Others play on the same Consul. */
	for (i = 0; i < r->session_count && count < NAMES; i++)
		if (strcmp(r->sessions[i].name, stage_service()) == 0)
			sorted[count++] = r->sessions[i];
	qsort(sorted, count, sizeof *sorted, compare_sessions);
	if (count == 0 && r->outcome == CONSUL_OK)
		add(q, ": none");
	for (i = 0; i < count; i++) {
		const struct consul_session	*s = &sorted[i];
		int				 node = 0;

		while (node < STAGE_NODES && stage_node(node) != NULL &&
		    strcmp(stage_node(node), s->node) != 0)
			node++;
		if (!value_duration(s->ttl, &ttl))
			ttl = -1;
		add(q, "; %s of node %d, ttl %" PRId64 ", delay %" PRId64
		    "%s%s", name_of(s->id), node + 1, ttl, s->lock_delay_ms,
		    s->serf_health ? ", serf" : "",
		    s->service ? ", service" : "");
	}
}

static void
tell_instances(struct question *q, const struct consul_reply *r)
{
	size_t	i;
	int	node;

	for (node = 0; node < STAGE_NODES && stage_node(node) != NULL; node++)
		for (i = 0; i < r->instance_count; i++)
			if (strcmp(r->instances[i].node, stage_node(node)) == 0)
				add(q, "; %s on node %d",
				    strcmp(r->instances[i].service_id,
				    stage_service()) == 0 ? "service" :
				    "something else", node + 1);
}

static void
tell_node(struct question *q, const struct consul_reply *r)
{
	int	node;

	for (node = 0; node < STAGE_NODES && stage_node(node) != NULL; node++)
		if (r->outcome == CONSUL_OK &&
		    strcmp(r->node, stage_node(node)) == 0)
			add(q, ": node %d", node + 1);
}

static int
compare_records(const void *a, const void *b)
{
	const struct consul_record	*s = a, *t = b;

	return strcmp(s->key, t->key);
}

/* While there is none the index is that of any other key. */
static void
tell_records(struct question *q, const struct consul_reply *r)
{
	struct consul_record	sorted[NAMES];
	size_t			i, count = r->record_count;

	if (r->outcome != CONSUL_OK || count > NAMES)
		return;
	memcpy(sorted, r->records, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, compare_records);
	add(q, count == 0 ? ": none" : ": %s", change(seen_records, r->index));
	for (i = 0; i < count; i++)
		add(q, "; %s of %s '%s'", strrchr(sorted[i].key, '/') + 1,
		    sorted[i].session[0] == '\0' ? "nobody" :
		    name_of(sorted[i].session), sorted[i].value);
	seen_records = r->index;
}

static void
tell_created(struct question *q, const struct consul_reply *r)
{
	/* Otherwise one that nobody has. */
	snprintf(q->session->id, sizeof q->session->id, "%s",
	    r->outcome == CONSUL_OK ? r->id :
	    "00000000-0000-0000-0000-000000000000");
}

static void
tell_nothing(struct question *q, const struct consul_reply *r)
{
	(void)q;
	(void)r;
}

static void
answered(const struct consul_reply *r, void *arg)
{
	static const char	*const outcomes[] = {
		[CONSUL_OK] = "ok", [CONSUL_REFUSED] = "refused",
		[CONSUL_GONE] = "gone", [CONSUL_DENIED] = "denied",
		[CONSUL_UNKNOWN] = "unknown",
	};
	struct question		*q = arg;

	add(q, "%s%s", outcomes[r->outcome], r->delayed ? ", delayed" : "");
	q->tell(q, r);
	q->done = true;
}

/*
 * Steps: requests.
 */

static void
step_create(struct question *q, int count, char **words)
{
	struct session	*s = &sessions[session_count++];

	if (session_count == NAMES)
		die("too many sessions", words[1]);
	snprintf(s->name, sizeof s->name, "%s", words[1]);
	s->node = node_of(words[2]);
	q->session = s;
	q->tell = tell_created;
	consul_session_create(stage_consul(s->node), stage_service(),
	    stage_service(), flag(count, words, "serf"),
	    number(count, words, "ttl", 60000),
	    number(count, words, "delay", 0), answered, q);
}

static void
step_renew(struct question *q, int count, char **words)
{
	struct session	*s = session_of(words[1]);

	consul_session_renew(way_of(s, count, words), s->id, answered, q);
}

static void
step_destroy(struct question *q, int count, char **words)
{
	struct session	*s = session_of(words[1]);

	consul_session_destroy(way_of(s, count, words), s->id, answered, q);
}

static void
step_info(struct question *q, int count, char **words)
{
	struct session	*s = session_of(words[1]);

	q->tell = tell_sessions;
	consul_session_info(way_of(s, count, words), s->id, stage_service(),
	    answered, q);
}

static void
step_list(struct question *q, int count, char **words)
{
	int		 node = node_of(words[1]);
	const char	*by = option(count, words, "by");

	q->tell = tell_sessions;
	consul_sessions(stage_consul(by == NULL ? node : node_of(by)),
	    stage_node(node), stage_service(), answered, q);
}

static void
step_lock(struct question *q, int count, char **words)
{
	struct session	*s = session_of(words[1]);
	const char	*value = option(count, words, "value");

	q->tell = tell_key;
	consul_lock(way_of(s, count, words), stage_key(),
	    snapshot_of(option(count, words, "as")), s->id,
	    value == NULL ? s->name : value, answered, q);
}

static void
step_release(struct question *q, int count, char **words)
{
	struct session	*s = session_of(words[1]);
	const char	*value = option(count, words, "value");

	consul_release(way_of(s, count, words), stage_key(), s->id,
	    value == NULL ? "released" : value, answered, q);
}

static void
step_get(struct question *q, int count, char **words)
{
	q->tell = tell_read;
	consul_get(stage_consul(node_of(words[1])), stage_key(),
	    flag(count, words, "consistent"), answered, q);
}

static void
step_instances(struct question *q, int count, char **words)
{
	(void)count;
	q->tell = tell_instances;
	consul_instances(stage_consul(node_of(words[1])), stage_service(),
	    answered, q);
}

static void
step_service(struct question *q, int count, char **words)
{
	(void)count;
	consul_own_service(stage_consul(node_of(words[1])), stage_service(),
	    answered, q);
}

static void
step_own_check(struct question *q, int count, char **words)
{
	(void)count;
	q->tell = tell_node;
	consul_own_check(stage_consul(node_of(words[1])), stage_service(),
	    answered, q);
}

static void
step_unregister(struct question *q, int count, char **words)
{
	(void)count;
	consul_deregister(stage_consul(node_of(words[1])), stage_service(),
	    answered, q);
}

static const char *
record_key(const char *name)
{
	static char	key[CONSUL_NAME_MAX];

	snprintf(key, sizeof key, "lock/%s/candidates/%s", stage_service(),
	    name);
	return key;
}

static void
step_records(struct question *q, int count, char **words)
{
	(void)count;
	q->tell = tell_records;
	consul_list(stage_consul(node_of(words[1])), record_key(""), 0, 0,
	    answered, q);
}

static void
step_put(struct question *q, int count, char **words)
{
	const char	*value = option(count, words, "value");
	bool		 owned = strcmp(words[2], "nobody") != 0;
	struct session	*s = owned ? session_of(words[2]) : NULL;

	consul_put(owned ? way_of(s, count, words) : stage_consul(0),
	    record_key(words[1]), owned ? s->id : NULL,
	    value == NULL ? words[1] : value, answered, q);
}

static void
step_remove(struct question *q, int count, char **words)
{
	const char	*by = option(count, words, "by");

	consul_delete(stage_consul(by == NULL ? 0 : node_of(by)),
	    record_key(words[1]), answered, q);
}

/*
 * Steps: a long poll, which other steps may run beside.
 */

static void	watch_answered(const struct consul_reply *, void *);
static void	watch_records(const struct consul_reply *, void *);

static void
watch_ask(struct question *q)
{
	int64_t	wait = q->began + q->wait - stage_now();

	if (q->of_records)
		consul_list(stage_consul(q->node), record_key(""), q->index,
		    wait, watch_records, q);
	else
		consul_watch(stage_consul(q->node), stage_key(), q->index,
		    wait, watch_answered, q);
}

/* The change of any other key wakes one who waits for a missing one. */
static void
watch_answered(const struct consul_reply *r, void *arg)
{
	struct question	*q = arg;

	if (r->outcome == CONSUL_OK && !r->key->exists && !q->existed &&
	    q->index != 0 && stage_now() < q->began + q->wait) {
		if (r->index > q->index)
			q->index = r->index;
		watch_ask(q);
		return;
	}
	watch_reply = *r;
	if (r->key != NULL) {
		watch_key = *r->key;
		watch_reply.key = &watch_key;
	}
	q->ended = stage_now();
	q->done = true;
}

/* They are told at once: what is told is kept. */
static void
watch_records(const struct consul_reply *r, void *arg)
{
	struct question	*q = arg;

	q->ended = stage_now();
	add(q, q->ended < q->began + q->wait ? "woken, " : "waited, ");
	q->tell = tell_records;
	answered(r, q);
}

/* "from": an index of the caller's, like 0, instead of that seen last. */
static void
step_watch(struct question *q, int count, char **words)
{
	if (watch.asked)
		die("there is a watch already", words[1]);
	memset(&watch, 0, sizeof watch);
	watch.asked = true;
	watch.node = node_of(words[1]);
	watch.existed = seen.exists;
	watch.of_records = flag(count, words, "records");
	watch.began = stage_now();
	watch.wait = number(count, words, "wait", 5000);
	watch.index = (uint64_t)number(count, words, "from",
	    (int64_t)(watch.of_records ? seen_records : seen_index));
	watch_ask(&watch);
	q->done = true;
}

static void
step_woken(struct question *q, int count, char **words)
{
	(void)count;
	if (!watch.asked)
		die("nothing is watched", words[0]);
	stage_run(NEVER, &watch.done);
	if (!watch.done)
		die("a watch that never ends", words[0]);
	watch.asked = false;
	if (watch.of_records) {
		add(q, "%s", watch.text);
		q->done = true;
		return;
	}
	add(q, watch.ended < watch.began + watch.wait ? "woken, " : "waited, ");
	q->tell = tell_read;
	answered(&watch_reply, q);
}

/*
 * Steps: the rest.
 */

static void
step_keep(struct question *q, int count, char **words)
{
	struct snapshot	*s = &snapshots[snapshot_count++];

	(void)count;
	if (snapshot_count == NAMES)
		die("too many snapshots", words[1]);
	snprintf(s->name, sizeof s->name, "%s", words[1]);
	s->key = seen;
	q->done = true;
}

static void
step_mark(struct question *q, int count, char **words)
{
	(void)count;
	(void)words;
	marked = stage_now();
	q->done = true;
}

static void
step_wait(struct question *q, int count, char **words)
{
	bool	never = false;

	(void)count;
	stage_run(atoi(words[1]), &never);
	q->done = true;
}

static const struct step steps[] = {
	{ "create", step_create }, { "renew", step_renew },
	{ "destroy", step_destroy }, { "info", step_info },
	{ "list", step_list }, { "lock", step_lock },
	{ "release", step_release }, { "get", step_get },
	{ "instances", step_instances }, { "watch", step_watch },
	{ "records", step_records }, { "put", step_put },
	{ "remove", step_remove }, { "service", step_service },
	{ "own-check", step_own_check }, { "unregister", step_unregister },
	{ "woken", step_woken }, { "keep", step_keep }, { "mark", step_mark },
	{ "wait", step_wait },
};

static void
play(struct question *q, int count, char **words)
{
	size_t	i;

	memset(q, 0, sizeof *q);
	q->tell = tell_nothing;
	for (i = 0; i < sizeof steps / sizeof steps[0]; i++)
		if (strcmp(steps[i].name, words[0]) == 0)
			break;
	if (i < sizeof steps / sizeof steps[0]) {
		steps[i].play(q, count, words);
		stage_run(NEVER, &q->done);
		if (!q->done)
			die("no answer, and no time-out", words[0]);
	} else if (!stage_hand(count, words))
		die("no such step", words[0]);
}

/* until LOW HIGH STEP … : ANSWER */
static void
play_until(struct question *q, int count, char **words)
{
	int64_t		 low = atoi(words[1]), high = atoi(words[2]), after;
	char		 want[256] = "";
	bool		 never = false;
	int		 i, end = 3;

	while (end < count && strcmp(words[end], ":") != 0)
		end++;
	for (i = end + 1; i < count; i++)
		snprintf(want + strlen(want), sizeof want - strlen(want),
		    "%s%s", want[0] == '\0' ? "" : " ", words[i]);
	if (want[0] == '\0')
		die("until what", words[0]);
	for (;;) {
		play(q, end - 3, words + 3);
		after = stage_now() - marked;
		if (strncmp(q->text, want, strlen(want)) == 0)
			break;
		if (after > high)
			die("it never comes", q->text);
		stage_run(PAUSE, &never);
	}
	if (after < low || after > high)
		add(q, ", but after %" PRId64 " ms", after);
}

int
main(int argc, char **argv)
{
	static struct question	q;
	static char		line[1024];
	char			*words[WORDS];
	int			 count;

	if (!stage_begin(argc - 1, argv + 1))
		return 2;
	while (fgets(line, sizeof line, stdin) != NULL) {
		count = split(line, words);
		if (strcmp(words[0], "until") == 0)
			play_until(&q, count, words);
		else
			play(&q, count, words);
		puts(q.text);
		fflush(stdout);
	}
	stage_end();
	return 0;
}
