/* test_config.c - the INI file, the environment and the flags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config_check.h"
#include "config_flag.h"
#include "config_load.h"
#include "config_print.h"
#include "value.h"

#ifndef SOURCE_DIR
#define SOURCE_DIR	getenv("SOURCE_DIR")	/* where conf/ stands */
#endif

#define SERVICE	"[service]\nname = web\nport = 80\n"
#define PLUGIN	"[plugin]\npath = example\n"
#define MINIMAL	SERVICE PLUGIN

static char		 file[] = "/tmp/test_config.XXXXXX";
static struct config	*config;
static char		*errors;

static const char *const variables[] = { "CONSUL_HTTP_ADDR",
    "CONSUL_HTTP_TOKEN", "CONSUL_HTTP_TOKEN_FILE", "CONSUL_CACERT",
    "CONSUL_CLIENT_CERT", "CONSUL_CLIENT_KEY", "CONSUL_TLS_SERVER_NAME",
    "CONSUL_HTTP_SSL", "CONSUL_HTTP_SSL_VERIFY", "RUNTIME_DIRECTORY",
    "STATE_DIRECTORY" };

static void
forget(void)
{
	config_free(config);
	config = NULL;
	free(errors);
	errors = NULL;
}

static void
write_file(const char *text, size_t length)
{
	FILE	*f = fopen(file, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, length, f), length);
	assert_int_equal(fclose(f), 0);
}

/* Loads text with flags up to a NULL. */
static bool
load(const char *text, ...)
{
	char	*flags[8];
	size_t	 n = 0;
	va_list	 ap;
	bool	 ok;

	forget();
	write_file(text, strlen(text));
	va_start(ap, text);
	while ((flags[n] = va_arg(ap, char *)) != NULL)
		n++;
	va_end(ap);
	ok = config_load(&config, file, flags, n, &errors);
	assert_int_equal(ok, config != NULL);
	assert_int_equal(ok, errors == NULL);
	return ok;
}

#define load(...)	load(__VA_ARGS__, (char *)NULL)

static void
then_loaded(bool ok)
{
	if (!ok)
		fail_msg("refused: %s", errors);
}

/* The whole list of errors, where @ stands for the file's name. */
static void
then_errors(bool ok, const char *want)
{
	char	 text[4096];
	size_t	 n = 0;

	assert_false(ok);
	for (; *want != '\0'; want++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*s",
		    *want == '@' ? (int)sizeof(file) : 1,
		    *want == '@' ? file : want);
	assert_string_equal(errors, text);
}

/* Loads a good file with one more section, and wants one error in line 6 or
 * later that begins with want. */
static void
refused(const char *more, const char *want)
{
	char	 text[1024];

	snprintf(text, sizeof(text), MINIMAL "%s", more);
	assert_false(load(text));
	if (strstr(errors, want) == NULL)
		fail_msg("wanted \"%s\" in: %s", want, errors);
	if (strchr(errors, '\n') != errors + strlen(errors) - 1)
		fail_msg("more than one error: %s", errors);
}

static int
setup(void **state)
{
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	forget();
	return 0;
}

static void
three_keys_are_enough(void **state)
{
	char	 beside[64];

	(void)state;
	then_loaded(load(MINIMAL));
	assert_string_equal(config->file, file);
	assert_string_equal(config->service_name, "web");
	assert_string_equal(config->service_id, "web");
	assert_int_equal(config->service_port, 80);
	assert_string_equal(config->service_address, "");
	assert_string_equal(config->service_tags, "");
	assert_string_equal(config->plugin_path, "example");
	assert_int_equal(config->health_interval, 2000);
	assert_int_equal(config->health_deadline, 5000);
	assert_int_equal(config->role_interval, 10000);
	assert_int_equal(config->master_deadline, 30000);
	assert_int_equal(config->slave_deadline, 60000);
	assert_int_equal(config->demote_deadline, 3000);
	assert_int_equal(config->busy_limit, 60000);
	assert_int_equal(config->promote_limit, 60000);
	assert_string_equal(config->consul_address, "127.0.0.1:8500");
	assert_string_equal(config->consul_token, "");
	assert_string_equal(config->consul_token_file, "");
	assert_string_equal(config->consul_ca_file, "");
	assert_string_equal(config->consul_client_cert, "");
	assert_string_equal(config->consul_client_key, "");
	assert_string_equal(config->consul_tls_server_name, "");
	assert_true(config->consul_verify);
	assert_int_equal(config->request_timeout, 2000);
	assert_int_equal(config->fuse, 10000);
	assert_int_equal(config->verify_interval, 2000);
	assert_int_equal(config->lock_delay, 15000);
	assert_int_equal(config->session_ttl, 10000);
	assert_true(config->bind_node);
	assert_string_equal(config->api_listen, "127.0.0.1:8000");
	assert_int_equal(config->check_interval, 2000);
	assert_int_equal(config->check_failures, 2);
	assert_int_equal(config->check_timeout, 2000);
	assert_string_equal(config->run_dir, "/run/consul-failover");
	assert_string_equal(config->state_dir, "/var/lib/consul-failover");
	snprintf(beside, sizeof beside, "%s.disabled", file);
	assert_string_equal(config->disable_file, beside);
	assert_true(config->disable_by_default);
	assert_false(config->log_json);
	assert_false(config->log_debug);
	assert_int_equal(config->option_count, 0);
}

