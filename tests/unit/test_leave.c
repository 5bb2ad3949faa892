/*
 * test_leave.c - `leave`: what it asks of Consul, in which order, and what the
 * run file says by then.
 */
#include "given_consul.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leave.h"
#include "registration.h"
#include "runfile.h"

static struct config	 config = {
	.file = (char *)(uintptr_t)"test.ini",
	.service_name = (char *)(uintptr_t)"mysql",
	.service_id = (char *)(uintptr_t)"mysql-1",
	.service_port = 3306,
	.api_listen = (char *)(uintptr_t)"127.0.0.1:1",
};
static char		 folder[64];
static char		 first_seen[64];	/* in the run file, when Consul
						 * was asked first */

/* In the place of consul.c and registration.c. */

bool
consul_new(struct consul **c, struct event_base *b, const struct config *in,
    struct error *err)
{
	(void)in, (void)err;
	*c = NULL;
	base = b;
	return true;
}

void
consul_free(struct consul *c)
{
	(void)c;
}

/* What is marked stays registered: of no interest here. */
struct registration *
registration_new(struct event_base *b, struct consul *c,
    const struct config *in, int port, const struct registration_events *events,
    void *arg)
{
	(void)b, (void)c, (void)in, (void)port, (void)events, (void)arg;
	return NULL;
}

void
registration_url(const struct config *c, int port, char url[REGISTRATION_URL])
{
	(void)c, (void)port;
	strcpy(url, "http://127.0.0.1:1/health");
}

void
registration_free(struct registration *r)
{
	(void)r;
}

void
registration_set_health(struct registration *r, bool passing, const char *text)
{
	(void)r, (void)passing, (void)text;
}

void
registration_set_tag(struct registration *r, const char *text)
{
	(void)r, (void)text;
}

void
registration_set_warning(struct registration *r, const char *text)
{
	(void)r, (void)text;
}

static void
read_run_file(char *id, size_t size)
{
	struct runfile	*r;
	struct error	 err;

	assert_true(runfile_open(&r, &config, false, &err));
	runfile_load(r);
	snprintf(id, size, "%s", runfile_session(r));
	runfile_close(r);
}

static void
note_run_file(const char *words)
{
	(void)words;
	if (first_seen[0] == '\0')
		read_run_file(first_seen, sizeof(first_seen));
	if (first_seen[0] == '\0')
		strcpy(first_seen, "(wiped)");
}

static int
begin(void **state)
{
	(void)state;
	given_consul();
	asking = note_run_file;
	first_seen[0] = '\0';
	strcpy(folder, "/tmp/test_leave.XXXXXX");
	config.run_dir = folder;
	strcpy(key.session, "s-1");
	answers.node = "node-1";
	answers.session_count = 1;
	strcpy(session.node, "node-1");
	return mkdtemp(folder) == NULL;
}

static int
end(void **state)
{
	char	 path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/mysql-1.run", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/mysql-1.guard", folder);
	unlink(path);
	return rmdir(folder);
}

static void
given_run_file(const char *id, uint64_t epoch)
{
	struct runfile	*r;
	struct error	 err;

	assert_true(runfile_open(&r, &config, true, &err));
	assert_true(runfile_save(r, id, epoch, &err));
	runfile_close(r);
}

static void
then_the_run_file_names(const char *id)
{
	char	 now[64];

	read_run_file(now, sizeof(now));
	assert_string_equal(now, id);
}

static void
then_asked(const char *words)
{
	if (strstr(asked, words) == NULL)
		fail_msg("\"%s\" was not asked: %s", words, asked);
}

/* A late answer must not take the lock from an agent that goes on with it. */
static void
the_run_file_is_wiped_before_consul_is_asked(void **state)
{
	(void)state;
	given_run_file("s-1", 42);
	assert_true(leave_run(&config, LEAVE_RELEASED, true, "s-1"));
	assert_string_equal(first_seen, "(wiped)");
	then_the_run_file_names("");
}

