/* Times whole processes as a shell would start them: stopwatch ROUNDS -- COMMAND... -- COMMAND...
 *
 * The commands take turns, A B A B, after one round that nobody counts; one that has used up its patience sits the
 * later rounds out. A word `@` is another one in each round of each run, `n` and two numbers. Each counted run prints `INDEX NANOSECONDS PEAK_KIB`; the peak is ru_maxrss of getrusage(2), which wait4(2) hands out for one child. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* 2 is what a program says of a command line that it does not understand. */
enum { COMMANDS_MAX = 16, MISUSED = 2, NOT_STARTED = 127 };

/* So often at least, and then until it took so long altogether. */
enum { RUNS_MIN = 3 };
static const uint64_t PATIENCE = 30 * 1000000000ull;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* What stands for `@`. */
static char other[64];

static void become(char **command) {
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    execvp(command[0], command);
    _exit(NOT_STARTED);
}

/* How long it took; 0 where it was not run to its end. */
static uint64_t run(int index, char **command, int counted) {
    struct rusage usage;
    int status;
    uint64_t start = now();
    pid_t child = fork();
    if (child == 0) become(command);
    if (child < 0 || wait4(child, &status, 0, &usage) < 0) return 0;
    uint64_t took = now() - start;
    int exit = WIFEXITED(status) ? WEXITSTATUS(status) : NOT_STARTED;
    if (exit == NOT_STARTED || exit == MISUSED) {
        fprintf(stderr, "stopwatch: %s was not run to its end\n", command[0]);
        return 0;
    }
    if (counted) printf("%d %llu %ld\n", index, (unsigned long long)took, usage.ru_maxrss);
    return took;
}

int main(int count, char **words) {
    char **commands[COMMANDS_MAX];
    uint64_t used[COMMANDS_MAX] = {0};
    int commands_count = 0;
    int rounds = count > 1 ? atoi(words[1]) : 0;
    for (int at = 2; at < count; at++) {
        if (strcmp(words[at], "@") == 0) words[at] = other;
        if (strcmp(words[at], "--") != 0) continue;
        words[at] = NULL;
        if (commands_count < COMMANDS_MAX && at + 1 < count) commands[commands_count++] = &words[at + 1];
    }
    for (int round = 0; round <= rounds; round++) {
        snprintf(other, sizeof other, "n%d-%d", getpid(), round);
        for (int index = 0; index < commands_count; index++) {
            if (round > RUNS_MIN && used[index] > PATIENCE) continue;
            uint64_t took = run(index, commands[index], round > 0);
            if (took == 0) return 1;
            used[index] += took;
        }
    }
    return 0;
}
