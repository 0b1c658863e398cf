/* SPDX-License-Identifier: MIT */
/* quarry VERB [OPTIONS]: finds the verb, and does what is common to all. */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <util.h>
#include <verbs.h>

static const struct main_verb {
	const char *name;
	const char *shown; /* in usage messages */
	int (*run)(int argc, char **argv);
	const char *what;
} main_verbs[] = {
	{"boot", "quarry boot", boot_main, "boot a simulated machine from a firmware memory map"},
	{"replay", "quarry replay", replay_main,
	 "replay a recorded kernel trace on such a machine"},
	{"record", "quarry record", record_main,
	 "record what a kernel allocates while a command runs"},
	{"report", "quarry report", report_main,
	 "replay, and write what happened as a page of HTML"},
	{"convert", "quarry convert", convert_main,
	 "convert a recording to another format, without loss"},
	{"compare", "quarry compare", compare_main,
	 "replay it on several machines side by side: what if?"},
	{"top", "quarry top", top_main, "show a running replay, or this machine, in the terminal"},
	{"pressure", "quarry pressure", pressure_main,
	 "fill a machine, and ask it for blocks until there are no more"},
	{"selftest", "quarry selftest", selftest_main, "try every part of the library"},
};

#define MAIN_NR_VERBS (sizeof(main_verbs) / sizeof(main_verbs[0]))

static void main_usage(FILE *out)
{
	size_t i;

	fputs("Usage: quarry VERB [OPTION...] ARGUMENTS\n"
	      "Linux's memory management in a process: boot machines, replay traces.\n\n"
	      "Verbs:\n",
	      out);
	for (i = 0; i < MAIN_NR_VERBS; i++)
		fprintf(out, "  %-8s %s\n", main_verbs[i].name, main_verbs[i].what);
	fputs("  help     what the program, or the verb that follows, can do\n\n"
	      "Examples:\n"
	      "  quarry boot maps/server-16s-12t.txt\n"
	      "  quarry boot /proc/iomem --cmdline \"mem=4G\"     (as root)\n"
	      "  dmesg | quarry boot -\n"
	      "  sudo quarry record -o rec.txt.zst -- make; quarry replay rec.txt.zst\n"
	      "  quarry replay TRACE --machine maps/vm-24g-2cpu.txt\n"
	      "  quarry compare TRACE --machine maps/vm-24g-2cpu.txt --least-ram\n"
	      "  quarry report TRACE --machine maps/vm-24g-2cpu.txt -o report.html\n"
	      "  quarry top TRACE --machine maps/vm-24g-2cpu.txt --speed 10\n"
	      "  quarry pressure maps/qemu-512m-1node.boot.txt\n"
	      "  quarry selftest --stress 10\n\n"
	      "quarry VERB --help tells a verb's options; the manual is quarry(1).\n",
	      out);
}

static const struct main_verb *main_find(const char *name)
{
	size_t i;

	for (i = 0; i < MAIN_NR_VERBS; i++)
		if (strcmp(name, main_verbs[i].name) == 0)
			return &main_verbs[i];
	return NULL;
}

static int main_unknown(const char *name)
{
	size_t i;

	fprintf(stderr, "quarry: no verb \"%s\", expected", name);
	for (i = 0; i < MAIN_NR_VERBS; i++)
		fprintf(stderr, " %s,", main_verbs[i].name);
	fputs(" or help\n", stderr);
	return CLI_INPUT;
}

/* @args are the verb's, its own name first. */
static int main_run(const struct main_verb *verb, int nr, char **args)
{
	char *shown = xstrdup(verb->shown);
	int status;

	args[0] = shown;
	status = verb->run(nr, args);
	free(shown);
	return status;
}

static int main_help(int argc, char **argv)
{
	static char help[] = "--help";
	char *args[] = {NULL, help, NULL};
	const struct main_verb *verb;

	if (argc < 3) {
		main_usage(stdout);
		return CLI_OK;
	}
	verb = main_find(argv[2]);
	return verb != NULL ? main_run(verb, 2, args) : main_unknown(argv[2]);
}

int main(int argc, char **argv)
{
	const struct main_verb *verb;
	int status, closed;

	/* A reader that goes away is an error of writing, not a signal. */
	signal(SIGPIPE, SIG_IGN);
	argp_err_exit_status = CLI_INPUT;
	argp_program_version = "quarry " CLI_VERSION;
	if (argc < 2) {
		main_usage(stderr);
		return CLI_INPUT;
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "-?") == 0) {
		status = main_help(argc, argv);
	} else if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts("quarry " CLI_VERSION);
		status = CLI_OK;
	} else {
		verb = main_find(argv[1]);
		status = verb != NULL ? main_run(verb, argc - 1, argv + 1) : main_unknown(argv[1]);
	}
	closed = util_close_stdout();
	return status != CLI_OK ? status : closed;
}