static void
every_key_can_be_set_in_the_file(void **state)
{
	(void)state;
	then_loaded(load("[service]\nname=db-1\nid=db-1.a_b\nport=65535\n"
	    "address=10.0.0.1\ntags= a ,b\n"
	    "[plugin]\npath=/x/y.so\nhealth_interval=1ms\nhealth_deadline=2s\n"
	    "role_interval=3m\nmaster_deadline=4h\nslave_deadline=24h\n"
	    "demote_deadline=4s\nbusy_limit=5s\npromote_limit=6s\n"
	    "[consul]\naddress=https://c:1\ntoken=t-1\ntoken_file=/t\n"
	    "ca_file=/ca\nclient_cert=/c\nclient_key=/k\ntls_server_name=s\n"
	    "verify=no\nrequest_timeout=1s\n"
	    "[lock]\nfuse=11s\nverify_interval=3s\nlock_delay=60s\n"
	    "session_ttl=20s\nbind_node=no\n"
	    "[api]\nlisten=[::1]:9\ncheck_interval=1s\ncheck_failures=10\n"
	    "check_timeout=3s\n"
	    "[agent]\nrun_dir=/r\nstate_dir=/s\ndisable_file=/d\n"
	    "[log]\nformat=json\ndebug=yes\n"));
	assert_string_equal(config->service_name, "db-1");
	assert_string_equal(config->service_id, "db-1.a_b");
	assert_int_equal(config->service_port, 65535);
	assert_string_equal(config->service_address, "10.0.0.1");
	assert_string_equal(config->service_tags, "a,b");
	assert_string_equal(config->plugin_path, "/x/y.so");
	assert_int_equal(config->health_interval, 1);
	assert_int_equal(config->health_deadline, 2000);
	assert_int_equal(config->role_interval, 180000);
	assert_int_equal(config->master_deadline, 4 * 3600000);
	assert_int_equal(config->slave_deadline, 24 * 3600000);
	assert_int_equal(config->demote_deadline, 4000);
	assert_int_equal(config->busy_limit, 5000);
	assert_int_equal(config->promote_limit, 6000);
	assert_string_equal(config->consul_address, "https://c:1");
	assert_string_equal(config->consul_token, "t-1");
	assert_string_equal(config->consul_token_file, "/t");
	assert_string_equal(config->consul_ca_file, "/ca");
	assert_string_equal(config->consul_client_cert, "/c");
	assert_string_equal(config->consul_client_key, "/k");
	assert_string_equal(config->consul_tls_server_name, "s");
	assert_false(config->consul_verify);
	assert_int_equal(config->request_timeout, 1000);
	assert_int_equal(config->fuse, 11000);
	assert_int_equal(config->verify_interval, 3000);
	assert_int_equal(config->lock_delay, 60000);
	assert_int_equal(config->session_ttl, 20000);
	assert_false(config->bind_node);
	assert_string_equal(config->api_listen, "[::1]:9");
	assert_int_equal(config->check_interval, 1000);
	assert_int_equal(config->check_failures, 10);
	assert_int_equal(config->check_timeout, 3000);
	assert_string_equal(config->run_dir, "/r");
	assert_string_equal(config->state_dir, "/s");
	assert_string_equal(config->disable_file, "/d");
	assert_false(config->disable_by_default);
	assert_true(config->log_json);
	assert_true(config->log_debug);
}

static void
all_mistakes_are_told_in_one_run(void **state)
{
	(void)state;
	setenv("CONSUL_HTTP_SSL_VERIFY", "perhaps", 1);
	then_errors(load("stray = 1\n[service]\nname = a_b\nprot = 1\n"
	    "[plugin]\nhealth_interval = 5\n[lok]\nfuse = 1\n[api]\nlisten\n",
	    "lock.fuse=x"),
	    "@:1: stray is before the first [section]\n"
	    "@:3: [service] name: \"a_b\" is not a DNS label, but "
	    "master.<name>.service.consul must resolve: use 1 to 63 letters, "
	    "digits and hyphens, no hyphen first or last\n"
	    "@:4: no such key in [service]: prot; do you mean port?\n"
	    "@:6: [plugin] health_interval: \"5\" has no unit: write 2s, "
	    "500ms, 1m or 1h\n"
	    "@:7: no such section: [lok]; do you mean [lock]?\n"
	    "@:10: no \"=\" in this line: write key = value, and # in front of "
	    "a comment\n"
	    "CONSUL_HTTP_SSL_VERIFY: \"perhaps\" is neither yes nor no\n"
	    "flag -o lock.fuse: \"x\" is not a duration: write 2s, 500ms, 1m or "
	    "1h\n"
	    "@: [service] port is missing: port that the application listens "
	    "on\n"
	    "@: [plugin] path is missing: name of an installed plugin, or the "
	    "path of a .so\n");
}

static void
a_file_that_cannot_be_read_is_the_only_complaint(void **state)
{
	(void)state;
	forget();
	assert_false(config_load(&config, "/nowhere/x.ini", NULL, 0, &errors));
	assert_string_equal(errors,
	    "/nowhere/x.ini: No such file or directory\n");
	forget();
	assert_false(config_load(&config, "/tmp", NULL, 0, &errors));
	assert_string_equal(errors, "/tmp: Is a directory\n");
}

