/* nearer.c - a name that was meant, for one that there is not. */
#include "nearer.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NEARER_MAX	64		/* longer than every known name */

/* How many characters must change to make b of a; two neighbours that have
 * changed places are one. */
static size_t
distance(const char *a, const char *b)
{
	size_t	 rows[3][NEARER_MAX], *row = rows[0], *above, *before;
	size_t	 n = strlen(b), i, j;

	if (n >= NEARER_MAX)
		return SIZE_MAX;
	for (j = 0; j <= n; j++)
		row[j] = j;
	for (i = 1; a[i - 1] != '\0'; i++) {
		before = rows[(i + 1) % 3];
		above = rows[(i + 2) % 3];
		row = rows[i % 3];
		row[0] = i;
		for (j = 1; j <= n; j++) {
			row[j] = above[j - 1] + (a[i - 1] != b[j - 1]);
			if (above[j] + 1 < row[j])
				row[j] = above[j] + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
	}
	return row[n];
}

const char *
nearer(const char *best, const char *name, const char *wrong)
{
	size_t	 d = distance(name, wrong);

	if (d > 2 || d >= strlen(name))
		return best;
	return best == NULL || d < distance(best, wrong) ? name : best;
}
