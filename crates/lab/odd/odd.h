/* What the ways of holding a socket have in common. */
#ifndef ODD_H
#define ODD_H

#include <netinet/in.h>
#include <sys/types.h>

/* 2 is what a program says of a command line that it does not understand, 3 of a kernel that cannot do it. */
enum { FAILED = 1, MISUSED = 2, MISSING = 3 };

/* Ends the program: what was tried, and why not. */
void give_up(const char *tried) __attribute__((noreturn));

/* Ends the program with `missing: this kernel has no ...` on standard output. */
void lacks(const char *feature) __attribute__((noreturn));

/* The result of a call that cannot fail on a kernel that has it. */
int sure(int result, const char *tried);

/* A TCP socket that listens on 127.0.0.1. */
int listener(const char *port);

/* A connection to 127.0.0.1, or -1. */
int caller(const char *port);

/* Says that everything is as asked, and keeps it so. */
void hold(void) __attribute__((noreturn));

/* Sleeps until it is killed. */
void idle(void) __attribute__((noreturn));

/* Another process, told as `child`: 0 in it. Its parent goes on once it has called settled(). */
pid_t divide(void);

/* Says in a child that everything is as asked, and keeps it so. */
void settled(void) __attribute__((noreturn));

/* A new network namespace for this thread with its loopback up; its inode is told as `netns`. */
void enter_new_network(void);

/* The ways; each ends only by give_up or lacks. */
void ring(char **words);
void epoll_closed(char **words);
void epoll_elsewhere(char **words);
void sockmap(char **words);
void sockmap_closed(char **words);
void leaderless(char **words);
void leaderless_apart(char **words);
void thread_apart(char **words);
void own_table(char **words);
void own_table_shared(char **words);
void apart(char **words);
void kept(char **words);
void veiled(char **words);
void vsock(char **words);
void mapped(char **words);

#endif