static void
a_file_of_more_than_a_mebibyte_is_refused(void **state)
{
	size_t	 size = 1024 * 1024 + 1;
	char	*text = malloc(size);

	(void)state;
	assert_non_null(text);
	memset(text, '\n', size);
	write_file(text, size);
	free(text);
	forget();
	assert_false(config_load(&config, file, NULL, 0, &errors));
	assert_non_null(strstr(errors, ": longer than 1 MiB"));
}

static void
an_empty_file_misses_the_required_keys(void **state)
{
	(void)state;
	assert_false(load(""));
	assert_non_null(strstr(errors, "[service] name is missing: "));
	assert_non_null(strstr(errors, "[service] port is missing: "));
	assert_non_null(strstr(errors, "[plugin] path is missing: "));
}

static void
a_service_name_is_a_dns_label(void **state)
{
	static const char *const good[] = { "a", "A-1", "0",
	    "a23456789012345678901234567890123456789012345678901234567890123" };
	static const char *const bad[] = { "", "-a", "a-", "a_b", "a.b", "a b",
	    "\xc3\xa4", "a/b",
	    "a234567890123456789012345678901234567890123456789012345678901234" };
	char	 text[256];
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), "[service]\nname = %s\nport = 1\n"
		    PLUGIN, good[i]);
		then_loaded(load(text));
		assert_string_equal(config->service_name, good[i]);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "[service]\nname = %s\nport = 1\n"
		    PLUGIN, bad[i]);
		assert_false(load(text));
		assert_non_null(strstr(errors, ":2: [service] name: "));
		assert_non_null(strstr(errors, "is not a DNS label"));
	}
}

static void
bad_values_are_refused_with_their_line(void **state)
{
	static const struct {
		const char	*more, *want;
	} bad[] = {
		{ "[service]\nid = .x", ":7: [service] id: \".x\" is not an" },
		{ "[service]\nid = a/b", ":7: [service] id: " },
		{ "[service]\nid = a..", ":7: [service] id: " },
		{ "[service]\naddress = a b", ":7: [service] address: \"a b\"" },
		{ "[service]\naddress = http://a", ":7: [service] address: " },
		{ "[service]\naddress = 0.0.0.0", "\"0.0.0.0\" names no host" },
		{ "[service]\naddress = 0", "\"0\" names no host: give the ad" },
		{ "[service]\naddress = ::", "\"::\" names no host: give the" },
		{ "[service]\naddress = ::0:0", "\"::0:0\" names no host" },
		{ "[service]\naddress = 224.0.0.1", "\"224.0.0.1\" names no" },
		{ "[service]\naddress = 255.255.255.255", "names no host" },
		{ "[service]\naddress = a:1", "\"a:1\" is not an address: giv" },
		{ "[service]\naddress = 10.0.0.1:1", "without a port, which is" },
		{ "[service]\ntags = a,,b", ":7: [service] tags: an empty tag" },
		{ "[service]\ntags = a,", ":7: [service] tags: an empty tag" },
		{ "[service]\ntags = a, Master", "the tag \"Master\" is set by" },
		{ "[service]\ntags = slave", "the tag \"slave\" is set by" },
		{ "[service]\ntags = unhealthy,a", "the tag \"unhealthy\" is" },
		{ "[service]\ntags = disabled", "the tag \"disabled\" is set" },
		{ "[consul]\naddress =", ":7: [consul] address: no address" },
		{ "[consul]\naddress = a b", ":7: [consul] address: no addr" },
		{ "[consul]\naddress = unix://", ":7: [consul] address: no a" },
		{ "[consul]\naddress = ftp://a", "\"ftp\" can't be used to reach" },
		{ "[consul]\naddress = ://a", "\"\" can't be used to reach" },
		{ "[consul]\nverify = 2", ":7: [consul] verify: \"2\" is neith" },
		{ "[consul]\nclient_cert = x", ": [consul] client_cert and " },
		{ "[consul]\nclient_key = x", ": [consul] client_cert and " },
		{ "[lock]\nlock_delay = 61s", ":7: [lock] lock_delay: 61s is no" },
		{ "[lock]\nsession_ttl = 9999ms", "9999ms is not in the range "
		    "from 10s to 24h" },
		{ "[lock]\nsession_ttl = 25h", ": 25h is not in the range" },
		{ "[lock]\nfuse = 0s", "fuse: 0s is not in the range from 1ms" },
		{ "[api]\ncheck_interval = 999ms", "999ms is not in the range" },
		{ "[api]\ncheck_failures = 0", "\"0\" is not a number from 1 to" },
		{ "[api]\ncheck_failures = 11", "\"11\" is not a number from 1 " },
		{ "[api]\nlisten = 8000", "\"8000\" has no port" },
		{ "[api]\nlisten = a b:1", "\"a b\" is neither an address nor" },
		{ "[api]\nlisten = a:0", "\"0\" is not a port from 1 to 65535" },
		{ "[agent]\nrun_dir =", ":7: [agent] run_dir: must not be empt" },
		{ "[agent]\nstate_dir =", ":7: [agent] state_dir: must not be" },
		{ "[service]\nheed_checks = yes", "\"yes\" is neither all, maint" },
		{ "[log]\nformat = xml", "\"xml\" is neither plain nor json" },
		{ "[log]\ndebug =", ":7: [log] debug: \"\" is neither yes nor" },
	};
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i].more, bad[i].want);
}

