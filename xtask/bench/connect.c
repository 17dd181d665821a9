// How fast connections are made: serves on a port of 127.0.0.1, or asks an address and port for so many connections, one after the
// other, of which each gets an answer to its one byte. Whoever asks prints how many he got in a second, and the nanoseconds of one in
// the middle of all; a connection that fails ends it.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nanoseconds.h"

static int failed(const char *what) {
    perror(what);
    return 1;
}

static struct sockaddr_in place(const char *address, const char *port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    inet_pton(AF_INET, address, &at.sin_addr);
    return at;
}

static int serve(const char *port) {
    struct sockaddr_in at = place("127.0.0.1", port);
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0) return failed("socket");
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&at, sizeof(at)) || listen(listener, 4096)) return failed("listen");
    printf("%d\n", listener);
    fflush(stdout);
    for (;;) {
        char byte;
        int client = accept(listener, NULL, NULL);
        if (client < 0) return failed("accept");
        if (read(client, &byte, 1) == 1 && write(client, &byte, 1) != 1) return failed("write");
        close(client);
    }
}

static int ask(const char *address, const char *port, size_t count) {
    struct sockaddr_in at = place(address, port);
    // Nothing is left of a connection that is reset: so many would else use up the numbers of clients.
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int64_t *times = calloc(count ? count : 1, sizeof(*times));
    if (!times || !count) return 2;
    int64_t begin = now();
    for (size_t turn = 0; turn < count; turn++) {
        char byte = 'x';
        int64_t start = now();
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0) return failed("socket");
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        if (connect(fd, (struct sockaddr *)&at, sizeof(at))) return failed("connect");
        if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1) return failed("answer");
        close(fd);
        times[turn] = now() - start;
    }
    double seconds = (double)(now() - begin) / 1e9;
    qsort(times, count, sizeof(*times), by_size);
    printf("%.0f %lld\n", (double)count / seconds, (long long)times[count / 2]);
    return 0;
}

int main(int count_of_words, char **words) {
    if (count_of_words == 3 && !strcmp(words[1], "serve")) return serve(words[2]);
    if (count_of_words == 5 && !strcmp(words[1], "ask")) return ask(words[2], words[3], (size_t)atol(words[4]));
    fprintf(stderr, "usage: connect serve PORT | connect ask ADDRESS PORT COUNT\n");
    return 2;
}
