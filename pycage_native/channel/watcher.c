/* One thread that waits for the end of any executor, so that a crash is seen at once and not at the next time-out. */

#include "channel.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Link *links;
static int ends = -1; /* epoll */

/* The process is gone, or was told to go.  A waiter that was about to sleep on this word finds another value, and `dead`. */
void tell(Link *link) {
  if (atomic_exchange(&link->dead, 1)) return;
  for (uint32_t i = 0; i < link->count; i++) {
    _Atomic uint32_t *sequence = (_Atomic uint32_t *)(void *)(link->base + i * link->channel_size + PN_REPLY);
    atomic_fetch_add(sequence, DEAD);
    wake(sequence);
  }
}

static void *watch_ends(void *unused) {
  struct epoll_event event;
  (void)unused;
  for (;;) {
    if (epoll_wait(ends, &event, 1, -1) < 1) continue;
    pthread_mutex_lock(&lock);
    for (Link *link = links; link; link = link->next)
      /* Asked again: it may be another Link, at the place of one that was freed after the event. */
      if (link == event.data.ptr && poll(&(struct pollfd){.fd = link->pidfd, .events = POLLIN}, 1, 0) == 1) {
        epoll_ctl(ends, EPOLL_CTL_DEL, link->pidfd, NULL);
        tell(link);
      }
    pthread_mutex_unlock(&lock);
  }
  return NULL;
}

int watch(Link *link) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = link};
  int result = 0;
  pthread_mutex_lock(&lock);
  if (ends < 0) {
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, before;
    ends = epoll_create1(EPOLL_CLOEXEC);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    /* Signals are for Python's own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = ends < 0 ? errno : pthread_create(&thread, &attributes, watch_ends, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (error) {
      if (ends >= 0) close(ends);
      ends = -1;
      errno = error;
      result = -1;
    }
  }
  if (!result) {
    link->next = links;
    links = link;
    result = epoll_ctl(ends, EPOLL_CTL_ADD, link->pidfd, &event);
  }
  pthread_mutex_unlock(&lock);
  return result;
}

void unwatch(Link *link) {
  pthread_mutex_lock(&lock);
  for (Link **at = &links; *at; at = &(*at)->next)
    if (*at == link) {
      *at = link->next;
      epoll_ctl(ends, EPOLL_CTL_DEL, link->pidfd, NULL);
      break;
    }
  pthread_mutex_unlock(&lock);
}

/* In the child of a fork: the executors are the parent's. */
void forget_links_after_fork(void) {
  pthread_mutex_init(&lock, NULL);
  for (Link *link = links; link; link = link->next) {
    link->state = LINK_ENDED;
    atomic_store(&link->dead, 1);
    if (link->pidfd >= 0) close(link->pidfd);
    link->pidfd = -1;
  }
  links = NULL;
  if (ends >= 0) close(ends);
  ends = -1;
}