/* A copy that is cut means something else: of the tags
 * "…,master-of-ceremonies" a slave had "master". */
static void
what_is_longer_than_its_place_is_refused(void **state)
{
	static const struct {
		const char	*key;
		size_t		 most;
	} rows[] = {
		{ "[service]\ntags = ", VALUE_TAGS_MAX },
		{ "[service]\naddress = ", VALUE_HOST_MAX },
		{ "[api]\nlisten = ", 0 },
		{ "[plugin]\npath = ", VALUE_PATH_MAX },
		{ "[agent]\nrun_dir = ", VALUE_PATH_MAX },
	};
	char	 text[8192], want[64];
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char	*before = strstr(rows[i].key, "[plugin]") ?
				    SERVICE : MINIMAL;

		if (rows[i].most == 0) {
			snprintf(text, sizeof(text), "%s%s%0*d:80\n", before,
			    rows[i].key, 254, 1);
			assert_false(load(text));
			continue;
		}
		snprintf(text, sizeof(text), "%s%s%0*d\n", before,
		    rows[i].key, (int)rows[i].most, 1);
		then_loaded(load(text));
		snprintf(text, sizeof(text), "%s%s%0*d\n", before,
		    rows[i].key, (int)rows[i].most + 1, 1);
		assert_false(load(text));
		snprintf(want, sizeof(want), "too long: %zu characters, "
		    "at most %zu",
		    rows[i].most + 1, rows[i].most);
		if (strstr(errors, want) == NULL)
			fail_msg("%s, not %s", errors, want);
	}
}

static void
a_port_is_a_whole_number_from_1_to_65535(void **state)
{
	static const char *const bad[] = { "0", "65536", "-1", "+1", "80x",
	    "0x50", "", "8 0", "1e3", "99999999999999999999" };
	char	 text[128];
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), PLUGIN "[service]\nname = a\n"
		    "port = %s\n", bad[i]);
		assert_false(load(text));
		assert_non_null(strstr(errors, ":5: [service] port: \""));
		assert_non_null(strstr(errors, "is not a number from 1 to 65535"));
	}
}

static void
lines_that_inih_would_pass_over_are_refused(void **state)
{
	(void)state;
	refused("[log", ":6: a section without its ]");
	refused("[log] debug = yes", ":6: text after [log]");
	refused("[bogus]", ":6: no such section: [bogus]");
	refused("[log]\ndebug", ":7: no \"=\" in this line");
	refused("[log]\ndebug\n\n", ":7: no \"=\" in this line");
	refused("[log]\ndebug = no\n  yes", ":8: no \"=\" in this line");
	refused("[log]\n= yes", ":7: [log] holds a value without a key");
	refused("[options]\n= yes", ":7: [options] holds a value without a key");
	refused("[options]\na = b\x1b[1m", ":7: the line holds control char");
	refused("[options]\na = b\tc", ":7: [options] a: the value holds contr");
}

static void
a_nul_byte_does_not_hide_the_rest_of_the_file(void **state)
{
	static const char	 text[] = MINIMAL "[options]\na = b\0c\nd\n";

	(void)state;
	forget();
	write_file(text, sizeof(text) - 1);
	assert_false(config_load(&config, file, NULL, 0, &errors));
	assert_non_null(strstr(errors, ":7: the line holds control"));
	assert_non_null(strstr(errors, ":8: no \"=\""));
}

/* The length of a line can be chosen with Debian's inih only. */
extern int	ini_max_line __attribute__((weak));

static void
a_line_too_long_for_inih_is_refused_and_not_cut(void **state)
{
	int	 longest = &ini_max_line != NULL ? 4096 : 198;
	char	 text[5000], want[64];

	(void)state;
	snprintf(text, sizeof(text), MINIMAL "[options]\na = %0*d\n",
	    longest - 4, 7);
	then_loaded(load(text));
	assert_int_equal(strlen(config->options[0].value), longest - 4);
	snprintf(text, sizeof(text), MINIMAL "[options]\na = %0*d\nb\n",
	    longest - 3, 7);
	assert_false(load(text));
	snprintf(want, sizeof(want), ":7: the line is too long: %d characters",
	    longest + 1);
	assert_non_null(strstr(errors, want));
	assert_non_null(strstr(errors, ":8: no \"=\""));
}

static void
comments_blanks_crlf_and_a_byte_order_mark_are_fine(void **state)
{
	(void)state;
	then_loaded(load("\xef\xbb\xbf; a\r\n#b = c\r\n\r\n"
	    "  [service]  # d\r\n\tname\t=\tweb\r\nport : 80\r\n"
	    "[plugin];f\r\npath = a;b\r\n   # g\r\n"));
	assert_string_equal(config->service_name, "web");
	assert_int_equal(config->service_port, 80);
	assert_string_equal(config->plugin_path, "a;b");
}

static void
a_comment_that_would_cut_a_value_is_refused(void **state)
{
	(void)state;
	refused("[options]\nhealth = sh -c 'a ; b'",
	    ":7: a blank and a ';' would begin a comment: put a comment on "
	    "its own line, and no blank before a ';' in the value\n");
	refused("[options]\nflag = /a # b",
	    ":7: a blank and a '#' would begin a comment: put a comment on "
	    "its own line, and no blank before a '#' in the value\n");
	then_loaded(load(MINIMAL "[options]\nhealth = sh -c 'a # b'"));
	then_loaded(load(MINIMAL "[options]\nhealth = sh -c 'a; b'"));
	assert_string_equal(config->options[0].value, "sh -c 'a; b'");
}

