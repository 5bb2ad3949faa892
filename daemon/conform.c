/*
 * conform.c - consul-failover plugin test: does a plugin keep its promises?
 *
 * The calls go through handlers, as the agent's do: what crashes or hangs is
 * found, and ends no test.  Each check sees what the one before has left: their
 * order, in the table below, is a life of a copy.
 */
#include "conform.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <consul-failover/plugin.h>

#include "clock.h"
#include "leave.h"
#include "runfile.h"
#include "value.h"

/* Milliseconds. */
#define AGAIN_PAUSE	100	/* the agent, too, calls again after "again" */
#define QUICK		2000	/* for a call that finds nothing to do */
#define SETTLE_LIMIT	10000	/* until a copy is healthy in a new role */
#define WATCH_TIME	1000
#define WATCH_MAX	4	/* in that time: more is a din */

#define SECRETS_MAX	16
#define SECRET_MIN	4	/* a shorter one is found in any text */

enum verdict { OK, FAILED, SKIPPED, VERDICTS };

struct secret {
	const char	*option;
	char		 value[256];
};

struct test {
	const struct plugin_description	*plugin;
	const struct config		*config;	/* or NULL */
	const struct conform_terms	*terms;

	struct event_base	*base;
	struct event		*alarm;
	struct handler		*health, *role;
	unsigned		 is;		/* enum failover_role */
	bool			 watched;

	/* The last call, and its answer. */
	enum handler_op		 op;
	bool			 answered;
	enum handler_result	 result;
	char			 text[FAILOVER_POSITION];
	int64_t			 took;

	/* What is noticed on the way. */
	bool			 healthy;
	char			 before[FAILOVER_POSITION];	/* a position */
	char			 mute[64];	/* a call that said nothing */
	struct secret		 secrets[SECRETS_MAX];
	size_t			 secret_count;
	const char		*leak;		/* the option given away */

	int			 terminal, log;	/* the real 2, and what it is */

	char			 sentence[2048];	/* of this check */
	unsigned		 counts[VERDICTS];
};

static enum verdict	verdict(struct test *, enum verdict, const char *fmt,
			    ...) __attribute__((format(printf, 3, 4)));

static enum verdict
verdict(struct test *t, enum verdict v, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(t->sentence, sizeof t->sentence, fmt, ap);
	va_end(ap);
	return v;
}

/*
 * Secrets: the values of options that are called so, and what is in the files
 * that such options name.
 */

static bool
is_secret(const char *option)
{
	return strstr(option, "password") != NULL ||
	    strstr(option, "secret") != NULL || strstr(option, "token") != NULL;
}

static void
read_secret(struct secret *s, const char *value)
{
	size_t	 length = strlen(s->option);
	FILE	*file;

	if (length < 5 || strcmp(s->option + length - 5, "_file") != 0) {
		snprintf(s->value, sizeof s->value, "%s", value);
		return;
	}
	file = fopen(value, "re");
	if (file != NULL && fgets(s->value, sizeof s->value, file) != NULL)
		s->value[strcspn(s->value, "\r\n")] = '\0';
	if (file != NULL)
		fclose(file);
}

static void
find_secrets(struct test *t)
{
	const struct plugin_option	*o = t->plugin->options;
	const struct plugin_option	*end = o + t->plugin->option_count;
	struct secret			*s;
	const char			*value;
	int64_t				 number;

	for (; o < end && t->secret_count < SECRETS_MAX; o++) {
		value = plugin_option_value(o, t->config, &number);
		if (!is_secret(o->name) || value == NULL)
			continue;
		s = &t->secrets[t->secret_count];
		s->option = o->name;
		read_secret(s, value);
		if (strlen(s->value) >= SECRET_MIN)
			t->secret_count++;
	}
}

static void
look_for_secrets(struct test *t, const char *text, size_t length)
{
	const struct secret	*s = t->secrets;

	for (; s < t->secrets + t->secret_count; s++)
		if (memmem(text, length, s->value, strlen(s->value)) != NULL)
			t->leak = s->option;
}

