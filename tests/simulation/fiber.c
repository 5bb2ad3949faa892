/* fiber.c - functions that wait for the world in the middle of their work. */

/* Its longjmp ends a program that jumps to another stack. */
#undef _FORTIFY_SOURCE

#include "fiber.h"

#include <setjmp.h>
#include <stdlib.h>
#include <ucontext.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#endif

#define STACK	(128 * 1024)

struct fiber {
	jmp_buf	 at;
	void	*shadow;	/* the sanitizer's */
};

static char		 stacks[FIBERS][STACK] __attribute__((aligned(64)));
static struct fiber	 fibers[FIBERS];
static struct fiber	 home;
static int		 running;

/*
 * The address sanitizer must know on which stack we are.
 */

#ifdef SANITIZED
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

static const void	*home_stack;
static size_t		 home_size;

static void
leaves_for(struct fiber *from, int number)
{
	if (number >= 0)
		__sanitizer_start_switch_fiber(&from->shadow, stacks[number],
		    STACK);
	else
		__sanitizer_start_switch_fiber(&from->shadow, home_stack,
		    home_size);
}

static void
arrives(struct fiber *at)
{
	if (at == &home)
		__sanitizer_finish_switch_fiber(at->shadow, NULL, NULL);
	else
		__sanitizer_finish_switch_fiber(at->shadow, &home_stack,
		    &home_size);
}

/* From what was forgotten there. */
static void
clean(int number)
{
	ASAN_UNPOISON_MEMORY_REGION(stacks[number], STACK);
}
#else
static void
leaves_for(struct fiber *from, int number)
{
	(void)from, (void)number;
}

static void
arrives(struct fiber *at)
{
	(void)at;
}

static void
clean(int number)
{
	(void)number;
}
#endif

/*
 * Only the first step of each is by ucontext.h, whose every switch is a system
 * call.
 */

static void	(*begins)(void);

static _Noreturn void
fiber_main(void)
{
	arrives(&fibers[running]);
	begins();
	abort();
}

void
fiber_begin(int number, void (*runs)(void))
{
	static ucontext_t	first;

	clean(number);
	begins = runs;
	running = number;
	if (getcontext(&first) != 0)
		abort();
	first.uc_stack.ss_sp = stacks[number];
	first.uc_stack.ss_size = STACK;
	first.uc_link = NULL;
	makecontext(&first, fiber_main, 0);
	leaves_for(&home, number);
	if (_setjmp(home.at) == 0)
		setcontext(&first);
	arrives(&home);
}

void
fiber_resume(int number)
{
	running = number;
	leaves_for(&home, number);
	if (_setjmp(home.at) == 0)
		_longjmp(fibers[number].at, 1);
	arrives(&home);
}

void
fiber_wait(void)
{
	leaves_for(&fibers[running], -1);
	if (_setjmp(fibers[running].at) == 0)
		_longjmp(home.at, 1);
	arrives(&fibers[running]);
}
