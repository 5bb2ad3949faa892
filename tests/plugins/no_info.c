/* no_info.c - a shared object that has nothing to do with us. */
int	health(void);

int
health(void)
{
	return 42;
}
