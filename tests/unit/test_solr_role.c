/*
 * test_solr_role.c - what the solr plugin makes of a master before that is slow:
 * two copies of Solr that are as simple as can be, behind http_get and
 * http_post.
 */
#include "../../plugins/solr/http.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "pid.h"

/* The linker has them called instead of http.c's. */
bool	__wrap_http_get(struct failover *, struct answer *, int64_t,
	    const char *, const char *, ...)
	    __attribute__((format(printf, 5, 6)));
bool	__wrap_http_post(struct failover *, struct answer *, int64_t,
	    const char *, const char *, const char *, ...)
	    __attribute__((format(printf, 6, 7)));

struct copy {
	unsigned	 generation;
	unsigned	 version;	/* 0: as the generation */
	bool		 closed;	/* its fence */
	bool		 pending;	/* something is not committed */
	bool		 stuck;		/* no commit ends */
	bool		 opening;	/* is done when the next post comes */
	bool		 down;
	bool		 unfetched;	/* nothing is to be had from the other */
	bool		 fetching;	/* for as long as it is */
	const char	*refuses;	/* what it is asked so, */
	long		 refusal;	/* with this status of HTTP */
	unsigned	 uptime;	/* ms */
	unsigned	 asked;
};

static struct copy	 here, before;
static const char	*method, *home, *restart, *on_divergence, *ending;

static bool
answer(struct answer *a, const char *text)
{
	a->status = 200;
	a->json = yajl_tree_parse(text, NULL, 0);
	assert_non_null(a->json);
	return true;
}

static bool
get(struct copy *c, struct answer *a, const char *path)
{
	char	 text[256];

	c->asked++;
	a->refused = c->down;
	if (c->down)
		return false;
	if (c->refuses != NULL && strstr(path, c->refuses) != NULL) {
		a->status = c->refusal;
		return false;
	}
	if (strstr(path, "/info/system") != NULL)
		return answer(a, "{\"lucene\":{\"solr-spec-version\":"
		    "\"9.8.1\"}}");
	if (strstr(path, "/admin/cores") != NULL) {
		snprintf(text, sizeof(text), "{\"status\":{\"rows\":{\"name\":"
		    "\"rows\",\"instanceDir\":\"%s/rows\",\"uptime\":%u,"
		    "\"startTime\":\"%d\"}}}", home, c->uptime, c == &here);
		return answer(a, text);
	}
	if (strstr(path, "/config/requestHandler") != NULL)
		return answer(a, "{\"config\":{\"requestHandler\":{\"/update\":"
		    "{\"class\":\"solr.UpdateRequestHandler\","
		    "\"useParams\":\"_UPDATE\"}}}}");
	if (strstr(path, "/admin/metrics") != NULL)
		return answer(a, "{\"metrics\":{\"solr.core.rows\":{"
		    "\"UPDATE./update.requests\":1,"
		    "\"UPDATE./update.requestTimes\":{\"count\":1}}}}");
	if (strstr(path, "/update?commit=true") != NULL) {
		snprintf(a->wrong, sizeof(a->wrong), "no answer");
		c->generation += !c->stuck && c->pending;
		c->pending = c->pending && c->stuck;
		return !c->stuck && answer(a, "{}");
	}
	if (strstr(path, "/config/params") != NULL)
		snprintf(text, sizeof(text), "{\"response\":{\"params\":{"
		    "\"_UPDATE\":{\"_invariants_\":{%s"
		    "\"consul-failover\":\"commits\"}}}}}",
		    c->closed ? "\"update.contentType\":\"x\"," : "");
	else
		snprintf(text, sizeof(text), "{\"details\":{\"leader\":{"
		    "\"replicationEnabled\":\"true\"},\"follower\":{"
		    "\"isReplicating\":\"%s\"},\"commits\":[%s{"
		    "\"indexVersion\":%u,\"generation\":%u}]}}",
		    c->fetching ? "true" : "false",
		    c->generation > 1 ?
		    "{\"indexVersion\":1,\"generation\":1}," : "",
		    c->version != 0 ? c->version : c->generation,
		    c->generation);
	return answer(a, text);
}

