/* Network namespaces in which no process is, and a /proc that hides (namespaces(7), proc(5)). */
#define _GNU_SOURCE
#include "odd.h"

#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void enter_new_network(void) {
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    struct stat network;
    sure(unshare(CLONE_NEWNET), "unshare of the network");
    int fd = sure(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    sure(ioctl(fd, SIOCSIFFLAGS, &loopback), "SIOCSIFFLAGS");
    close(fd);
    sure(stat("/proc/thread-self/ns/net", &network), "stat of the network");
    printf("netns %lu\n", (unsigned long)network.st_ino);
    fflush(stdout);
}

/* The socket keeps the namespace (sk->sk_net_refcnt), and its process is elsewhere. */
void apart(char **words) {
    int home = sure(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "open the network");
    enter_new_network();
    listener(words[0]);
    close(sure(caller(words[0]), "connect in the new network"));
    sure(setns(home, CLONE_NEWNET), "setns");
    close(home);
    hold();
}

/* kept PLACE COMMAND...: a namespace that only a mount at PLACE keeps, after COMMAND ran in it. */
void kept(char **words) {
    enter_new_network();
    close(sure(open(words[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0444), "make the place of the mount"));
    sure(mount("/proc/self/ns/net", words[0], NULL, MS_BIND, NULL), "mount the network");
    pid_t child = sure(fork(), "fork");
    if (child == 0) {
        execvp(words[1], words + 1);
        give_up(words[1]);
    }
    int status;
    sure(waitpid(child, &status, 0), "wait");
    /* It says itself what is missing. */
    if (status != 0) exit(WIFEXITED(status) ? WEXITSTATUS(status) : FAILED);
    puts("ready");
    exit(0);
}

/* veiled UID COMMAND...: becomes COMMAND of that user, under a /proc that lists nobody else's processes. */
void veiled(char **words) {
    uid_t user = (uid_t)atoi(words[0]);
    sure(unshare(CLONE_NEWNS), "unshare of the mounts");
    sure(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "make the mounts private");
    sure(mount("proc", "/proc", "proc", 0, "hidepid=2"), "mount /proc");
    if (user != 0) {
        sure(setgroups(0, NULL), "setgroups");
        sure(setgid(user), "setgid");
        sure(setuid(user), "setuid");
    }
    execvp(words[1], words + 1);
    give_up(words[1]);
}
