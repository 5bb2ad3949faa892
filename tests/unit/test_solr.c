/*
 * test_solr.c - what of the solr plugin needs no Solr: core.properties, the
 * fence in params.json, and how far an index has got.
 */
#include "../../plugins/solr/core.h"
#include "../../plugins/solr/fence.h"
#include "../../plugins/solr/file.h"
#include "../../plugins/solr/properties.h"

#include <errno.h>
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
#include <unistd.h>

#include <cmocka.h>

static void
becomes(const char *text, const char *key, const char *value,
    const char *wanted)
{
	char	*new = properties_set(text, key, value), *read;

	assert_string_equal(new, wanted);
	read = properties_get(new, key);
	assert_string_equal(read, value);
	free(read);
	free(new);
}

static void
reads(const char *text, const char *key, const char *wanted)
{
	char	*value = properties_get(text, key);

	if (wanted == NULL)
		assert_null(value);
	else
		assert_string_equal(value, wanted);
	free(value);
}

static void
one_key_changes_and_every_other_byte_stays(void **state)
{
	(void)state;
	becomes("# Written by\n#Mon Nov 23\nname=rows\n\nenable.leader=true\n"
	    "other : x\n", "enable.leader", "false",
	    "# Written by\n#Mon Nov 23\nname=rows\n\nenable.leader=false\n"
	    "other : x\n");
	becomes("  enable.leader : true\r\nname=rows\r\n", "enable.leader",
	    "false", "enable.leader=false\nname=rows\r\n");
	becomes("a=\\u00e4 \\\n   b\nname=rows\n", "name", "x",
	    "a=\\u00e4 \\\n   b\nname=x\n");
}

static void
a_key_that_is_not_there_comes_at_the_end(void **state)
{
	(void)state;
	becomes("", "k", "v", "k=v\n");
	becomes("name=rows", "k", "v", "name=rows\nk=v\n");
	becomes("name=rows\n#k=old\n", "k", "v", "name=rows\n#k=old\nk=v\n");
	becomes("kk=1\nk.k=2\n", "k", "v", "kk=1\nk.k=2\nk=v\n");
}

static void
of_a_key_that_is_there_twice_one_is_left(void **state)
{
	(void)state;
	reads("k=1\nx=2\nk=3\n", "k", "3");
	becomes("k=1\nx=2\nk=3\n", "k", "v", "k=v\nx=2\n");
}

static void
a_line_that_goes_on_is_one_line(void **state)
{
	(void)state;
	becomes("k=a,\\\n  b,\\\n  c\nx=1\n", "k", "v", "k=v\nx=1\n");
	becomes("x=a\\\nk=b\ny=1\n", "k", "v", "x=a\\\nk=b\ny=1\nk=v\n");
	/* A comment does not go on. */
	becomes("# c \\\nk=b\n", "k", "v", "# c \\\nk=v\n");
	/* Two backslashes are one, and end nothing. */
	becomes("x=a\\\\\nk=b\n", "k", "v", "x=a\\\\\nk=v\n");
}

static void
values_are_read_as_java_reads_them(void **state)
{
	(void)state;
	reads("k=v", "k", "v");
	reads("k:v", "k", "v");
	reads("k v w", "k", "v w");
	reads("\t k \t = \t v \n", "k", "v ");
	reads("k", "k", "");
	reads("k=\n", "k", "");
	reads("! k=v\n", "k", NULL);
	reads("a\\=b\\ c=1\n", "a=b c", "1");
	reads("k=a\\tb\\\\c\\u0041\\u00e4\\u20AC\n", "k",
	    "a\tb\\cA\xc3\xa4\xe2\x82\xac");
	reads("k=a\\\n   b\n", "k", "ab");
	reads("k=a\\", "k", "a");
	reads("k=\\u12", "k", "\x12");
	reads("k=v\rl=w\r\n", "l", "w");
}

static void
values_that_need_escapes_get_them(void **state)
{
	(void)state;
	becomes("", "url", "http://[::1]:8983/solr/a b",
	    "url=http://[::1]:8983/solr/a b\n");
	becomes("", "k", " \\x\n", "k=\\ \\\\x\\n\n");
	becomes("", "a=b:c #", "v", "a\\=b\\:c\\ \\#=v\n");
}