static void
a_section_may_come_in_two_pieces(void **state)
{
	(void)state;
	then_loaded(load(MINIMAL "[service]\nid = x\n"));
	assert_string_equal(config->service_id, "x");
}

static void
a_key_given_twice_is_refused_with_both_lines(void **state)
{
	(void)state;
	refused("[service]\nname = b",
	    ":7: [service] name is given twice, first in line 2\n");
	refused("[options]\nflag = a\nx = 1\nflag = a",
	    ":9: [options] flag is given twice, first in line 7\n");
}

static void
an_unknown_key_gets_a_suggestion_if_one_is_close(void **state)
{
	(void)state;
	refused("[lock]\nfuze = 1s", "[lock]: fuze; do you mean fuse?\n");
	refused("[lock]\nfuse_ = 1s", "[lock]: fuse_; do you mean fuse?\n");
	refused("[service]\nid = b\ndi = a", "[service]: di; do you mean id?\n");
	refused("[lock]\nlisten = x", "[lock]: listen; it belongs to [api]\n");
	refused("[lock]\nbanana = x", ":7: no such key in [lock]: banana\n");
	refused("[optoins]\na = 1", ": [optoins]; do you mean [options]?\n");
	refused("[Lock]\nfuse = 1", ": [Lock]; do you mean [lock]?\n");
	refused("[x]\na = 1", ":6: no such section: [x]\n");
}

static void
options_are_kept_with_their_lines(void **state)
{
	(void)state;
	then_loaded(load(MINIMAL "[options]\nflag = /x\nempty =\n",
	    "options.more=a=b", "options.empty=now"));
	assert_int_equal(config->option_count, 3);
	assert_string_equal(config->options[0].name, "flag");
	assert_string_equal(config->options[0].value, "/x");
	assert_int_equal(config->options[0].line, 7);
	assert_string_equal(config->options[1].name, "empty");
	assert_string_equal(config->options[1].value, "now");
	assert_int_equal(config->options[1].line, 0);
	assert_string_equal(config->options[2].name, "more");
	assert_string_equal(config->options[2].value, "a=b");
}

static void
flag_wins_over_environment_over_file_over_default(void **state)
{
	const char	*text = MINIMAL "[consul]\naddress = file:1\n";

	(void)state;
	then_loaded(load(text));
	assert_string_equal(config->consul_address, "file:1");
	setenv("CONSUL_HTTP_ADDR", "env:1", 1);
	then_loaded(load(text));
	assert_string_equal(config->consul_address, "env:1");
	then_loaded(load(text, "consul.address=old:1", "consul.address=new:1"));
	assert_string_equal(config->consul_address, "new:1");
	setenv("CONSUL_HTTP_ADDR", "", 1);
	then_loaded(load(text));
	assert_string_equal(config->consul_address, "file:1");
}

static void
a_bad_value_is_refused_even_where_another_place_wins(void **state)
{
	(void)state;
	setenv("CONSUL_HTTP_ADDR", "ftp://a", 1);
	then_errors(load(MINIMAL, "consul.address=a:1"), "CONSUL_HTTP_ADDR: "
	    "\"ftp\" can't be used to reach Consul: write http://, https:// "
	    "or unix://\n");
}

static void
consuls_own_variables_mean_what_they_mean_to_consul(void **state)
{
	(void)state;
	setenv("CONSUL_HTTP_ADDR", "unix:///run/consul.sock", 1);
	setenv("CONSUL_HTTP_TOKEN", "t", 1);
	setenv("CONSUL_CACERT", "/ca", 1);
	setenv("CONSUL_CLIENT_CERT", "/cert", 1);
	setenv("CONSUL_CLIENT_KEY", "/key", 1);
	setenv("CONSUL_TLS_SERVER_NAME", "server", 1);
	setenv("CONSUL_HTTP_SSL_VERIFY", "F", 1);
	setenv("RUNTIME_DIRECTORY", "/run/us", 1);
	setenv("STATE_DIRECTORY", "/var/lib/us", 1);
	then_loaded(load(MINIMAL));
	assert_string_equal(config->consul_address, "unix:///run/consul.sock");
	assert_string_equal(config->consul_token, "t");
	assert_string_equal(config->consul_ca_file, "/ca");
	assert_string_equal(config->consul_client_cert, "/cert");
	assert_string_equal(config->consul_client_key, "/key");
	assert_string_equal(config->consul_tls_server_name, "server");
	assert_false(config->consul_verify);
	assert_string_equal(config->run_dir, "/run/us");
	assert_string_equal(config->state_dir, "/var/lib/us");
}

static void
without_a_file_the_service_is_named(void **state)
{
	char	*flags[] = { (char *)"consul.token_file=/t",
		    (char *)"service.name=other" };

	(void)state;
	forget();
	setenv("CONSUL_HTTP_ADDR", "a:1", 1);
	then_loaded(config_load_service(&config, "db", flags, 2, &errors));
	assert_string_equal(config->service_name, "db");
	assert_string_equal(config->service_id, "db");
	assert_string_equal(config->consul_address, "a:1");
	assert_string_equal(config->consul_token_file, "/t");
	forget();
	then_loaded(config_load_service(&config, "", NULL, 0, &errors));
	assert_string_equal(config->service_name, "");
	forget();
	then_errors(config_load_service(&config, "d b", NULL, 0, &errors),
	    "consul-failover: \"d b\" is not a DNS label, but "
	    "master.<name>.service.consul must resolve: use 1 to 63 letters, "
	    "digits and hyphens, no hyphen first or last\n");
	forget();
	setenv("CONSUL_CLIENT_CERT", "/cert", 1);
	then_errors(config_load_service(&config, "db", NULL, 0, &errors),
	    "consul-failover: [consul] client_cert and client_key: give both "
	    "or none\n");
}

