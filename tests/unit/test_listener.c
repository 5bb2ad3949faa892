/* test_listener.c - a Unix socket whose file is gone: plugins/listener.c. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../plugins/listener.h"

static char	 folder[] = "/tmp/test_listener.XXXXXX";

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	return chdir("/") != 0 || rmdir(folder) != 0;
}

/* A server's socket, without its file. */
static int
listener(const char *path)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(unlink(path), 0);
	return fd;
}

static void
it_is_found_by_the_path_that_it_was_given(void **state)
{
	char	 path[64], other[128];
	int	 fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/a socket", folder);
	assert_int_equal(listener_find(path), 0);
	fd = listener(path);
	assert_int_equal(listener_find(path), getpid());
	snprintf(other, sizeof(other), "%s/../..%s", folder, path);
	assert_int_equal(listener_find(other), getpid());
	snprintf(other, sizeof(other), "%s/socket", folder);
	assert_int_equal(listener_find(other), 0);
	assert_int_equal(listener_find("/run/a socket"), 0);
	close(fd);
	assert_int_equal(listener_find(path), 0);
}

static void
a_server_that_was_given_a_name_is_found_by_it(void **state)
{
	char	 path[64];
	int	 fd = listener("a name of the test");

	(void)state;
	snprintf(path, sizeof(path), "%s/a name of the test", folder);
	assert_int_equal(listener_find(path), getpid());
	close(fd);
}

/* A process that listens at that path in a folder of its own. */
static pid_t
other_server(const char *its_folder, bool jailed, const char *path)
{
	int	 ready[2];
	char	 byte;
	pid_t	 pid;

	assert_int_equal(pipe(ready), 0);
	if ((pid = fork()) == 0) {
		if (chdir(its_folder) != 0 || (jailed && chroot(".") != 0))
			_exit(1);
		listener(path);
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void
end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
the_same_name_in_another_folder_is_another_server(void **state)
{
	char	 path[64];
	pid_t	 pid;

	(void)state;
	assert_int_equal(mkdir("other", 0700), 0);
	pid = other_server("other", false, "socket");
	snprintf(path, sizeof(path), "%s/socket", folder);
	assert_int_equal(listener_find(path), 0);
	snprintf(path, sizeof(path), "%s/other/socket", folder);
	assert_int_equal(listener_find(path), pid);
	end(pid);
	assert_int_equal(listener_find(path), 0);
	assert_int_equal(rmdir("other"), 0);
}

static void
the_same_path_below_another_root_is_another_server(void **state)
{
	pid_t	 pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir("jail", 0700), 0);
	pid = other_server("jail", true, "/test_listener.socket");
	assert_int_equal(listener_find("/test_listener.socket"), 0);
	end(pid);
	assert_int_equal(rmdir("jail"), 0);
}

static void
one_that_has_made_its_socket_anew_is_no_news(void **state)
{
	char	 path[64];
	int	 fd;
	FILE	*file;

	(void)state;
	snprintf(path, sizeof(path), "%s/anew", folder);
	fd = listener(path);
	assert_int_equal(listener_find(path), getpid());
	assert_non_null(file = fopen(path, "w"));
	fclose(file);
	assert_int_equal(listener_find(path), 0);
	assert_int_equal(unlink(path), 0);
	close(fd);
}

static void
a_folder_may_be_gone_with_it(void **state)
{
	char	 path[64];
	int	 fd;

	(void)state;
	assert_int_equal(mkdir("gone", 0700), 0);
	snprintf(path, sizeof(path), "%s/gone/socket", folder);
	fd = listener(path);
	assert_int_equal(rmdir("gone"), 0);
	assert_int_equal(listener_find(path), getpid());
	/* By another way to what is left of it. */
	snprintf(path, sizeof(path), "%s/link/gone/socket", folder);
	assert_int_equal(symlink(folder, "link"), 0);
	assert_int_equal(listener_find(path), getpid());
	assert_int_equal(unlink("link"), 0);
	close(fd);
}

static void
one_that_only_has_the_name_does_not_listen(void **state)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	char			 path[64];
	int			 fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(path, sizeof(path), "%s/bound", folder);
	memcpy(sun.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	unlink(path);
	assert_int_equal(listener_find(path), 0);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(it_is_found_by_the_path_that_it_was_given),
		cmocka_unit_test(a_server_that_was_given_a_name_is_found_by_it),
		cmocka_unit_test(
		    the_same_name_in_another_folder_is_another_server),
		cmocka_unit_test(
		    the_same_path_below_another_root_is_another_server),
		cmocka_unit_test(one_that_has_made_its_socket_anew_is_no_news),
		cmocka_unit_test(a_folder_may_be_gone_with_it),
		cmocka_unit_test(one_that_only_has_the_name_does_not_listen),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