static void
that_of_a_later_session_stays(void **state)
{
	(void)state;
	given_run_file("s-2", 43);
	assert_true(leave_run(&config, LEAVE_RELEASED, true, "s-1"));
	then_the_run_file_names("s-2");
	then_asked("release lock/mysql/leader s-1 ");
}

static void
the_lock_is_given_back_then_the_session_then_the_service(void **state)
{
	char	*release, *destroy, *deregister;

	(void)state;
	given_run_file("s-1", 42);
	assert_true(leave_run(&config, LEAVE_RELEASED, true, "s-1"));
	release = strstr(asked, "release lock/mysql/leader s-1 "
	    "{\"state\":\"released\"");
	destroy = strstr(asked, "destroy s-1\n");
	deregister = strstr(asked, "deregister mysql-1\n");
	assert_true(release != NULL && release < destroy &&
	    destroy < deregister);
}

static void
one_that_is_dropped_is_not_clean(void **state)
{
	(void)state;
	given_run_file("s-1", 42);
	assert_true(leave_run(&config, LEAVE_DROPPED, true, "s-1"));
	then_asked("release lock/mysql/leader s-1 {\"state\":\"dropped\"");
}

static void
by_hand_it_is_the_session_of_the_run_file(void **state)
{
	(void)state;
	given_run_file("s-1", 42);
	assert_true(leave_run(&config, LEAVE_DROPPED, false, ""));
	assert_string_equal(first_seen, "(wiped)");
	then_asked("destroy s-1\n");
}

static void
by_hand_it_waits_for_a_guard_and_an_agent(void **state)
{
	struct flock	 l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct runfile	*r;
	struct error	 err;
	char		 path[128];
	int		 fd, ready[2];
	pid_t		 guard;

	(void)state;
	assert_true(runfile_open(&r, &config, true, &err));
	assert_false(leave_run(&config, LEAVE_DROPPED, false, ""));
	runfile_close(r);

	snprintf(path, sizeof(path), "%s/mysql-1.guard", folder);
	assert_int_equal(pipe(ready), 0);
	guard = fork();
	assert_true(guard >= 0);
	if (guard == 0) {
		fd = open(path, O_RDWR | O_CREAT, 0600);
		if (fcntl(fd, F_SETLK, &l) == 0 && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], path, 1), 1);
	assert_false(leave_run(&config, LEAVE_DROPPED, false, ""));
	kill(guard, SIGKILL);
	waitpid(guard, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	assert_string_equal(asked, "");
}

/* The run file was copied from there. */
static void
the_lock_of_another_node_stays(void **state)
{
	(void)state;
	given_run_file("s-1", 42);
	answers.node = "node-2";
	answers.session_count = 1;
	strcpy(session.node, "node-1");
	assert_true(leave_run(&config, LEAVE_DROPPED, false, ""));
	assert_null(strstr(asked, "release"));
	assert_null(strstr(asked, "destroy"));
	then_asked("deregister mysql-1\n");
}

/* As in a second container of the host, whose agent has never registered. */
static void
where_our_check_is_not_known_a_session_is_another_nodes(void **state)
{
	(void)state;
	given_run_file("s-1", 42);
	answers.outcome = CONSUL_GONE;
	answers.session_count = 1;
	strcpy(session.node, "node-1");
	assert_true(leave_run(&config, LEAVE_RELEASED, false, ""));
	assert_null(strstr(asked, "release"));
	assert_null(strstr(asked, "destroy"));
	then_asked("deregister mysql-1\n");
	then_the_run_file_names("");
}

/* It may have ended; or it is another node's, which our token may not read. */
static void
a_session_that_consul_does_not_show_is_not_touched(void **state)
{
	(void)state;
	given_run_file("s-1", 42);
	answers.session_count = 0;
	assert_true(leave_run(&config, LEAVE_RELEASED, true, "s-1"));
	assert_null(strstr(asked, "release"));
	assert_null(strstr(asked, "destroy"));
	then_asked("deregister mysql-1\n");
	/* Nor does it know a check of ours: two names that are unknown. */
	given_run_file("s-1", 42);
	asked[0] = '\0';
	answers.node = "";
	assert_true(leave_run(&config, LEAVE_RELEASED, true, "s-1"));
	assert_null(strstr(asked, "release"));
	assert_null(strstr(asked, "destroy"));
	then_asked("deregister mysql-1\n");
}

