/* test_wire.c - what the daemon and its handlers say to each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire.h"

static int	pair[2];
static struct wire	sent, got;

static int
given_a_channel(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair);
}

static int
close_channel(void **state)
{
	(void)state;
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static void
pack_a_call(struct wire *w)
{
	wire_begin(w, WIRE_CALL);
	wire_put_string(w, "ensure_slave");
	wire_put_number(w, UINT64_MAX);
	wire_put_string(w, NULL);
	wire_put_string(w, "caf\xc3\xa9");
	wire_put_number(w, 0);
}

static bool
unpack_a_call(struct wire *w)
{
	return wire_type(w) == WIRE_CALL &&
	    strcmp(wire_string(w), "ensure_slave") == 0 &&
	    wire_number(w) == UINT64_MAX &&
	    strcmp(wire_string(w), "") == 0 &&
	    strcmp(wire_string(w), "caf\xc3\xa9") == 0 &&
	    wire_number(w) == 0 && wire_end(w);
}

static void
what_is_sent_is_received(void **state)
{
	(void)state;
	pack_a_call(&sent);
	assert_true(wire_send(pair[0], &sent));
	assert_int_equal(wire_receive(pair[1], &got, 0), 1);
	assert_true(unpack_a_call(&got));
}

static void
files_travel_with_a_message(void **state)
{
	const int	 files[WIRE_FILES] = { STDIN_FILENO, STDOUT_FILENO,
			    STDERR_FILENO };
	int		 came[WIRE_FILES], i;
	struct stat	 a, b;

	(void)state;
	pack_a_call(&sent);
	assert_true(wire_send_files(pair[0], &sent, files, 0));
	assert_int_equal(wire_receive_files(pair[1], &got, came, 0), 1);
	assert_true(unpack_a_call(&got));
	for (i = 0; i < WIRE_FILES; i++) {
		assert_int_equal(fstat(files[i], &a), 0);
		assert_int_equal(fstat(came[i], &b), 0);
		assert_true(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
		assert_true(fcntl(came[i], F_GETFD) & FD_CLOEXEC);
		close(came[i]);
	}
}

static void
a_message_without_files_has_none(void **state)
{
	int	 came[WIRE_FILES], i;

	(void)state;
	pack_a_call(&sent);
	assert_true(wire_send(pair[0], &sent));
	assert_int_equal(wire_receive_files(pair[1], &got, came, 0), 1);
	assert_true(unpack_a_call(&got));
	for (i = 0; i < WIRE_FILES; i++)
		assert_int_equal(came[i], -1);
	assert_int_equal(wire_receive_files(pair[1], &got, came, 0), -1);
	assert_int_equal(errno, EAGAIN);
	close(pair[0]);
	assert_int_equal(wire_receive_files(pair[1], &got, came, 0), 0);
}

/* Who does not ask for them gets none that he would have to close. */
static void
files_that_are_not_wanted_are_gone(void **state)
{
	const int	 files[WIRE_FILES] = { STDERR_FILENO, STDERR_FILENO,
			    STDERR_FILENO };
	int		 next = dup(STDERR_FILENO), after;

	(void)state;
	pack_a_call(&sent);
	assert_true(wire_send_files(pair[0], &sent, files, 0));
	close(next);
	assert_int_equal(wire_receive(pair[1], &got, 0), 1);
	assert_true(unpack_a_call(&got));
	after = dup(STDERR_FILENO);
	assert_int_equal(after, next);
	close(after);
}

static void
a_message_cut_anywhere_is_refused(void **state)
{
	size_t	 length;

	(void)state;
	pack_a_call(&sent);
	for (length = 1; length < sent.length; length++) {
		send(pair[0], sent.bytes, length, 0);
		assert_int_equal(wire_receive(pair[1], &got, 0), 1);
		assert_false(unpack_a_call(&got));
		assert_false(wire_end(&got));
	}
}

/* What an earlier and longer message has left there. */
static void
nothing_is_read_behind_the_end(void **state)
{
	(void)state;
	wire_begin(&got, WIRE_CALL);
	wire_put_number(&got, UINT64_MAX);
	got.length--;
	assert_int_equal(wire_type(&got), WIRE_CALL);
	assert_int_equal(wire_number(&got), 0);
	assert_false(wire_end(&got));

	wire_begin(&got, WIRE_CALL);
	wire_put_string(&got, "secret");
	got.length -= 2;
	assert_int_equal(wire_type(&got), WIRE_CALL);
	assert_string_equal(wire_string(&got), "");
}

static void
a_message_with_more_in_it_is_refused(void **state)
{
	(void)state;
	pack_a_call(&sent);
	wire_put_number(&sent, 1);
	assert_true(wire_send(pair[0], &sent));
	assert_int_equal(wire_receive(pair[1], &got, 0), 1);
	assert_false(unpack_a_call(&got));
	assert_false(wire_end(&got));
}