static void
a_file_is_replaced_with_its_mode_and_link(void **state)
{
	char		 folder[] = "/tmp/test-solr-XXXXXX";
	char		 file[64], link[64], *text;
	struct stat	 st;
	FILE		*f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/core.properties", folder);
	snprintf(link, sizeof(link), "%s/link", folder);
	assert_non_null(f = fopen(file, "w"));
	fputs("old", f);
	fclose(f);
	chmod(file, 0604);
	assert_int_equal(symlink("core.properties", link), 0);

	assert_true(file_replace(link, "new\n"));
	assert_non_null(text = file_read(file));
	assert_string_equal(text, "new\n");
	free(text);
	assert_int_equal(lstat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));

	assert_int_equal(unlink(link), 0);
	assert_int_equal(unlink(file), 0);
	assert_false(file_replace(file, "new"));
	assert_null(file_read(file));
	assert_int_equal(rmdir(folder), 0);	/* nothing is left over */
}

/* A user who has the folder of a core, and not the one of a victim. */
#define SOMEBODY	65534

static char	lair[] = "/tmp/test-solr-XXXXXX", path[64], victim[64];

static void
put(const char *name, const char *text, uid_t owner)
{
	FILE	*f = fopen(name, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chown(name, owner, owner), 0);
}

static int
a_folder_of_somebody(void **state)
{
	char	 folder[64];

	(void)state;
	strcpy(lair + strlen(lair) - 6, "XXXXXX");
	if (mkdtemp(lair) == NULL || chmod(lair, 0755) != 0)
		return -1;
	if (geteuid() != 0)
		return 0;
	snprintf(folder, sizeof(folder), "%s/victim", lair);
	snprintf(victim, sizeof(victim), "%s/victim/core.properties", lair);
	assert_int_equal(mkdir(folder, 0755), 0);
	put(victim, "of root", 0);
	snprintf(folder, sizeof(folder), "%s/home", lair);
	assert_int_equal(mkdir(folder, 0755), 0);
	assert_int_equal(chown(folder, SOMEBODY, SOMEBODY), 0);
	snprintf(folder, sizeof(folder), "%s/home/core", lair);
	assert_int_equal(mkdir(folder, 0755), 0);
	assert_int_equal(chown(folder, SOMEBODY, SOMEBODY), 0);
	snprintf(path, sizeof(path), "%s/home/core/core.properties", lair);
	put(path, "old", SOMEBODY);
	return 0;
}

static int
remove_it(void **state)
{
	char	 command[80];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", lair);
	return system(command);
}