bool
__wrap_http_get(struct failover *f, struct answer *a, int64_t limit,
    const char *base, const char *path, ...)
{
	char	 text[256];
	va_list	 ap;

	(void)f;
	(void)limit;
	va_start(ap, path);
	vsnprintf(text, sizeof(text), path, ap);
	va_end(ap);
	*a = (struct answer){ 0 };
	return get(strcmp(base, http_here()) == 0 ? &here : &before, a, text);
}

bool
__wrap_http_post(struct failover *f, struct answer *a, int64_t limit,
    const char *body, const char *base, const char *path, ...)
{
	(void)f;
	(void)limit;
	assert_string_equal(base, http_here());
	*a = (struct answer){ 0 };
	if (strstr(path, "/config/params") != NULL) {
		here.closed = strstr(body, "update.contentType") != NULL;
		here.opening = false;
	} else if (here.unfetched) {
		return answer(a, "{\"status\":\"ERROR\",\"message\":\"no\"}");
	} else {
		here.generation = before.generation;
		here.version = before.version;
	}
	return answer(a, "{\"status\":\"OK\"}");
}

/*
 * The handler.
 */

static const char *
option(const struct failover *f, const char *name)
{
	(void)f;
	return strcmp(name, "cores") == 0 ? "rows" :
	    strcmp(name, "method") == 0 ? method :
	    strcmp(name, "restart") == 0 ? restart :
	    strcmp(name, "on_divergence") == 0 ? on_divergence :
	    strcmp(name, "kill") == 0 ? ending :
	    strcmp(name, "leader_key") == 0 ? "enable.leader" :
	    strcmp(name, "follower_key") == 0 ? "enable.follower" :
	    strcmp(name, "home") == 0 ? home : NULL;
}

static int64_t
number(const struct failover *f, const char *name)
{
	(void)f;
	return strcmp(name, "restart_limit") == 0 ? 60000 : 0;
}

static unsigned	 warnings;
static char	 warned[FAILOVER_SENTENCE];	/* the last one */

static void __attribute__((format(printf, 3, 4)))
note(struct failover *f, enum failover_level level, const char *fmt, ...)
{
	va_list	 ap;

	(void)f;
	assert_int_equal(level, FAILOVER_WARNING);
	warnings++;
	va_start(ap, fmt);
	vsnprintf(warned, sizeof(warned), fmt, ap);
	va_end(ap);
}

static int64_t	 left, passes;	/* ms, and by each question for it */
static char	 said[FAILOVER_SENTENCE];

static int64_t
time_left(const struct failover *f)
{
	(void)f;
	left -= passes;
	return left;
}

static enum failover_result __attribute__((format(printf, 3, 4)))
say(struct failover *f, enum failover_result result, const char *fmt, ...)
{
	va_list	 ap;

	(void)f;
	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	return result;
}

static char	 kept[FAILOVER_SENTENCE];

static enum failover_result
keep(struct failover *f, const char *text)
{
	(void)f;
	memmove(kept, text, strlen(text) + 1);
	return FAILOVER_DONE;
}

static int64_t	 later;		/* s, by which the clock goes ahead */

int	__real_clock_gettime(clockid_t, struct timespec *);
int	__wrap_clock_gettime(clockid_t, struct timespec *);

int
__wrap_clock_gettime(clockid_t id, struct timespec *t)
{
	int	 r = __real_clock_gettime(id, t);

	t->tv_sec += later;
	return r;
}

static enum failover_result
secret(struct failover *f, const char *name, char *text, size_t size)
{
	(void)f;
	(void)name;
	(void)size;
	*text = '\0';
	return FAILOVER_DONE;
}

static struct failover	 call = {
	.size = sizeof(call), .port = 8983, .service = "solr", .node = "",
	.master_host = "", .master_port = 8983, .previous_host = "10.0.0.2",
	.previous_port = 8983, .target = "", .option = option, .number = number,
	.time_left = time_left,
	.say = say, .log = note, .secret = secret,
	.memory = kept, .remember = keep,
};