/* The guard's session, too: what Consul does not tell is not taken for ours. */
static void
where_consul_does_not_tell_our_node_the_session_stays_and_that_is_told(
    void **state)
{
	(void)state;
	answers.outcome = CONSUL_UNKNOWN;
	answers.session_count = 1;
	strcpy(session.node, "node-1");
	assert_false(leave_run(&config, LEAVE_RELEASED, true, "s-1"));
	assert_null(strstr(asked, "release"));
	assert_null(strstr(asked, "destroy"));
}

static void
node_names_are_compared_as_consul_does(void **state)
{
	(void)state;
	given_run_file("s-1", 42);
	answers.node = "Node-1";
	answers.session_count = 1;
	strcpy(session.node, "node-1");
	assert_true(leave_run(&config, LEAVE_DROPPED, false, ""));
	then_asked("release lock/mysql/leader s-1 ");
}

static void
the_registration_of_another_agent_stays(void **state)
{
	(void)state;
	given_run_file("s-1", 42);
	answers.agent = "word host h, config c";
	answers.check = "http://127.0.0.1:1/health every 1000 ms";
	assert_true(leave_run(&config, LEAVE_DROPPED, false, ""));
	then_asked("destroy s-1\n");
	assert_null(strstr(asked, "deregister"));
	/* An older version of ours wrote no name. */
	answers.agent = "";
	assert_true(leave_run(&config, LEAVE_DROPPED, false, ""));
	then_asked("deregister mysql-1\n");
}

/* Consul takes a service out of its catalogue with the token that registered
 * it, and that one may be revoked. */
static void
what_another_token_has_registered_is_made_ours_first(void **state)
{
	(void)state;
	given_run_file("s-1", 42);
	same_check = false;
	assert_true(leave_run(&config, LEAVE_DROPPED, false, ""));
	then_asked("own service mysql-1\nregister mysql-1 with check []\n"
	    "deregister mysql-1\n");
}

/* Consul still tells whose session it is. */
static void
write_fails(const char *words)
{
	answers.outcome = strncmp(words, "release", strlen("release")) == 0 ||
	    strncmp(words, "destroy", strlen("destroy")) == 0 ?
	    CONSUL_UNKNOWN : CONSUL_OK;
}

static void
what_consul_does_not_do_is_told(void **state)
{
	(void)state;
	given_run_file("s-1", 42);
	asking = write_fails;
	assert_false(leave_run(&config, LEAVE_RELEASED, true, "s-1"));
	then_the_run_file_names("");
	/* It goes on all the same. */
	then_asked("destroy s-1\n");
	then_asked("deregister mysql-1\n");
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(the_run_file_is_wiped_before_consul_is_asked),
		TEST(that_of_a_later_session_stays),
		TEST(the_lock_is_given_back_then_the_session_then_the_service),
		TEST(one_that_is_dropped_is_not_clean),
		TEST(by_hand_it_is_the_session_of_the_run_file),
		TEST(by_hand_it_waits_for_a_guard_and_an_agent),
		TEST(the_lock_of_another_node_stays),
		TEST(where_our_check_is_not_known_a_session_is_another_nodes),
		TEST(a_session_that_consul_does_not_show_is_not_touched),
		TEST(
		where_consul_does_not_tell_our_node_the_session_stays_and_that_is_told),
		TEST(node_names_are_compared_as_consul_does),
		TEST(the_registration_of_another_agent_stays),
		TEST(what_another_token_has_registered_is_made_ours_first),
		TEST(what_consul_does_not_do_is_told),
	};

	return cmocka_run_group_tests_name("leave", tests, NULL, NULL);
}