static void
is_untouched(void)
{
	char		*text = file_read(victim);
	struct stat	 st;
	char		 folder[64];

	assert_non_null(text);
	assert_string_equal(text, "of root");
	free(text);
	snprintf(folder, sizeof(folder), "%s/victim", lair);
	assert_int_equal(stat(victim, &st), 0);
	assert_int_equal(st.st_uid, 0);
	/* Nor has another one come into its folder. */
	assert_int_equal(rename(victim, path), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void
root_is_not_led_out_of_a_folder_by_a_link_in_it(void **state)
{
	char				 folder[64], core[64], target[64], *text;
	struct stat			 st;
	size_t				 i;

	(void)state;
	if (geteuid() != 0)
		skip();
	snprintf(core, sizeof(core), "%s/home/core", lair);
	snprintf(folder, sizeof(folder), "%s/home/real", lair);
	assert_true(file_replace(path, "new"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, SOMEBODY);
	assert_int_equal(rename(core, folder), 0);
	/* One that leads elsewhere in it is his own affair. */
	assert_int_equal(symlink("real", core), 0);
	assert_int_equal(lchown(core, SOMEBODY, SOMEBODY), 0);
	assert_true(file_replace(path, "new"));
	for (i = 0; i < 2; i++) {
		assert_int_equal(unlink(core), 0);
		snprintf(target, sizeof(target), "%s/victim",
		    i == 0 ? "../.." : lair);
		assert_int_equal(symlink(target, core), 0);
		assert_int_equal(lchown(core, SOMEBODY, SOMEBODY), 0);
		assert_false(file_replace(path, "new"));
		assert_int_equal(errno, ELOOP);
		assert_null(file_read(path));
	}
	/* One of root's may. */
	assert_int_equal(lchown(core, 0, 0), 0);
	text = file_read(path);
	assert_non_null(text);
	free(text);
	assert_int_equal(unlink(core), 0);
	assert_int_equal(rename(folder, core), 0);
	is_untouched();
}

static void
nor_by_one_that_comes_at_the_right_moment(void **state)
{
	char	 core[64], link[64], target[64];
	pid_t	 swapper;
	int	 i, won = 0;

	(void)state;
	if (geteuid() != 0)
		skip();
	snprintf(core, sizeof(core), "%s/home/core", lair);
	snprintf(link, sizeof(link), "%s/home/link", lair);
	snprintf(target, sizeof(target), "%s/victim", lair);
	swapper = fork();
	if (swapper == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (setgid(SOMEBODY) != 0 || setuid(SOMEBODY) != 0 ||
		    symlink(target, link) != 0)
			_exit(1);
		for (;;)
			renameat2(AT_FDCWD, core, AT_FDCWD, link,
			    RENAME_EXCHANGE);
	}
	for (i = 0; i < 2000; i++)
		won += file_replace(path, "new");
	kill(swapper, SIGKILL);
	waitpid(swapper, NULL, 0);
	assert_true(won > 0);
	if (readlink(core, target, sizeof(target)) > 0)
		assert_int_equal(renameat2(AT_FDCWD, core, AT_FDCWD, link,
		    RENAME_EXCHANGE), 0);
	is_untouched();
}

static void
the_file_is_closed_where_we_had_opened_it(void **state)
{
	char	*closed, *again;

	(void)state;
	closed = fence_closed_text("{\"params\":{"
	    "\"mine\":{\"x\":[1,true,null,\"a\\\"b\"],\"\":{\"v\":3}},"
	    "\"_UPDATE\":{\"k\":\"v\",\"_invariants_\":{\"y\":\"2\","
	    "\"consul-failover\":\"commits\"},\"\":{\"v\":0}},"
	    "\"_UPDATE_CSV\":{\"_invariants_\":{"
	    "\"consul-failover\":\"nothing\"}}}}");
	assert_non_null(closed);
	assert_string_equal(closed, "{\"params\":{"
	    "\"mine\":{\"x\":[1,true,null,\"a\\\"b\"],\"\":{\"v\":3}},"
	    "\"_UPDATE\":{\"k\":\"v\",\"\":{\"v\":0},\"_invariants_\":{"
	    "\"y\":\"2\",\"consul-failover\":\"commits\","
	    "\"update.contentType\":\"this copy is not the master\"}},"
	    "\"_UPDATE_CSV\":{\"_invariants_\":{"
	    "\"consul-failover\":\"nothing\","
	    "\"update.contentType\":\"this copy is not the master\","
	    "\"update.chain\":\"this copy is not the master\"}}}}");
	again = fence_closed_text(closed);
	assert_string_equal(again, closed);
	free(again);
	free(closed);
	assert_null(fence_closed_text("{\"params\":"));
}

static void
indexes_compare_by_generation_and_version(void **state)
{
	const struct place	 none = { 0, 1 }, old = { 100, 5 };
	const struct place	 new = { 200, 6 }, other = { 150, 5 };
	const struct place	 lost = { 150, 7 };

	(void)state;
	assert_int_equal(place_compare(old, old), SAME);
	assert_int_equal(place_compare(new, old), AHEAD);
	assert_int_equal(place_compare(old, new), BEHIND);
	assert_int_equal(place_compare(old, other), DIVERGED);
	assert_int_equal(place_compare(lost, new), DIVERGED);
	assert_int_equal(place_compare(none, old), BEHIND);
	assert_int_equal(place_compare(old, none), AHEAD);
	assert_int_equal(place_compare(none, none), SAME);
}

static void
a_core_is_found_in_a_position(void **state)
{
	const char	*text = "rows=100:5,row=18446744073709551615:7";
	struct place	 p = { 0 };

	(void)state;
	assert_true(place_find(text, "rows", &p));
	assert_int_equal(p.version, 100);
	assert_int_equal(p.generation, 5);
	assert_true(place_find(text, "row", &p));
	assert_true(p.version == UINT64_MAX && p.generation == 7);
	assert_false(place_find(text, "ro", &p));
	assert_false(place_find("", "rows", &p));
	assert_false(place_find("rows", "rows", &p));
	assert_false(place_find("rows=5", "rows", &p));
	assert_false(place_find("rows=5:", "rows", &p));
	assert_false(place_find("rows=-5:1", "rows", &p));
	assert_false(place_find("rows=5:1x", "rows", &p));
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(one_key_changes_and_every_other_byte_stays),
		cmocka_unit_test(a_key_that_is_not_there_comes_at_the_end),
		cmocka_unit_test(of_a_key_that_is_there_twice_one_is_left),
		cmocka_unit_test(a_line_that_goes_on_is_one_line),
		cmocka_unit_test(values_are_read_as_java_reads_them),
		cmocka_unit_test(values_that_need_escapes_get_them),
		cmocka_unit_test(a_file_is_replaced_with_its_mode_and_link),
		cmocka_unit_test_setup_teardown(
		    root_is_not_led_out_of_a_folder_by_a_link_in_it,
		    a_folder_of_somebody, remove_it),
		cmocka_unit_test_setup_teardown(
		    nor_by_one_that_comes_at_the_right_moment,
		    a_folder_of_somebody, remove_it),
		cmocka_unit_test(the_file_is_closed_where_we_had_opened_it),
		cmocka_unit_test(indexes_compare_by_generation_and_version),
		cmocka_unit_test(a_core_is_found_in_a_position),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