/* What was logged meanwhile: reads it, and passes it on. */
static void
pass_log(struct test *t)
{
	char	 text[65536];
	ssize_t	 n;

	if (t->log == -1)
		return;
	lseek(t->log, 0, SEEK_SET);
	while ((n = read(t->log, text, sizeof text)) > 0) {
		look_for_secrets(t, text, (size_t)n);
		if (write(t->terminal, text, (size_t)n) != n)
			break;
	}
	if (ftruncate(t->log, 0) == 0)
		lseek(t->log, 0, SEEK_SET);
}

/*
 * Calls.
 */

int64_t
conform_deadline(const struct config *c, enum handler_op op)
{
	switch (op) {
	case HANDLER_ENSURE_MASTER:
		return c->master_deadline;
	case HANDLER_ENSURE_SLAVE:
		return c->slave_deadline;
	case HANDLER_ENSURE_DEMOTED:
		return c->demote_deadline;
	default:
		return c->health_deadline;
	}
}

/* A function that runs a command counts as missing where none is given: the
 * plugin exec cannot know which ones will be. */
static bool
has(const struct test *t, enum handler_op op)
{
	const struct plugin_option	*o = t->plugin->options;
	const struct plugin_option	*end = o + t->plugin->option_count;
	int64_t				 number;

	if ((t->plugin->ops & 1u << op) == 0)
		return false;
	for (; o < end; o++)
		if (strcmp(o->name, handler_op_name(op)) == 0)
			return t->config == NULL ||
			    plugin_option_value(o, t->config, &number) != NULL;
	return true;
}

