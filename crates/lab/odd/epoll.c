/* Listeners of which an epoll set knows and its process has no descriptor any more (epoll(7), questions 6 and 7).
 *
 * The set keeps no file open (fs/eventpoll.c, eventpoll_release): it forgets the socket with the last descriptor,
 * and goes on reporting it while anybody else has one. */
#include "odd.h"

#include <sys/epoll.h>
#include <unistd.h>

static int watching(int fd) {
    struct epoll_event wanted = {.events = EPOLLIN};
    int set = sure(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    sure(epoll_ctl(set, EPOLL_CTL_ADD, fd, &wanted), "epoll_ctl");
    return set;
}

void epoll_closed(char **words) {
    int fd = listener(words[0]);
    watching(fd);
    close(fd);
    hold();
}

void epoll_elsewhere(char **words) {
    int fd = listener(words[0]);
    if (divide() == 0) settled();
    int set = watching(fd);
    close(fd);
    /* It hears of a caller, but has nothing with which to accept. */
    struct epoll_event seen;
    int near = sure(caller(words[0]), "connect to the child's listener");
    if (epoll_wait(set, &seen, 1, 5000) != 1) give_up("hear of a caller");
    close(near);
    hold();
}