static void
consul_http_ssl_turns_the_address_into_https(void **state)
{
	static const char *const cases[][3] = {
		{ "true", "a:1", "https://a:1" },
		{ "1", "http://a:1", "https://a:1" },
		{ "true", "https://a:1", "https://a:1" },
		{ "true", "unix:///s", "unix:///s" },
		{ "false", "a:1", "a:1" },
		{ "", "a:1", "a:1" },
	};
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setenv("CONSUL_HTTP_SSL", cases[i][0], 1);
		setenv("CONSUL_HTTP_ADDR", cases[i][1], 1);
		then_loaded(load(MINIMAL));
		assert_string_equal(config->consul_address, cases[i][2]);
	}
	setenv("CONSUL_HTTP_SSL", "maybe", 1);
	then_errors(load(MINIMAL),
	    "CONSUL_HTTP_SSL: \"maybe\" is neither true nor false\n");
}

static void
a_token_file_wins_over_a_token_of_the_same_place(void **state)
{
	const char	*both = MINIMAL
			    "[consul]\ntoken = t\ntoken_file = /f\n";

	(void)state;
	then_loaded(load(both));
	assert_string_equal(config->consul_token_file, "/f");
	setenv("CONSUL_HTTP_TOKEN", "e", 1);
	then_loaded(load(both));
	assert_string_equal(config->consul_token, "e");
	assert_string_equal(config->consul_token_file, "");
	then_loaded(load(both, "consul.token_file=/g"));
	assert_string_equal(config->consul_token_file, "/g");
	setenv("CONSUL_HTTP_TOKEN_FILE", "/h", 1);
	then_loaded(load(both));
	assert_string_equal(config->consul_token_file, "/h");
}

static void
a_token_is_never_shown_nor_taken_from_the_command_line(void **state)
{
	(void)state;
	assert_false(load(MINIMAL, "consul.token=5ecret"));
	assert_non_null(strstr(errors, "flag -o consul.token: a command line "
	    "is visible to every user"));
	assert_null(strstr(errors, "5ecret"));
	assert_false(load(MINIMAL "[consul]\ntoken 5ecret\n",
	    "consul.token 5ecret", "consul.token:5ecret=", "token=5ecret"));
	assert_null(strstr(errors, "5ecret"));
	setenv("CONSUL_HTTP_TOKEN", "5ecret\r\nX: y", 1);
	assert_false(load(MINIMAL "[consul]\ntoken = 5ecret two\n"));
	assert_non_null(strstr(errors, "CONSUL_HTTP_TOKEN: the token holds"));
	assert_non_null(strstr(errors, ":7: [consul] token: the token holds"));
	assert_null(strstr(errors, "5ecret"));
}

static void
flags_are_refused_by_name(void **state)
{
	(void)state;
	then_errors(load(MINIMAL, "consul.address=", "service.port=0",
	    "service.prt=1", "lok.fuse=1s", "fuse=1s", "lock.fuse", "",
	    NULL),
	    "flag --http-addr: no address: write host:port, http://host:port, "
	    "https://host:port or unix:///path\n"
	    "flag -o service.port: \"0\" is not a number from 1 to 65535\n"
	    "flag -o service.prt: no such key in [service]: prt; do you mean "
	    "port?\n"
	    "flag -o lok.fuse: no such section: [lok]; do you mean [lock]?\n"
	    "flag -o fuse: write section.key=value\n"
	    "flag -o lock.fuse: write section.key=value\n"
	    "flag -o : write section.key=value\n");
}

static void
required_keys_can_come_from_flags(void **state)
{
	(void)state;
	then_loaded(load("", "service.name=a", "service.port=1",
	    "plugin.path=x"));
	assert_string_equal(config->service_id, "a");
}

static void
control_characters_are_refused_everywhere(void **state)
{
	(void)state;
	setenv("CONSUL_CACERT", "/a\nb", 1);
	assert_false(load(MINIMAL, "options.a=x\ny", "plugin.path=\x7f"));
	assert_non_null(strstr(errors, "CONSUL_CACERT: the value holds contr"));
	assert_non_null(strstr(errors, "flag -o options.a: [options] a: the v"));
	assert_non_null(strstr(errors, "flag -o plugin.path: the value holds"));
}

static void
consuls_flags_name_our_keys(void **state)
{
	static const char *const flags[][2] = {
		{ "http-addr", "consul.address" },
		{ "token-file", "consul.token_file" },
		{ "ca-file", "consul.ca_file" },
		{ "client-cert", "consul.client_cert" },
		{ "client-key", "consul.client_key" },
		{ "tls-server-name", "consul.tls_server_name" },
	};
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		assert_string_equal(config_flag_name(i), flags[i][0]);
		assert_string_equal(config_flag_key(flags[i][0]), flags[i][1]);
	}
	assert_null(config_flag_name(i));
	assert_null(config_flag_key("token"));
}