static void
answer_cb(enum handler_result result, const char *text, void *arg)
{
	struct test	*t = arg;
	char		 nothing[64];
	char		*at;

	t->answered = true;
	t->result = result;
	snprintf(t->text, sizeof t->text, "%s", text);
	look_for_secrets(t, text, strlen(text));
	/* What the handler says for a plugin that said nothing. */
	snprintf(nothing, sizeof nothing, "%s: %s", handler_op_name(t->op),
	    handler_result_name(result));
	if (strcmp(text, nothing) == 0 && t->op == HANDLER_POSITION)
		t->text[0] = '\0';
	else if (strcmp(text, nothing) == 0 && t->op <= HANDLER_ENSURE_DEMOTED)
		snprintf(t->mute, sizeof t->mute, "%s", nothing);
	/* It may hold anything, and is for a terminal or a command line. */
	for (at = t->text; t->op != HANDLER_POSITION && *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	event_base_loopbreak(t->base);
}

static void
alarm_cb(evutil_socket_t fd, short what, void *arg)
{
	struct test	*t = arg;

	(void)fd, (void)what;
	event_base_loopbreak(t->base);
}

static void
watch_cb(void *arg)
{
	struct test	*t = arg;

	t->watched = true;
	event_base_loopbreak(t->base);
}

/* Until something happens, for so many milliseconds at most. */
static void
run_loop(struct test *t, int64_t ms)
{
	struct timeval	 tv = { ms / 1000, ms % 1000 * 1000 };

	if (ms >= 0)
		event_add(t->alarm, &tv);
	event_base_dispatch(t->base);
	event_del(t->alarm);
}

static void
pause_for(struct test *t, int64_t ms)
{
	int64_t	 until = clock_ms() + ms;

	while (ms > 0) {
		run_loop(t, ms);
		ms = until - clock_ms();
	}
}

/* Health, and what is asked beside it, has its own handler, as in the agent. */
static struct handler *
begin(struct test *t, enum handler_op op, const char *text, int64_t ms)
{
	bool			 slave = op == HANDLER_ENSURE_SLAVE ||
				    t->is == FAILOVER_SLAVE;
	struct handler		*h = op == HANDLER_ENSURE_MASTER ||
				    op == HANDLER_ENSURE_SLAVE ||
				    op == HANDLER_ENSURE_DEMOTED ? t->role :
				    t->health;
	struct handler_call	 call = {
		.op = op, .timeout_ms = ms,
		.what = {
			.epoch = t->terms->epoch, .node = "",
			.reason = "consul-failover plugin test",
			.role = t->is,
			.master_host = slave ? t->terms->master_host : NULL,
			.master_port = slave ? t->terms->master_port : 0,
			.position = text,
		},
	};

	t->op = op;
	t->answered = false;
	t->took = clock_ms();
	handler_call(h, &call, answer_cb, t);
	return h;
}

static enum handler_result
ask_within(struct test *t, enum handler_op op, const char *text, int64_t ms)
{
	begin(t, op, text, ms);
	while (!t->answered)
		run_loop(t, -1);
	t->took = clock_ms() - t->took;
	return t->result;
}

static enum handler_result
ask(struct test *t, enum handler_op op, const char *text)
{
	return ask_within(t, op, text, conform_deadline(t->config, op));
}

/* Health, until the copy has found into its role. */
static enum handler_result
ask_health(struct test *t)
{
	int64_t	 until = clock_ms() + SETTLE_LIMIT;

	while (ask(t, HANDLER_HEALTH, NULL) != HANDLER_DONE &&
	    clock_ms() < until)
		pause_for(t, AGAIN_PAUSE);
	return t->result;
}

/* Calls again after "again", for so long in all; t->took is the whole time. */
static enum handler_result
ensure_within(struct test *t, enum handler_op op, int64_t ms)
{
	int64_t	 begun = clock_ms(), one = conform_deadline(t->config, op);
	int64_t	 left = ms;

	while (ask_within(t, op, NULL, one < left ? one : left) ==
	    HANDLER_AGAIN && (left = begun + ms - clock_ms()) > AGAIN_PAUSE)
		pause_for(t, AGAIN_PAUSE);
	t->took = clock_ms() - begun;
	t->is = op == HANDLER_ENSURE_MASTER ? FAILOVER_MASTER :
	    op == HANDLER_ENSURE_SLAVE ? FAILOVER_SLAVE : FAILOVER_NO_ROLE;
	return t->result;
}

static enum handler_result
ensure(struct test *t, enum handler_op op)
{
	return ensure_within(t, op, op == HANDLER_ENSURE_DEMOTED ?
	    t->config->demote_deadline : t->config->promote_limit);
}

/* The last answer was not what it should be: why, and what to do. */
static enum verdict
not_done(struct test *t, const char *when)
{
	static const char *const	advice[] = {
		[HANDLER_DONE] = "",
		[HANDLER_FAILED] = "",
		[HANDLER_AGAIN] = "; it answers \"again\" for ever",
		[HANDLER_TIMEOUT] = "; give every connect and query a time-out "
		    "below f->time_left",
		[HANDLER_LOST] = "; a debugger or valgrind on its handler tells "
		    "where",
	};

	return verdict(t, FAILED, "%s%s %s: %s%s", handler_op_name(t->op), when,
	    t->result == HANDLER_LOST ? "crashed" : t->result ==
	    HANDLER_TIMEOUT ? "hung" : handler_result_name(t->result), t->text,
	    advice[t->result]);
}

/*
 * What the plugin says of itself.
 */

static enum verdict
check_description(struct test *t)
{
	const struct plugin_description	*p = t->plugin;

	if (p->name[0] == '\0' || p->version[0] == '\0' ||
	    p->summary[0] == '\0')
		return verdict(t, FAILED, "plugin_info has no %s: give it to "
		    "FAILOVER_PLUGIN()", p->name[0] == '\0' ? "name" :
		    p->version[0] == '\0' ? "version" : "summary");
	return verdict(t, OK, "%s %s, ABI %" PRIu32 ": %s", p->name, p->version,
	    p->abi, p->summary);
}

/* The default as if it stood in a config; NULL where that is right, else the
 * caller frees what is wrong. */
static char *
refuse_default(const struct plugin_option *o)
{
	struct config_option		 given = {
		.name = (char *)(uintptr_t)o->name,
		.value = (char *)(uintptr_t)o->fallback,
	};
	struct config			 c = {
		.file = (char *)(uintptr_t)"", .options = &given,
		.option_count = 1, .max_behind = -1,
	};
	struct plugin_description	 d = {
		.options = (struct plugin_option *)(uintptr_t)o,
		.option_count = 1,
	};
	char				*errors = NULL;

	if (o->fallback == NULL || plugin_check_options(&d, &c, &errors))
		return NULL;
	errors[strcspn(errors, "\n")] = '\0';
	return errors;
}

static enum verdict
check_option(struct test *t, size_t i)
{
	const struct plugin_option	*o = &t->plugin->options[i];
	char				*wrong = refuse_default(o);
	size_t				 j;

	if (wrong != NULL) {
		verdict(t, FAILED, "its default is refused: %s", wrong);
		free(wrong);
		return FAILED;
	}
	if (o->name[strspn(o->name, "abcdefghijklmnopqrstuvwxyz0123456789_")]
	    != '\0')
		return verdict(t, FAILED, "option \"%s\": a name has a-z, 0-9 "
		    "and _ only, so that it can be a key of a config",
		    o->name);
	if (o->meaning[0] == '\0')
		return verdict(t, FAILED, "option %s has no meaning: say in a "
		    "line what it is for", o->name);
	if ((o->type & FAILOVER_REQUIRED) != 0 && o->fallback != NULL)
		return verdict(t, FAILED, "option %s is required and has a "
		    "default, which is never used: drop one", o->name);
	for (j = 0; j < i; j++)
		if (strcmp(t->plugin->options[j].name, o->name) == 0)
			return verdict(t, FAILED, "option %s is declared "
			    "twice", o->name);
	return OK;
}

static enum verdict
check_options(struct test *t)
{
	size_t	 i;

	for (i = 0; i < t->plugin->option_count; i++)
		if (check_option(t, i) != OK)
			return FAILED;
	return verdict(t, OK, "%zu, each with a meaning and a default that "
	    "fits its type, or none", i);
}

static enum verdict
check_functions(struct test *t)
{
	if (has(t, HANDLER_POSITION) != has(t, HANDLER_HAS_POSITION))
		return verdict(t, FAILED, "position and has_position are of no "
		    "use without each other, and only %s is there",
		    has(t, HANDLER_POSITION) ? "position" : "has_position");
	if (has(t, HANDLER_BEHIND) && !has(t, HANDLER_POSITION))
		return verdict(t, FAILED, "behind is of no use without "
		    "position");
	return verdict(t, OK, "the required ones%s%s%s%s",
	    has(t, HANDLER_ENSURE_DEMOTED) ? ", ensure_demoted" : "",
	    has(t, HANDLER_POSITION) ? ", position, has_position" : "",
	    has(t, HANDLER_BEHIND) ? ", behind" : "",
	    t->plugin->has_watch_fd ? ", watch_fd" : "");
}

/*
 * What it only reads.
 */

static enum verdict
check_health(struct test *t)
{
	enum handler_result	 first;
	int64_t			 took;

	if ((first = ask(t, HANDLER_HEALTH, NULL)) >= HANDLER_TIMEOUT)
		return not_done(t, "");
	took = t->took;
	if (ask(t, HANDLER_HEALTH, NULL) >= HANDLER_TIMEOUT)
		return not_done(t, ", asked again,");
	if (t->result != first)
		return verdict(t, FAILED, "asked twice, it is %s and then %s "
		    "(%s), although nothing has happened",
		    handler_result_name(first), handler_result_name(t->result),
		    t->text);
	if (t->result != HANDLER_DONE)
		return verdict(t, FAILED, "the copy is not fit to serve, so "
		    "little can be tested: %s", t->text);
	t->healthy = true;
	return verdict(t, OK, "twice the same, in %" PRId64 " and %" PRId64
	    " ms: %s", took, t->took, t->text);
}

static enum verdict
check_watch(struct test *t)
{
	int64_t	 until = clock_ms() + WATCH_TIME;
	int	 count = 0;

	ask(t, HANDLER_HEALTH, NULL);
	t->watched = false;
	while (clock_ms() < until) {
		run_loop(t, until - clock_ms());
		if (!t->watched)
			continue;
		count++;
		ask(t, HANDLER_HEALTH, NULL);
		t->watched = false;
	}
	if (count > WATCH_MAX)
		return verdict(t, FAILED, "it became readable %d times in %d "
		    "s, although nothing has happened: health must read away "
		    "what made it so", count, WATCH_TIME / 1000);
	return verdict(t, OK, "quiet while nothing happens");
}

static enum verdict
check_position_text(struct test *t, char *text)
{
	if (ask(t, HANDLER_POSITION, NULL) != HANDLER_DONE)
		return not_done(t, "");
	if (t->text[0] == '\0')
		return verdict(t, FAILED, "it is empty: fail, with the reason, "
		    "where there is none to tell");
	if (strlen(t->text) >= FAILOVER_POSITION - 1)
		return verdict(t, FAILED, "it fills all of its %d bytes, and "
		    "seems cut", FAILOVER_POSITION - 1);
	memcpy(text, t->text, sizeof t->text);
	return OK;
}

/* Nobody writes: so it stays, and health changes nothing. */
static enum verdict
check_position(struct test *t)
{
	char	 first[FAILOVER_POSITION], then[FAILOVER_POSITION];

	if (check_position_text(t, first) != OK)
		return FAILED;
	ask(t, HANDLER_HEALTH, NULL);
	if (check_position_text(t, then) != OK)
		return FAILED;
	if (strcmp(first, then) != 0)
		return verdict(t, FAILED, "it went from \"%.200s\" to \"%.200s\" "
		    "around a call of health: stop what writes to this copy; "
		    "if nothing does, position or health changes what it "
		    "looks at", first, then);
	snprintf(t->before, sizeof t->before, "%s", then);
	return verdict(t, OK, "it stays while nothing is written: %.200s",
	    then);
}

static enum verdict
check_has_own(struct test *t)
{
	char	 own[FAILOVER_POSITION];

	if (check_position_text(t, own) != OK)
		return FAILED;
	if (ask(t, HANDLER_HAS_POSITION, own) != HANDLER_DONE)
		return not_done(t, " of its own position");
	if (!has(t, HANDLER_BEHIND))
		return verdict(t, OK, "it has its own position");
	if (ask(t, HANDLER_BEHIND, own) != HANDLER_DONE)
		return not_done(t, " of its own position");
	if (strcmp(t->text, "0") != 0)
		return verdict(t, FAILED, "behind its own position it says %s, "
		    "not 0", t->text);
	return verdict(t, OK, "it has its own position, and is 0 behind it");
}

/* What another version, another plugin or a broken disk may have left. */
static enum verdict
check_garbage(struct test *t)
{
	static char		 longest[FAILOVER_POSITION];
	const char *const	 garbage[] = { "garbage", "%s%n%s%n", "\"'\\;--",
				    "\377\376\001", "}{", ":::,,,---", longest };
	size_t			 i;

	memset(longest, 'x', sizeof longest - 1);
	for (i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
		if (ask(t, HANDLER_HAS_POSITION, garbage[i]) >= HANDLER_TIMEOUT)
			return not_done(t, " of what is no position");
		if (t->result == HANDLER_DONE)
			return verdict(t, FAILED, "has_position says that it "
			    "has \"%.20s\", which is no position: answer "
			    "FAILOVER_AGAIN to what can't be read", garbage[i]);
		if (!has(t, HANDLER_BEHIND))
			continue;
		if (ask(t, HANDLER_BEHIND, garbage[i]) != HANDLER_DONE)
			return not_done(t, " of what is no position");
		if (strcmp(t->text, "-1") != 0)
			return verdict(t, FAILED, "behind says %s of \"%.20s\", "
			    "which is no position: answer -1", t->text,
			    garbage[i]);
	}
	return verdict(t, OK, "what is no position is not had");
}

/*
 * A life: demoted, slave, master, demoted.
 */

static enum verdict
check_demoted(struct test *t)
{
	int64_t	 took;

	if (ensure(t, HANDLER_ENSURE_DEMOTED) != HANDLER_DONE)
		return not_done(t, "");
	took = t->took;
	if (ensure(t, HANDLER_ENSURE_DEMOTED) != HANDLER_DONE)
		return not_done(t, ", called again,");
	return verdict(t, OK, "twice, in %" PRId64 " and %" PRId64 " ms of %"
	    PRId64 ": %s", took, t->took, t->config->demote_deadline, t->text);
}

/* Until it is done, and once more, as the agent does every role_interval. */
static enum verdict
check_role(struct test *t, enum handler_op op)
{
	int64_t	 took;

	if (ensure(t, op) != HANDLER_DONE)
		return not_done(t, "");
	took = t->took;
	if (ask(t, op, NULL) != HANDLER_DONE)
		return not_done(t, ", called again,");
	if (t->took > QUICK)
		return verdict(t, FAILED, "called again it took %" PRId64 " ms: "
		    "it is called every role_interval, so it must be quick "
		    "where there is nothing to do", t->took);
	return verdict(t, OK, "in %" PRId64 " ms, called again in %" PRId64
	    " ms: %s", took, t->took, t->text);
}

static enum verdict
check_slave(struct test *t)
{
	return check_role(t, HANDLER_ENSURE_SLAVE);
}

static enum verdict
check_master(struct test *t)
{
	return check_role(t, HANDLER_ENSURE_MASTER);
}

static enum verdict
check_role_health(struct test *t)
{
	static const char *const	roles[] = {
		[FAILOVER_NO_ROLE] = (" of a demoted copy, so nobody could "
		    "take over,"),
		[FAILOVER_MASTER] = " of a master",
		[FAILOVER_SLAVE] = " of a slave",
	};

	if (ask_health(t) != HANDLER_DONE) {
		/* The agent would not promote it, so nor do we. */
		t->healthy = t->is != FAILOVER_NO_ROLE;
		return not_done(t, roles[t->is]);
	}
	return verdict(t, OK, "fit to serve: %s", t->text);
}

/* A promotion may begin a new history, which contains the old one. */
static enum verdict
check_kept(struct test *t)
{
	if (t->before[0] == '\0')
		return verdict(t, SKIPPED, "its position is not known");
	if (ask(t, HANDLER_HAS_POSITION, t->before) != HANDLER_DONE)
		return not_done(t, " of its own position before it was made "
		    "master");
	return verdict(t, OK, "as master it has what it had before");
}

/* What the agent leaves in the lock for the next master. */
static enum verdict
check_final(struct test *t)
{
	char	 final[FAILOVER_POSITION];

	if (check_position_text(t, final) != OK)
		return FAILED;
	return verdict(t, OK, "it can be told after the demotion: %.200s",
	    final);
}

/*
 * When the time is short, or over.
 */

static enum verdict
check_short(struct test *t)
{
	static const enum handler_op	ops[] = { HANDLER_HEALTH,
					    HANDLER_POSITION,
					    HANDLER_ENSURE_DEMOTED };
	static const int64_t		times[] = { 1, 2, 5, 10, 20, 50 };
	size_t				i, j;

	for (i = 0; i < sizeof ops / sizeof ops[0]; i++)
		for (j = 0; j < sizeof times / sizeof times[0]; j++) {
			if (!has(t, ops[i]) || (!t->terms->may_change &&
			    ops[i] == HANDLER_ENSURE_DEMOTED))
				continue;
			if (ask_within(t, ops[i], NULL, times[j]) ==
			    HANDLER_LOST)
				return not_done(t, ", given few milliseconds,");
		}
	/* A demotion that was killed is called again. */
	if (t->terms->may_change && has(t, HANDLER_ENSURE_DEMOTED) &&
	    ensure(t, HANDLER_ENSURE_DEMOTED) != HANDLER_DONE)
		return not_done(t, " after calls with short deadlines");
	t->healthy = ask_health(t) == HANDLER_DONE;
	if (!t->healthy)
		return not_done(t, " after calls with short deadlines");
	return verdict(t, OK, "deadlines of 1 to 50 ms are survived");
}

/* As a cancelled call, and as the guard finds the copy when the agent died. */
static enum verdict
check_killed(struct test *t)
{
	static const int64_t	times[] = { 1, 5, 20, 100 };
	struct handler		*h;
	size_t			 i;

	for (i = 0; i < sizeof times / sizeof times[0]; i++) {
		ask_health(t);
		h = begin(t, HANDLER_ENSURE_MASTER, NULL,
		    conform_deadline(t->config, HANDLER_ENSURE_MASTER));
		run_loop(t, times[i]);
		handler_cancel(h);
		if (ensure(t, HANDLER_ENSURE_DEMOTED) != HANDLER_DONE)
			return not_done(t, ", after an ensure_master that was "
			    "killed half-way,");
	}
	ask_health(t);
	if (ensure(t, HANDLER_ENSURE_MASTER) != HANDLER_DONE)
		return not_done(t, ", after one that was killed half-way,");
	if (ensure(t, HANDLER_ENSURE_DEMOTED) != HANDLER_DONE)
		return not_done(t, "");
	return verdict(t, OK, "an ensure_master that is killed half-way can be "
	    "demoted, and called again");
}

/*
 * What was noticed all the time.
 */

static enum verdict
check_sentences(struct test *t)
{
	if (t->mute[0] != '\0')
		return verdict(t, FAILED, "a call says nothing but \"%s\": "
		    "tell with f->say what is so, for /health, the log and "
		    "status", t->mute);
	return verdict(t, OK, "each call says something");
}

static enum verdict
check_secrets(struct test *t)
{
	if (t->leak != NULL)
		return verdict(t, FAILED, "the value of %s stands in a sentence "
		    "or in the log, and so in Consul, for everybody", t->leak);
	if (t->secret_count == 0)
		return verdict(t, SKIPPED, "no option with password, secret or "
		    "token in its name is given");
	return verdict(t, OK, "no password is in a sentence or in the log");
}

/*
 * The table.
 */

#define CONFIG		0x1	/* needs a config */
#define HEALTHY		0x2	/* a copy that is fit to serve */
#define CHANGES		0x4	/* makes the copy master or slave */
#define MASTER		0x8	/* the address of one */
#define WATCH		0x10
#define DEMOTED		0x20	/* the functions */
#define POSITION	0x40
#define LIVE		(CONFIG | HEALTHY)
#define LIFE		(LIVE | CHANGES)

static const struct check {
	const char	*name;
	enum verdict	(*run)(struct test *);
	unsigned	 needs;
} checks[] = {
	{ "description", check_description, 0 },
	{ "options", check_options, 0 },
	{ "functions", check_functions, 0 },
	{ "health", check_health, CONFIG },
	{ "watch_fd", check_watch, LIVE | WATCH },
	{ "position", check_position, LIVE | POSITION },
	{ "has_position", check_has_own, LIVE | POSITION },
	{ "no position", check_garbage, LIVE | POSITION },
	{ "demoted", check_demoted, LIFE | DEMOTED },
	{ "demoted's health", check_role_health, LIFE | DEMOTED },
	{ "slave", check_slave, LIFE | MASTER },
	{ "slave's health", check_role_health, LIFE | MASTER },
	{ "slave's position", check_has_own, LIFE | MASTER | POSITION },
	{ "master", check_master, LIFE },
	{ "master's health", check_role_health, LIFE },
	{ "kept position", check_kept, LIFE | POSITION },
	{ "master's position", check_has_own, LIFE | POSITION },
	{ "master demoted", check_demoted, LIFE | DEMOTED },
	{ "final position", check_final, LIFE | DEMOTED | POSITION },
	{ "short deadline", check_short, LIVE },
	{ "killed", check_killed, LIFE | DEMOTED },
	{ "sentences", check_sentences, CONFIG },
	{ "secrets", check_secrets, CONFIG },
};

static const char *
lacks(const struct test *t, unsigned needs)
{
	if ((needs & WATCH) != 0 && !t->plugin->has_watch_fd)
		return "there is none";
	if ((needs & DEMOTED) != 0 && !has(t, HANDLER_ENSURE_DEMOTED))
		return "there is no ensure_demoted: a master that loses the "
		    "lock takes writes until ensure_slave has run";
	if ((needs & POSITION) != 0 && (!has(t, HANDLER_POSITION) ||
	    !has(t, HANDLER_HAS_POSITION)))
		return "there is no position to compare";
	if ((needs & CHANGES) != 0 && !t->terms->may_change)
		return "makes the copy master and slave, and leaves it demoted: "
		    "say --yes if this one is not in use";
	if ((needs & MASTER) != 0 && t->terms->master_host == NULL)
		return "needs a master: say --master HOST:PORT";
	if ((needs & HEALTHY) != 0 && !t->healthy)
		return "needs a copy that is fit to serve";
	return NULL;
}

static void
run_check(struct test *t, const struct check *c)
{
	static const char *const	 words[] = { "ok", "FAILED", "skipped" };
	const char			*why = lacks(t, c->needs);
	enum verdict			 v;
	char				*at;

	v = why != NULL ? verdict(t, SKIPPED, "%s", why) : c->run(t);
	for (at = t->sentence; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	pass_log(t);
	printf("%-8s %s: %s\n", words[v], c->name, t->sentence);
	fflush(stdout);
	t->counts[v]++;
}

static void
run_checks(struct test *t)
{
	size_t	 i;

	for (i = 0; i < sizeof checks / sizeof checks[0]; i++) {
		if (t->config == NULL && (checks[i].needs & CONFIG) != 0)
			break;
		run_check(t, &checks[i]);
	}
	if (t->config == NULL)
		puts("skipped  the calls: they need a config: say -c FILE");
	else if (t->terms->may_change && has(t, HANDLER_ENSURE_DEMOTED) &&
	    ensure(t, HANDLER_ENSURE_DEMOTED) != HANDLER_DONE)
		puts("Take care: the copy may be a master");
	printf("%u ok, %u failed%s\n", t->counts[OK], t->counts[FAILED],
	    t->config == NULL || t->counts[SKIPPED] > 0 ?
	    "; what was skipped is not tested" : "");
}

/*
 * The whole.
 */

/* What is logged is read for secrets before it is shown. */
static void
catch_log(struct test *t)
{
	fflush(stderr);
	t->terminal = dup(STDERR_FILENO);
	t->log = memfd_create("log", MFD_CLOEXEC);
	if (t->terminal == -1 || t->log == -1 ||
	    dup2(t->log, STDERR_FILENO) == -1) {
		close(t->log);
		t->log = -1;
	}
}

static void
release_log(struct test *t)
{
	pass_log(t);
	if (t->log != -1) {
		dup2(t->terminal, STDERR_FILENO);
		close(t->log);
	}
	close(t->terminal);
}

static void
run_live(struct test *t)
{
	t->base = event_base_new();
	t->alarm = evtimer_new(t->base, alarm_cb, t);
	t->health = handler_new(t->base, "health", t->config, t->plugin,
	    watch_cb, t);
	t->role = handler_new(t->base, "role", t->config, t->plugin, NULL,
	    NULL);
	find_secrets(t);
	catch_log(t);
	run_checks(t);
	handler_free(t->health);
	handler_free(t->role);
	release_log(t);
	event_free(t->alarm);
	event_base_free(t->base);
}

/* No agent is at work here, nor a guard, nor will one be; and the next agent
 * will not go on as a master where the last one has ended. */
static bool
take_copy(const struct config *c, struct runfile **r, struct error *err)
{
	return runfile_open(r, c, true, err) && leave_may(c, err) &&
	    runfile_save(*r, "", 0, err);
}

bool
conform_test(const struct plugin_description *p, const struct config *c,
    const struct conform_terms *terms, struct error *err)
{
	struct test	 t = {
		.plugin = p, .config = c, .terms = terms, .log = -1,
	};
	struct runfile	*r = NULL;

	err->text[0] = '\0';
	if (c == NULL)
		run_checks(&t);
	else if (!terms->may_change || take_copy(c, &r, err))
		run_live(&t);
	runfile_close(r);
	return t.counts[FAILED] == 0 && err->text[0] == '\0';
}
