/* Holds sockets in the ways that need calls which Rust counts as unsafe: odd WAY ARGUMENT...
 *
 * It says what the zoo must know of it, a word and a value a line, then `ready`, and holds until it is killed. A
 * kernel that cannot do it is `missing: ...` and exit status 3. */
#include "odd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct way {
    const char *name;
    int words;
    void (*run)(char **words);
};

static const struct way WAYS[] = {
    {"ring", 1, ring},
    {"epoll-closed", 1, epoll_closed},
    {"epoll-elsewhere", 1, epoll_elsewhere},
    {"sockmap", 1, sockmap},
    {"sockmap-closed", 1, sockmap_closed},
    {"leaderless", 1, leaderless},
    {"leaderless-apart", 1, leaderless_apart},
    {"thread-apart", 1, thread_apart},
    {"own-table", 1, own_table},
    {"own-table-shared", 1, own_table_shared},
    {"apart", 1, apart},
    {"kept", 2, kept},
    {"veiled", 2, veiled},
    {"vsock", 0, vsock},
    {"mapped", 1, mapped},
};

void give_up(const char *tried) {
    fprintf(stderr, "error: %s: %s\n", tried, strerror(errno));
    exit(FAILED);
}

void lacks(const char *feature) {
    printf("missing: this kernel has no %s\n", feature);
    fflush(stdout);
    exit(MISSING);
}

int sure(int result, const char *tried) {
    if (result < 0) give_up(tried);
    return result;
}

static struct sockaddr_in loopback(const char *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int listener(const char *port) {
    struct sockaddr_in address = loopback(port);
    int one = 1;
    int fd = sure(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    sure(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), "SO_REUSEADDR");
    sure(bind(fd, (struct sockaddr *)&address, sizeof address), "bind");
    sure(listen(fd, 128), "listen");
    return fd;
}

int caller(const char *port) {
    struct sockaddr_in address = loopback(port);
    int fd = sure(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    close(fd);
    return -1;
}

void idle(void) {
    for (;;) pause();
}

void hold(void) {
    puts("ready");
    fflush(stdout);
    idle();
}

/* Over which a child says that it is settled. */
static int news[2];

pid_t divide(void) {
    char byte;
    sure(pipe(news), "pipe");
    pid_t child = sure(fork(), "fork");
    close(news[child == 0 ? 0 : 1]);
    if (child == 0) return 0;
    if (read(news[0], &byte, 1) != 1) give_up("wait for the child");
    close(news[0]);
    printf("child %d\n", child);
    fflush(stdout);
    return child;
}

void settled(void) {
    if (write(news[1], "", 1) != 1) give_up("tell the parent");
    close(news[1]);
    idle();
}

int main(int count, char **words) {
    for (size_t at = 0; count > 1 && at < sizeof WAYS / sizeof *WAYS; at++) {
        if (strcmp(words[1], WAYS[at].name) == 0 && count >= 2 + WAYS[at].words) WAYS[at].run(words + 2);
    }
    fprintf(stderr, "usage: odd WAY ARGUMENT...\n");
    for (size_t at = 0; at < sizeof WAYS / sizeof *WAYS; at++) fprintf(stderr, "  %s\n", WAYS[at].name);
    return MISUSED;
}