static void
fuse_and_demotion_must_fit_into_the_lock_delay(void **state)
{
	(void)state;
	then_loaded(load(MINIMAL "[lock]\nlock_delay = 14s\n"));
	refused("[lock]\nlock_delay = 13999ms\n", ": two masters at a time: "
	    "[lock] fuse 10s + [plugin] demote_deadline 3s + 1s = 14s is longer"
	    " than [lock] lock_delay 13999ms: raise lock_delay to 14s, or lower"
	    " fuse or demote_deadline\n");
	refused("[lock]\nfuse = 1m\nlock_delay = 60s\n", "lock_delay 1m: lower "
	    "fuse or demote_deadline\n");
	then_loaded(load(MINIMAL "[lock]\nfuse = 56s\nlock_delay = 60s\n"));
}

static void
the_fuse_must_outlast_one_slow_request(void **state)
{
	(void)state;
	then_loaded(load(MINIMAL "[lock]\nfuse = 4001ms\n"));
	refused("[lock]\nfuse = 4s\n", ": one slow request would demote the "
	    "master: [lock] fuse 4s is not longer than verify_interval 2s + "
	    "[consul] request_timeout 2s = 4s: raise fuse, or lower the "
	    "others\n");
	refused("[consul]\nrequest_timeout = 8s\n", "fuse 10s is not longer");
}

static void
both_rules_between_times_are_told_at_once(void **state)
{
	(void)state;
	assert_false(load(MINIMAL "[lock]\nfuse = 3s\n"
	    "[plugin]\ndemote_deadline = 20s\n"));
	assert_non_null(strstr(errors, ": two masters at a time"));
	assert_non_null(strstr(errors, ": one slow request"));
}

static void
config_check_times_finds_what_was_set_by_hand(void **state)
{
	struct error	 err;

	(void)state;
	then_loaded(load(MINIMAL));
	assert_true(config_check_times(config, &err));
	config->lock_delay = 13000;
	assert_false(config_check_times(config, &err));
	assert_non_null(strstr(err.text, "two masters"));
	config->lock_delay = 60001;
	assert_false(config_check_times(config, &err));
	assert_string_equal(err.text, "[lock] lock_delay: 60001ms is not in "
	    "the range from 1ms to 1m");
	config->lock_delay = 15000;
	config->verify_interval = 9000;
	assert_false(config_check_times(config, &err));
	assert_non_null(strstr(err.text, "one slow request"));
	config->verify_interval = INT64_MAX;
	assert_false(config_check_times(config, &err));
	config->verify_interval = -1;
	assert_false(config_check_times(config, &err));
	config->verify_interval = 2000;
	config->health_interval = 0;
	assert_false(config_check_times(config, &err));
	assert_string_equal(err.text, "[plugin] health_interval: 0s is not in "
	    "the range from 1ms to 24h");
}

static void
a_duration_is_a_number_with_its_unit(void **state)
{
	static const char *const bad[] = { "", "s", "2", "-2s", "+2s", " 2s",
	    "2 s", "2s ", "2S", "2d", "1.5s", "1m30s", "0x2s",
	    "9223372036854775808ms", "9223372036854776s",
	    "99999999999999999999h" };
	int64_t	 ms = -1;
	size_t	 i;

	(void)state;
	assert_true(value_duration("0s", &ms));
	assert_int_equal(ms, 0);
	assert_true(value_duration("500ms", &ms));
	assert_int_equal(ms, 500);
	assert_true(value_duration("2s", &ms));
	assert_int_equal(ms, 2000);
	assert_true(value_duration("3m", &ms));
	assert_int_equal(ms, 180000);
	assert_true(value_duration("4h", &ms));
	assert_int_equal(ms, 14400000);
	assert_true(value_duration("9223372036854775807ms", &ms));
	assert_true(ms == INT64_MAX);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (value_duration(bad[i], &ms))
			fail_msg("\"%s\" is taken for a duration", bad[i]);
}

static void
a_boolean_is_a_word_or_a_digit(void **state)
{
	static const char *const yes[] = { "yes", "true", "on", "1", "YES",
	    "True", "t" };
	static const char *const no[] = { "no", "false", "off", "0", "No",
	    "F" };
	static const char *const bad[] = { "", "2", "y", "n", "yes ", "01" };
	bool	 b;
	size_t	 i;

	(void)state;
	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		b = false;
		assert_true(value_boolean(yes[i], &b) && b);
	}
	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		b = true;
		assert_true(value_boolean(no[i], &b) && !b);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(value_boolean(bad[i], &b));
}

static void
an_address_splits_into_host_and_port(void **state)
{
	static const struct {
		const char	*text, *host;
		int		 port;
	} good[] = {
		{ "127.0.0.1:8000", "127.0.0.1", 8000 },
		{ "[::1]:1", "::1", 1 },
		{ ":65535", "", 65535 },
		{ "host:080", "host", 80 },
	};
	static const char *const bad[] = { "", "a", "a:", "a:b", "a:0",
	    "a:65536", "a:-1", "a:+1", "a: 1", "::1:80", "[::1]", "[]:1",
	    "a:000001", "0123456789012345:1" };
	struct error	 err;
	char		 host[16];
	int		 port;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(value_split_address(good[i].text, host,
		    sizeof(host), &port, &err));
		assert_string_equal(host, good[i].host);
		assert_int_equal(port, good[i].port);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err.text[0] = '\0';
		if (value_split_address(bad[i], host, sizeof(host), &port,
		    &err))
			fail_msg("\"%s\" is taken for an address", bad[i]);
		assert_int_not_equal(err.text[0], '\0');
	}
}