static int
given_two_copies(void **state)
{
	(void)state;
	here = (struct copy){ .generation = 5, .closed = true };
	before = (struct copy){ .generation = 5, .closed = true };
	call.enough = call.promote = 0;
	call.role = FAILOVER_NO_ROLE;
	kept[0] = '\0';
	later = 0;
	left = 1000;
	passes = 0;
	method = "replication";
	on_divergence = "refuse";
	call.target = "";
	home = "/nonexistent";
	restart = ending = NULL;
	return plugin_start(&call) == FAILOVER_DONE ? 0 : -1;
}

static int
stop(void **state)
{
	(void)state;
	plugin_stop(&call);
	return 0;
}

static void
what_the_one_before_has_not_committed_is_waited_for(void **state)
{
	(void)state;
	before.pending = before.stuck = true;
	assert_int_equal(ensure_master(&call), FAILOVER_AGAIN);
	assert_true(here.closed);
	before.stuck = false;
	assert_int_equal(ensure_master(&call), FAILOVER_DONE);
	assert_false(here.closed);
	assert_int_equal(here.generation, 6);
}

static void
when_it_is_enough_the_one_before_is_not_asked(void **state)
{
	(void)state;
	before.pending = before.stuck = true;
	call.enough = 1;
	assert_int_equal(ensure_master(&call), FAILOVER_DONE);
	assert_false(here.closed);
	assert_int_equal(before.asked, 0);
}

static void
a_final_position_is_that_after_the_commit(void **state)
{
	char	 text[64];

	(void)state;
	here = (struct copy){ .generation = 5, .pending = true, .stuck = true };
	assert_int_equal(ensure_demoted(&call), FAILOVER_DONE);
	assert_true(here.closed);
	assert_int_equal(position(&call, text, sizeof(text)), FAILOVER_AGAIN);
	here.stuck = false;
	assert_int_equal(position(&call, text, sizeof(text)), FAILOVER_DONE);
	assert_string_equal(text, "rows=6:6");
}

/* It has generation 7 of its own, and lacks the fifth of the others. */
static void
what_has_diverged_from_the_one_before_is_not_opened(void **state)
{
	(void)state;
	here.generation = 7;
	here.version = 3;
	call.target = "rows=5:5";
	assert_int_equal(ensure_master(&call), FAILOVER_AGAIN);
	assert_int_equal(here.generation, 7);
	before.down = true;
	assert_int_equal(ensure_master(&call), FAILOVER_AGAIN);
	assert_true(here.closed);
	before.down = false;
	on_divergence = "follow";
	assert_int_equal(ensure_master(&call), FAILOVER_DONE);
	assert_false(here.closed);
	assert_int_equal(here.generation, 5);
}

/* By its clock, which was set back, what it has committed is older. */
static void
a_master_goes_on_whatever_its_clock_says(void **state)
{
	(void)state;
	here = (struct copy){ .generation = 7, .version = 3 };
	call.target = "rows=5:5";
	assert_int_equal(ensure_master(&call), FAILOVER_DONE);
	assert_false(here.closed);
	assert_int_equal(here.generation, 7);
}

static void
an_opening_that_was_given_up_is_closed_all_the_same(void **state)
{
	(void)state;
	here.opening = true;
	assert_int_equal(ensure_demoted(&call), FAILOVER_DONE);
	assert_false(here.opening);
	assert_true(here.closed);
}

/* It would take writes as soon as somebody starts it. */
static void
one_that_does_not_run_is_demoted_in_its_files(void **state)
{
	(void)state;
	here.down = true;
	assert_int_equal(ensure_demoted(&call), FAILOVER_FAILED);
}

static void
a_slave_is_closed_whatever_its_master_says(void **state)
{
	(void)state;
	here.closed = false;
	before.down = true;
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_FAILED);
	assert_true(here.closed);
}

/* Known to lack what its master has: so for health, and for ensure_master, when
 * nobody is left who could be asked. */
