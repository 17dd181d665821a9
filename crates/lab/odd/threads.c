/* Listeners of threads: of a process whose first one has ended, and in tables of descriptors of their own. */
#define _GNU_SOURCE
#include "odd.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

/* What a thread is told, and tells back. */
struct task {
    const char *port;
    pthread_barrier_t done;
};

static void start(void *(*run)(void *), struct task *task) {
    pthread_t thread;
    pthread_barrier_init(&task->done, NULL, 2);
    if (pthread_create(&thread, NULL, run, task) != 0) give_up("pthread_create");
}

/* Whether the first thread is a zombie: it has let go of its memory and its files then (proc_pid_stat(5)). */
static int first_has_ended(void) {
    char stat[512] = "";
    int fd = sure(open("/proc/self/stat", O_RDONLY | O_CLOEXEC), "open stat");
    sure((int)read(fd, stat, sizeof stat - 1), "read stat");
    close(fd);
    const char *state = strrchr(stat, ')');
    return state && state[1] == ' ' && state[2] == 'Z';
}

static void *hold_in_a_thread(void *argument) {
    struct task *task = argument;
    listener(task->port);
    /* The first thread ends before anybody looks. */
    while (!first_has_ended()) sched_yield();
    hold();
}

void leaderless(char **words) {
    static struct task task;
    task.port = words[0];
    start(hold_in_a_thread, &task);
    pthread_exit(NULL);
}

static void *hold_in_a_network(void *argument) {
    struct task *task = argument;
    enter_new_network();
    listener(task->port);
    pthread_barrier_wait(&task->done);
    idle();
}

/* A thread in a network of its own, of a process whose first one is where it was, or has ended (setns(2)). */
void thread_apart(char **words) {
    static struct task task;
    task.port = words[0];
    start(hold_in_a_network, &task);
    pthread_barrier_wait(&task.done);
    hold();
}

static void *hold_after_the_first(void *argument) {
    struct task *task = argument;
    enter_new_network();
    return hold_in_a_thread(task);
}

void leaderless_apart(char **words) {
    static struct task task;
    task.port = words[0];
    start(hold_after_the_first, &task);
    pthread_exit(NULL);
}

static void *leave_the_table(void *argument) {
    struct task *task = argument;
    sure(unshare(CLONE_FILES), "unshare of the descriptors");
    if (task->port) listener(task->port);
    pthread_barrier_wait(&task->done);
    idle();
}

void own_table(char **words) {
    static struct task task;
    task.port = words[0];
    start(leave_the_table, &task);
    pthread_barrier_wait(&task.done);
    hold();
}

/* The parent holds it as usual, the child only in the table of a thread that left the others. */
void own_table_shared(char **words) {
    int fd = listener(words[0]);
    if (divide() == 0) {
        static struct task task;
        start(leave_the_table, &task);
        pthread_barrier_wait(&task.done);
        close(fd);
        settled();
    }
    hold();
}