/* What config_print_example prints; free it. */
static char *
example(void)
{
	char	*text;
	size_t	 length;
	FILE	*f = open_memstream(&text, &length);

	assert_non_null(f);
	config_print_example(f);
	fclose(f);
	return text;
}

static void
the_example_is_a_working_config(void **state)
{
	char	*text = example();

	(void)state;
	then_loaded(load(text));
	free(text);
	assert_string_equal(config->service_name, "example");
	assert_int_equal(config->service_port, 8080);
	assert_string_equal(config->plugin_path, "example");
	assert_int_equal(config->option_count, 1);
	assert_string_equal(config->options[0].name, "flag");
	assert_string_equal(config->options[0].value, "/var/tmp/in_service");
}

static void
the_example_shows_the_defaults(void **state)
{
	char	*text = example(), *s;
	int	 keys = 0;

	(void)state;
	for (s = text; (s = strchr(s, '#')) != NULL; s++)
		if (s[1] != ' ' && s[1] != '\t' && s[1] != '\n') {
			*s = ' ';
			keys++;
		}
	assert_int_equal(keys, 43);
	then_loaded(load(text));
	free(text);
	assert_string_equal(config->service_id, "example");
	assert_string_equal(config->consul_address, "127.0.0.1:8500");
	assert_int_equal(config->lock_delay, 15000);
	assert_true(config->bind_node);
	assert_false(config->log_json);
}

static void
conf_example_ini_is_what_the_program_prints(void **state)
{
	char	 path[4096], *want = example(), *text;
	size_t	 length = strlen(want);
	FILE	*f;

	(void)state;
	assert_non_null(SOURCE_DIR);
	snprintf(path, sizeof(path), "%s/conf/example.ini", SOURCE_DIR);
	f = fopen(path, "r");
	assert_non_null(f);
	text = calloc(1, length + 2);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, length + 1, f), length);
	fclose(f);
	assert_string_equal(text, want);
	free(text);
	free(want);
}

static void
conf_minimal_ini_is_a_working_config(void **state)
{
	char	 path[4096];

	(void)state;
	forget();
	assert_non_null(SOURCE_DIR);
	snprintf(path, sizeof(path), "%s/conf/minimal.ini", SOURCE_DIR);
	then_loaded(config_load(&config, path, NULL, 0, &errors));
	assert_string_equal(config->service_name, "example");
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(three_keys_are_enough),
		TEST(every_key_can_be_set_in_the_file),
		TEST(all_mistakes_are_told_in_one_run),
		TEST(a_file_that_cannot_be_read_is_the_only_complaint),
		TEST(a_file_of_more_than_a_mebibyte_is_refused),
		TEST(an_empty_file_misses_the_required_keys),
		TEST(a_service_name_is_a_dns_label),
		TEST(bad_values_are_refused_with_their_line),
		TEST(what_is_longer_than_its_place_is_refused),
		TEST(a_port_is_a_whole_number_from_1_to_65535),
		TEST(lines_that_inih_would_pass_over_are_refused),
		TEST(a_nul_byte_does_not_hide_the_rest_of_the_file),
		TEST(a_line_too_long_for_inih_is_refused_and_not_cut),
		TEST(comments_blanks_crlf_and_a_byte_order_mark_are_fine),
		TEST(a_comment_that_would_cut_a_value_is_refused),
		TEST(a_section_may_come_in_two_pieces),
		TEST(a_key_given_twice_is_refused_with_both_lines),
		TEST(an_unknown_key_gets_a_suggestion_if_one_is_close),
		TEST(options_are_kept_with_their_lines),
		TEST(flag_wins_over_environment_over_file_over_default),
		TEST(a_bad_value_is_refused_even_where_another_place_wins),
		TEST(consuls_own_variables_mean_what_they_mean_to_consul),
		TEST(without_a_file_the_service_is_named),
		TEST(consul_http_ssl_turns_the_address_into_https),
		TEST(a_token_file_wins_over_a_token_of_the_same_place),
		TEST(a_token_is_never_shown_nor_taken_from_the_command_line),
		TEST(flags_are_refused_by_name),
		TEST(required_keys_can_come_from_flags),
		TEST(control_characters_are_refused_everywhere),
		TEST(consuls_flags_name_our_keys),
		TEST(fuse_and_demotion_must_fit_into_the_lock_delay),
		TEST(the_fuse_must_outlast_one_slow_request),
		TEST(both_rules_between_times_are_told_at_once),
		TEST(config_check_times_finds_what_was_set_by_hand),
		TEST(a_duration_is_a_number_with_its_unit),
		TEST(a_boolean_is_a_word_or_a_digit),
		TEST(an_address_splits_into_host_and_port),
		TEST(the_example_is_a_working_config),
		TEST(the_example_shows_the_defaults),
		TEST(conf_example_ini_is_what_the_program_prints),
		TEST(conf_minimal_ini_is_a_working_config),
	};
	int	 fd = mkstemp(file), failed;

	if (fd == -1)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(file);
	return failed;
}