static void
a_type_that_nobody_knows_is_refused(void **state)
{
	unsigned char	 type;

	(void)state;
	for (type = 255; type >= WIRE_TYPES; type--) {
		send(pair[0], &type, 1, 0);
		assert_int_equal(wire_receive(pair[1], &got, 0), 1);
		assert_int_equal(wire_type(&got), 0);
		assert_false(wire_end(&got));
	}
}

static void
then_the_string_is_refused(const char *bytes, size_t size)
{
	send(pair[0], bytes, size, 0);
	assert_int_equal(wire_receive(pair[1], &got, 0), 1);
	assert_int_equal(wire_type(&got), WIRE_REFUSED);
	assert_string_equal(wire_string(&got), "");
	assert_false(wire_end(&got));
}

static void
a_string_that_lies_about_its_length_is_refused(void **state)
{
	(void)state;
	then_the_string_is_refused("\2\377\377\377\377abc", 9);	/* 4 GB */
	then_the_string_is_refused("\2\4\0\0\0abc", 9);		/* more */
	then_the_string_is_refused("\2\2\0\0\0abc", 9);		/* less */
	then_the_string_is_refused("\2\3\0\0\0a\0c", 9);	/* NUL inside */
	then_the_string_is_refused("\2\3\0\0\0abcd", 9);	/* no NUL */
}

static void
noise_is_read_without_harm(void **state)
{
	unsigned	 seed = 20261122;
	int		 round, i;

	(void)state;
	for (round = 0; round < 20000; round++) {
		unsigned char	 noise[64];
		size_t		 size = 1 + (size_t)rand_r(&seed) % 64;

		for (i = 0; i < (int)size; i++)
			noise[i] = (unsigned char)(rand_r(&seed) %
			    (i < 6 ? 8 : 256));
		send(pair[0], noise, size, 0);
		assert_int_equal(wire_receive(pair[1], &got, 0), 1);
		wire_type(&got);
		for (i = 0; i < 20; i++) {
			assert_non_null(wire_string(&got));
			wire_number(&got);
		}
		assert_false(wire_end(&got));
	}
}

static void
a_message_that_is_too_long_is_not_sent(void **state)
{
	static char	 text[WIRE_MAX + 1];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	wire_begin(&sent, WIRE_LOG);
	wire_put_string(&sent, text);
	assert_false(wire_send(pair[0], &sent));
	assert_int_equal(errno, EMSGSIZE);

	text[WIRE_MAX - 6] = '\0';	/* type, length, text, NUL: it fits */
	wire_begin(&sent, WIRE_LOG);
	wire_put_string(&sent, text);
	assert_true(wire_send(pair[0], &sent));
	wire_put_string(&sent, "");	/* that was too much */
	assert_false(wire_send(pair[0], &sent));
}

static void
a_packet_that_is_too_long_is_not_received(void **state)
{
	static char	 bytes[WIRE_MAX + 1];

	(void)state;
	send(pair[0], bytes, sizeof(bytes), 0);
	assert_int_equal(wire_receive(pair[1], &got, 0), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_false(wire_end(&got));
}

static void
the_end_of_the_channel_is_told(void **state)
{
	(void)state;
	assert_int_equal(wire_receive(pair[1], &got, 0), -1);
	assert_int_equal(errno, EAGAIN);
	close(pair[0]);
	assert_int_equal(wire_receive(pair[1], &got, 0), 0);
	pack_a_call(&sent);
	assert_false(wire_send(pair[1], &sent));	/* and no SIGPIPE */
	assert_int_equal(errno, EPIPE);
	pair[0] = dup(0);
}

static void
last_words_are_read_though_ours_were_not(void **state)
{
	(void)state;
	pack_a_call(&sent);
	assert_true(wire_send(pair[1], &sent));
	assert_true(wire_send(pair[0], &sent));
	close(pair[0]);		/* with our call unread */
	assert_int_equal(wire_receive(pair[1], &got, 0), 1);
	assert_true(unpack_a_call(&got));
	assert_int_equal(wire_receive(pair[1], &got, 0), 0);
	pair[0] = dup(0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, given_a_channel, close_channel)

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		TEST(what_is_sent_is_received),
		TEST(files_travel_with_a_message),
		TEST(a_message_without_files_has_none),
		TEST(files_that_are_not_wanted_are_gone),
		TEST(a_message_cut_anywhere_is_refused),
		TEST(nothing_is_read_behind_the_end),
		TEST(a_message_with_more_in_it_is_refused),
		TEST(a_type_that_nobody_knows_is_refused),
		TEST(a_string_that_lies_about_its_length_is_refused),
		TEST(noise_is_read_without_harm),
		TEST(a_message_that_is_too_long_is_not_sent),
		TEST(a_packet_that_is_too_long_is_not_received),
		TEST(the_end_of_the_channel_is_told),
		TEST(last_words_are_read_though_ours_were_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