static void
then_it_is_unfit(void)
{
	assert_string_not_equal(kept, "");
	before.down = true;
	assert_int_equal(health(&call), FAILOVER_FAILED);
	assert_int_equal(ensure_master(&call), FAILOVER_FAILED);
	assert_true(here.closed);
	before.down = false;
}

static void
a_slave_that_stands_still_is_no_master(void **state)
{
	(void)state;
	before.generation = 6;
	here.unfetched = true;
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_FAILED);
	later = 29;
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_FAILED);
	assert_string_equal(kept, "");		/* that may pass */
	later = 31;
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_FAILED);
	then_it_is_unfit();
	assert_non_null(strstr(kept, "lacks generation 6 of the master"));
	here.unfetched = false;
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_DONE);
	assert_string_equal(kept, "");
	assert_int_equal(ensure_master(&call), FAILOVER_DONE);
}

/* For longer than a slave may stand still; its master goes on meanwhile. */
static void
a_slave_that_fetches_for_long_is_fit(void **state)
{
	(void)state;
	before.generation = 6;
	here.fetching = true;
	for (; later < 100; later += 10) {
		before.generation++;
		assert_int_equal(ensure_slave(&call, "10.0.0.2"),
		    FAILOVER_DONE);
	}
	assert_string_equal(kept, "");
	/* It was for nothing. */
	here.fetching = false;
	here.unfetched = true;
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_FAILED);
	then_it_is_unfit();
	/* The next one ends, and the master is ahead again. */
	here.fetching = true;
	before.generation++;
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_AGAIN);
	assert_string_not_equal(kept, "");
	here.generation = before.generation++;
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_DONE);
	assert_string_equal(kept, "");
}

static void
a_slave_that_lags_and_goes_on_is_fit(void **state)
{
	(void)state;
	for (; later < 100; later += 10) {
		before.generation += 2;
		here.generation++;
		here.unfetched = true;
		assert_int_equal(ensure_slave(&call, "10.0.0.2"),
		    FAILOVER_FAILED);
	}
	assert_string_equal(kept, "");
}

static void
given_a_slave_that_lacks_something(void)
{
	here = (struct copy){ .closed = true, .unfetched = true };
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_FAILED);
	then_it_is_unfit();
}

/* A fetch that was under way when the master was stopped goes on. */
static void
a_slave_that_has_fetched_is_fit_though_its_master_is_gone(void **state)
{
	(void)state;
	given_a_slave_that_lacks_something();
	here = (struct copy){ .generation = 5, .version = 5, .closed = true };
	before.down = true;
	assert_int_equal(ensure_master(&call), FAILOVER_DONE);
	assert_string_equal(kept, "");
}

static void
an_empty_slave_or_one_that_has_diverged_is_no_master(void **state)
{
	(void)state;
	given_a_slave_that_lacks_something();
	kept[0] = '\0';
	here = (struct copy){ .generation = 7, .version = 3, .closed = true };
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_FAILED);
	then_it_is_unfit();
	assert_non_null(strstr(kept, "has diverged"));
	/* But the operator may know better. */
	before.down = true;
	call.promote = 1;
	assert_int_equal(ensure_master(&call), FAILOVER_DONE);
	assert_string_equal(kept, "");
}

static void
an_empty_slave_is_none_until_it_has_fetched(void **state)
{
	(void)state;
	here = (struct copy){ .closed = true, .fetching = true };
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_AGAIN);
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_AGAIN);
	assert_non_null(strstr(said, "fetches what it lacks"));
	here.generation = before.generation++;
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_DONE);
	assert_non_null(strstr(said, "fetching new data"));
	/* An empty one of an empty master has all. */
	here = before = (struct copy){ .closed = true };
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_DONE);
}

