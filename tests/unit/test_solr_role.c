/*
 * test_solr_role.c - what the solr plugin makes of a master before that is slow:
 * two copies of Solr that are as simple as can be, behind http_get and
 * http_post.
 */
#include "../../plugins/solr/solr.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

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
	unsigned	 uptime;	/* ms */
	unsigned	 asked;
};

static struct copy	 here, before;
static const char	*method, *home, *restart, *on_divergence;

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
	if (strstr(path, "/info/system") != NULL)
		return answer(a, "{\"lucene\":{\"solr-spec-version\":"
		    "\"9.8.1\"}}");
	if (strstr(path, "/admin/cores") != NULL) {
		snprintf(text, sizeof(text), "{\"status\":{\"rows\":{\"name\":"
		    "\"rows\",\"instanceDir\":\"%s/rows\",\"uptime\":%u}}}",
		    home, c->uptime);
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
		snprintf(text, sizeof(text), "{\"details\":{\"commits\":[{"
		    "\"indexVersion\":%u,\"generation\":%u}]}}",
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
	    strcmp(name, "home") == 0 ? home : NULL;
}

static int64_t
number(const struct failover *f, const char *name)
{
	(void)f;
	return strcmp(name, "restart_limit") == 0 ? 60000 : 0;
}

static int64_t
time_left(const struct failover *f)
{
	(void)f;
	return 1000;
}

static enum failover_result
say(struct failover *f, enum failover_result result, const char *fmt, ...)
{
	(void)f;
	(void)fmt;
	return result;
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
	.time_left = time_left, .say = say, .secret = secret,
};

static int
given_two_copies(void **state)
{
	(void)state;
	here = (struct copy){ .generation = 5, .closed = true };
	before = (struct copy){ .generation = 5, .closed = true };
	call.enough = 0;
	method = "replication";
	on_divergence = "refuse";
	call.target = "";
	home = "/nonexistent";
	restart = NULL;
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

static void
a_slave_is_closed_whatever_its_master_says(void **state)
{
	(void)state;
	here.closed = false;
	before.down = true;
	assert_int_equal(ensure_slave(&call, "10.0.0.2"), FAILOVER_FAILED);
	assert_true(here.closed);
}

static void
touch(const char *path)
{
	const char	 text[] = "name=rows\n";
	int		 fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
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

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
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
		    a_slave_is_closed_whatever_its_master_says,
		    given_two_copies, stop),
		cmocka_unit_test_setup_teardown(
		    a_restart_that_is_over_is_no_excuse,
		    given_two_copies, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