/* What it lacks then nobody can tell, but that master. */
static void
a_slave_that_its_master_refuses_is_no_master(void **state)
{
	static const char *const	 all[] = { "/admin/cores",
					    "/replication" };
	size_t				 n;

	(void)state;
	for (n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
		given_two_copies(NULL);
		before.refuses = all[n];
		before.refusal = 500;
		assert_int_equal(ensure_slave(&call, "10.0.0.2"),
		    FAILOVER_FAILED);
		assert_string_equal(kept, "");	/* that may pass */
		before.refusal = n == 0 ? 401 : 403;
		here.fetching = true;
		assert_int_equal(ensure_slave(&call, "10.0.0.2"),
		    FAILOVER_FAILED);
		assert_string_equal(kept, "");
		here.fetching = false;
		assert_int_equal(ensure_slave(&call, "10.0.0.2"),
		    FAILOVER_FAILED);
		then_it_is_unfit();
		assert_non_null(strstr(kept, n == 0 ? "has refused this copy "
		    "(HTTP 401)" : "has refused this copy (HTTP 403)"));
		before.refuses = NULL;
		before.generation = 9;
		assert_int_equal(ensure_slave(&call, "10.0.0.2"),
		    FAILOVER_DONE);
		assert_string_equal(kept, "");
		assert_int_equal(ensure_master(&call), FAILOVER_DONE);
	}
}

/* Each of its fetches takes long, and the last one goes on without it. */
static void
a_slave_that_its_master_refused_has_to_fetch_what_it_had_then(void **state)
{
	(void)state;
	before.refuses = "/admin/cores";
	before.refusal = 401;
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_FAILED);
	before.refuses = NULL;
	before.generation = 9;
	here.fetching = true;
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_AGAIN);
	assert_non_null(strstr(kept, "was refused by its master, and lacks "
	    "generation 9 of the master"));
	then_it_is_unfit();
	here.generation = 9;
	before.generation = 11;
	here.fetching = true;
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_DONE);
	assert_string_equal(kept, "");
	/* The same, and its master is gone before it is asked again. */
	before.refuses = "/admin/cores";
	here.fetching = false;
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_FAILED);
	before.refuses = NULL;
	here.fetching = true;
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_AGAIN);
	here.fetching = false;
	then_it_is_unfit();
	here.generation = 11;
	before.down = true;
	assert_int_equal(ensure_master(&call), FAILOVER_DONE);
}

static void
touch(const char *path)
{
	const char	 text[] = "name=rows\n";
	int		 fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
}

/* Solr keeps it where this core has its own, or a set of several cores'. */
static void
what_a_master_was_opened_in_must_be_there(void **state)
{
	char	 folder[] = "/tmp/solr-XXXXXX", core[64], file[96];

	(void)state;
	home = mkdtemp(folder);
	assert_non_null(home);
	snprintf(core, sizeof(core), "%s/rows", home);
	snprintf(file, sizeof(file), "%s/core.properties", core);
	assert_int_equal(mkdir(core, 0700), 0);
	here.down = true;
	assert_int_equal(ensure_demoted(&call), FAILOVER_FAILED);
	touch(file);
	assert_int_equal(ensure_demoted(&call), FAILOVER_DONE);
	call.role = FAILOVER_MASTER;
	assert_int_equal(ensure_demoted(&call), FAILOVER_FAILED);
	unlink(file);
	rmdir(core);
	rmdir(home);
}

/*
 * Who has its index open.
 */

static char	 own_home[40];

static const char *
in_folder(const char *name)
{
	static char	 path[96];

	snprintf(path, sizeof(path), "%s/%s", own_home, name);
	return path;
}

static void
put(const char *name, const char *text)
{
	FILE	*file = fopen(in_folder(name), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int
given_a_home(void **state)
{
	static const char *const	 all[] = { "rows", "rows/conf",
					    "rows/data", "rows/data/index",
					    "else", "else/index" };
	size_t				 n;

	if (given_two_copies(state) != 0)
		return -1;
	strcpy(own_home, "/tmp/solr-XXXXXX");
	home = mkdtemp(own_home);
	assert_non_null(home);
	for (n = 0; n < sizeof(all) / sizeof(all[0]); n++)
		assert_int_equal(mkdir(in_folder(all[n]), 0700), 0);
	put("rows/core.properties", "name=rows\n");
	put("rows/conf/params.json", "{\"params\":{\"_UPDATE\":{"
	    "\"_invariants_\":{\"consul-failover\":\"commits\"}}}}");
	put("rows/data/index/write.lock", "");
	call.role = FAILOVER_MASTER;
	passes = 50;
	return 0;
}

static int
remove_home(void **state)
{
	char	 command[64];

	snprintf(command, sizeof(command), "rm -r %s", own_home);
	assert_int_equal(system(command), 0);
	return stop(state);
}

/* A process that locks it, as a Solr does, or as who may only read it can. */
static pid_t
locks(const char *name, short type)
{
	struct flock	 l = { .l_type = type, .l_whence = SEEK_SET };
	int		 fds[2], fd;
	char		 byte;
	pid_t		 pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd = open(in_folder(name), type == F_RDLCK ? O_RDONLY : O_RDWR);
		if (fcntl(fd, F_SETLK, &l) == 0 && write(fds[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	return pid;
}

static void
ends(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static enum failover_result
demoted_within(int64_t ms)
{
	left = ms;
	return ensure_demoted(&call);
}

/* It was told to be a master by this handler, is started again with another
 * port, and has read its file before that was closed. */
static void
a_solr_that_was_started_at_another_port_is_not_down(void **state)
{
	pid_t	 pid = locks("rows/data/index/write.lock", F_WRLCK);
	char	 command[32];

	(void)state;
	here.closed = false;
	assert_int_equal(ensure_master(&call), FAILOVER_DONE);
	here.down = true;	/* it ends, and has closed its port first */
	assert_int_equal(demoted_within(400), FAILOVER_DONE);
	ends(pid);
	assert_int_equal(demoted_within(400), FAILOVER_DONE);
	pid = locks("rows/data/index/write.lock", F_WRLCK);
	assert_int_equal(demoted_within(400), FAILOVER_FAILED);
	assert_non_null(strstr(said, "or the option url is wrong"));
	/* The command has time to end it, but this one does not. */
	ending = "true";
	assert_int_equal(demoted_within(6000), FAILOVER_FAILED);
	snprintf(command, sizeof(command), "kill -KILL %d", (int)pid);
	ending = command;
	assert_int_equal(demoted_within(6000), FAILOVER_DONE);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* It asks Solr to stop, say, and kills it after a while. */
static void
a_command_that_outlasts_its_call_is_waited_for_by_the_next(void **state)
{
	pid_t	 pid = locks("rows/data/index/write.lock", F_WRLCK);
	char	 command[48];
	int	 calls = 1;

	(void)state;
	here.down = true;
	snprintf(command, sizeof(command), "sleep 1.5; kill -KILL %d",
	    (int)pid);
	ending = command;
	while (demoted_within(3000) != FAILOVER_DONE && calls < 3)
		calls++;
	assert_int_equal(waitpid(pid, NULL, WNOHANG), pid);
	assert_string_equal(said, "Solr does not run, and will refuse writes "
	    "when it does");
	/* It has ended, and so runs again for the next one. */
	pid = locks("rows/data/index/write.lock", F_WRLCK);
	snprintf(command, sizeof(command), "kill -KILL %d", (int)pid);
	assert_int_equal(demoted_within(6000), FAILOVER_DONE);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
an_index_is_where_core_properties_says(void **state)
{
	pid_t	 pid;

	(void)state;
	here.down = true;
	put("else/index/write.lock", "");
	snprintf(said, sizeof(said), "dataDir=%s\n", in_folder("else"));
	put("rows/core.properties", said);
	pid = locks("else/index/write.lock", F_WRLCK);
	assert_int_equal(demoted_within(400), FAILOVER_FAILED);
	put("rows/core.properties", "dataDir=../else/\n");
	assert_int_equal(demoted_within(400), FAILOVER_FAILED);
	assert_non_null(strstr(said, "/else/ open"));
	ends(pid);
	assert_int_equal(demoted_within(400), FAILOVER_DONE);
}

/* As where Solr is told by solr.xml to have its data elsewhere. */
static void
an_index_that_is_not_found_is_no_proof(void **state)
{
	(void)state;
	here.down = true;
	assert_int_equal(demoted_within(400), FAILOVER_DONE);
	put("rows/core.properties", "dataDir=${x}/y\n");
	assert_int_equal(demoted_within(400), FAILOVER_FAILED);
	assert_non_null(strstr(said, "/rows/${x}/y: No such file"));
	put("rows/core.properties", "name=rows\n");
	unlink(in_folder("rows/data/index/write.lock"));
	assert_int_equal(demoted_within(400), FAILOVER_FAILED);
	assert_non_null(strstr(said, "/rows/data: No such file"));
	/* A link to itself: as root, what may not be read. */
	assert_int_equal(symlink("write.lock",
	    in_folder("rows/data/index/write.lock")), 0);
	assert_int_equal(demoted_within(400), FAILOVER_FAILED);
	/* Before its first start nobody has made it anything. */
	call.role = FAILOVER_NO_ROLE;
	unlink(in_folder("rows/data/index/write.lock"));
	assert_int_equal(demoted_within(400), FAILOVER_DONE);
}

/* The first test: it is said once in a process. */
static void
what_a_demotion_lacks_is_said_at_the_start(void **state)
{
	(void)state;
	warnings = 0;
	unlink(in_folder("rows/data/index/write.lock"));
	assert_int_equal(health(&call), FAILOVER_DONE);
	assert_int_equal(warnings, 2);	/* the option kill, and this */
	assert_non_null(strstr(warned, "/rows/data: No such file"));
	assert_int_equal(health(&call), FAILOVER_DONE);
	assert_int_equal(warnings, 2);
}

/* Or any user of the machine would be in the way of each demotion. */
static void
who_reads_a_lock_has_no_index_open(void **state)
{
	pid_t	 pid = locks("rows/data/index/write.lock", F_RDLCK);

	(void)state;
	here.down = true;
	assert_int_equal(demoted_within(400), FAILOVER_DONE);
	ends(pid);
}

#define TICK	20000	/* us: the clock of files goes on meanwhile */

/* Or a Solr that is killed a minute after its promotion has no successor. */
static void
a_restart_that_is_over_is_no_excuse(void **state)
{
	char	 folder[] = "/tmp/solr-XXXXXX", core[64], file[96];

	(void)state;
	home = mkdtemp(folder);
	assert_non_null(home);
	snprintf(core, sizeof(core), "%s/rows", home);
	snprintf(file, sizeof(file), "%s/core.properties", core);
	assert_int_equal(mkdir(core, 0700), 0);
	touch(file);
	method = "restart";
	here.down = true;
	assert_int_equal(health(&call), FAILOVER_FAILED);	/* no command */
	restart = "systemctl restart solr";
	assert_int_equal(health(&call), FAILOVER_AGAIN);
	here.down = false;
	here.uptime = 3600 * 1000;	/* it has not even gone down yet */
	assert_int_equal(health(&call), FAILOVER_DONE);
	here.down = true;
	assert_int_equal(health(&call), FAILOVER_AGAIN);
	here.down = false;
	here.uptime = 0;
	usleep(TICK);
	assert_int_equal(health(&call), FAILOVER_DONE);
	here.down = true;
	assert_int_equal(health(&call), FAILOVER_FAILED);
	usleep(TICK);
	touch(file);
	assert_int_equal(health(&call), FAILOVER_AGAIN);	/* the next one */
	unlink(file);
	rmdir(core);
	rmdir(home);
}

static void
given_a_restart(const char *command)
{
	method = "restart";
	restart = command;
	here.uptime = 3600 * 1000;
	assert_int_equal(ensure_master(&call), FAILOVER_AGAIN);
	assert_non_null(strstr(said, "restarts as leader"));
}

static pid_t
number_in(const char *name)
{
	FILE	*file = NULL;
	int	 tries, pid = 0;

	for (tries = 0; tries < 1000 && pid == 0; tries++) {
		usleep(10000);
		file = fopen(in_folder(name), "r");
		if (file == NULL || fscanf(file, "%d", &pid) != 1)
			pid = 0;
		if (file != NULL)
			fclose(file);
	}
	assert_true(pid > 1);
	return pid;
}

/* Solr is down, so nothing else asks for the command. */
static void
a_restart_that_hangs_is_killed_whether_solr_answers_or_not(void **state)
{
	char	 command[160], name[PID_NAME];
	int	 demoted, tries;
	pid_t	 pid;

	(void)state;
	for (demoted = 0; demoted < 2; demoted++) {
		left = 1000;
		here.down = false;
		snprintf(command, sizeof(command), "echo $$ > %s; exec sleep "
		    "1000", in_folder("number"));
		given_a_restart(command);
		pid = number_in("number");
		here.down = true;
		left = 1000;
		assert_int_not_equal(ensure_slave(&call, "10.0.0.2"),
		    FAILOVER_DONE);
		assert_true(pid_name(pid, name));
		later += 601;
		left = 1000;
		if (demoted)
			ensure_demoted(&call);
		else {
			assert_int_equal(ensure_slave(&call, "10.0.0.2"),
			    FAILOVER_FAILED);
			assert_non_null(strstr(said, "did not end within"));
		}
		for (tries = 0; tries < 1000 && pid_name(pid, name); tries++)
			usleep(10000);
		assert_false(pid_name(pid, name));
		unlink(in_folder("number"));
	}
}

/* The reason is told once, and the next call tries again. */
static void
a_restart_that_fails_between_two_calls_is_reported(void **state)
{
	(void)state;
	given_a_restart("sleep 1; exit 3");
	usleep(1500000);
	left = 1000;
	assert_int_equal(ensure_master(&call), FAILOVER_FAILED);
	assert_non_null(strstr(said, "ended with exit status 3"));
	left = 1000;
	assert_int_equal(ensure_master(&call), FAILOVER_AGAIN);
	/* A demotion is not kept from its work by one that has failed. */
	usleep(1500000);
	left = 1000;
	assert_int_equal(ensure_demoted(&call), FAILOVER_DONE);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_a_demotion_lacks_is_said_at_the_start,
		    given_a_home, remove_home),
		cmocka_unit_test_setup_teardown(
		    what_the_one_before_has_not_committed_is_waited_for,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    when_it_is_enough_the_one_before_is_not_asked,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    a_final_position_is_that_after_the_commit,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    what_has_diverged_from_the_one_before_is_not_opened,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    a_master_goes_on_whatever_its_clock_says,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    an_opening_that_was_given_up_is_closed_all_the_same,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    one_that_does_not_run_is_demoted_in_its_files,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    a_slave_is_closed_whatever_its_master_says,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    a_slave_that_stands_still_is_no_master,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    a_slave_that_fetches_for_long_is_fit,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    a_slave_that_lags_and_goes_on_is_fit,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    a_slave_that_has_fetched_is_fit_though_its_master_is_gone,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    an_empty_slave_or_one_that_has_diverged_is_no_master,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    an_empty_slave_is_none_until_it_has_fetched,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    a_slave_that_its_master_refuses_is_no_master,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    a_slave_that_its_master_refused_has_to_fetch_what_it_had_then,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    what_a_master_was_opened_in_must_be_there,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    a_solr_that_was_started_at_another_port_is_not_down,
		    given_a_home, remove_home),
		cmocka_unit_test_setup_teardown(
		    a_command_that_outlasts_its_call_is_waited_for_by_the_next,
		    given_a_home, remove_home),
		cmocka_unit_test_setup_teardown(
		    an_index_is_where_core_properties_says,
		    given_a_home, remove_home),
		cmocka_unit_test_setup_teardown(
		    an_index_that_is_not_found_is_no_proof,
		    given_a_home, remove_home),
		cmocka_unit_test_setup_teardown(
		    who_reads_a_lock_has_no_index_open,
		    given_a_home, remove_home),
		cmocka_unit_test_setup_teardown(
		    a_restart_that_is_over_is_no_excuse,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    a_restart_that_hangs_is_killed_whether_solr_answers_or_not,
		    given_a_home, remove_home),
		cmocka_unit_test_setup_teardown(
		    a_restart_that_fails_between_two_calls_is_reported,
		    given_a_home, remove_home),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
