/* The zygote: a small process without Python that makes executors by fork, which takes a millisecond.

   Its socket is descriptor 3, a pidfd of the host descriptor 4; when either says that the host is gone it ends, and its
   executors with it.  It never loads a library. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executor.h"

enum { ZYGOTE_SOCKET = 3, HOST = 4 };
enum { RUNNING = -1, UNKNOWN = -2 };

/* Children whose end the host has not asked for yet. */
static struct child {
  pid_t pid;
  int status;
} *children;
static size_t child_count, child_space;

static struct child *find(pid_t pid) {
  for (size_t i = 0; i < child_count; i++)
    if (children[i].pid == pid) return &children[i];
  return NULL;
}

static int remember(pid_t pid) {
  if (child_count == child_space) {
    size_t space = child_space ? 2 * child_space : 16;
    struct child *larger = realloc(children, space * sizeof *children);
    if (larger == NULL) return -1;
    children = larger;
    child_space = space;
  }
  children[child_count++] = (struct child){pid, RUNNING};
  return 0;
}

static void reap(void) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    struct child *child = find(pid);
    if (child) child->status = status;
  }
}

static int receive(pn_zygote_request *request, int descriptors[2]) {
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(2 * sizeof(int))];
  } control;
  struct iovec data = {request, sizeof *request};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t got = recvmsg(ZYGOTE_SOCKET, &message, MSG_CMSG_CLOEXEC);

  descriptors[0] = descriptors[1] = -1;
  if (got != (ssize_t)sizeof *request) return -1;
  struct cmsghdr *first = CMSG_FIRSTHDR(&message);
  if (first && first->cmsg_type == SCM_RIGHTS && first->cmsg_len == CMSG_LEN(2 * sizeof(int)))
    memcpy(descriptors, CMSG_DATA(first), 2 * sizeof(int));
  return 0;
}

static int answer(const pn_zygote_reply *reply, int descriptor) {
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  pn_zygote_reply copy = *reply;
  struct iovec data = {&copy, sizeof copy};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

  if (descriptor >= 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *first = CMSG_FIRSTHDR(&message);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(first), &descriptor, sizeof descriptor);
  }
  return sendmsg(ZYGOTE_SOCKET, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static int spawn(const pn_zygote_request *request, const int descriptors[2], const sigset_t *usual) {
  pn_zygote_reply reply = {0, 0, UNKNOWN, request->serial};
  pid_t parent = getpid(), pid = descriptors[1] < 0 ? -1 : fork();

  if (pid == 0) {
    sigprocmask(SIG_SETMASK, usual, NULL);
    run_executor(descriptors[0], descriptors[1], request->size, request->channels, parent);
  }
  int pidfd = -1;
  if (pid < 0) {
    reply.error = descriptors[1] < 0 ? EBADF : errno;
  } else if (remember(pid) < 0 || (pidfd = (int)syscall(SYS_pidfd_open, pid, 0)) < 0) {
    reply.error = errno;
    kill(pid, SIGKILL);
  } else {
    reply.pid = pid;
  }
  int result = answer(&reply, pidfd);
  if (pidfd >= 0) close(pidfd);
  for (int i = 0; i < 2; i++)
    if (descriptors[i] >= 0) close(descriptors[i]);
  return result;
}

static int tell(pid_t pid, uint32_t serial) {
  pn_zygote_reply reply = {pid, 0, UNKNOWN, serial};
  reap();
  struct child *child = find(pid);
  if (child) {
    reply.status = child->status;
    if (child->status != RUNNING) *child = children[--child_count];
  }
  return answer(&reply, -1);
}

static int serve_host(const sigset_t *usual) {
  pn_zygote_request request;
  int descriptors[2];
  if (receive(&request, descriptors) < 0) return -1;
  if (request.kind == PN_ZYGOTE_SPAWN) return spawn(&request, descriptors, usual);
  for (int i = 0; i < 2; i++)
    if (descriptors[i] >= 0) close(descriptors[i]);
  return request.kind == PN_ZYGOTE_STATUS ? tell(request.pid, request.serial) : -1;
}

int main(void) {
  sigset_t chld, usual;

  /* What was inherited from the host is of no use here: signal masks, ignored signals, descriptors. */
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigemptyset(&usual);
  sigemptyset(&chld);
  sigaddset(&chld, SIGCHLD);
  sigprocmask(SIG_SETMASK, &chld, NULL);
  syscall(SYS_close_range, HOST + 1, ~0u, 0);
  int signals = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) return 1;
  /* Ctrl-C at the terminal is the host's affair. */
  setsid();

  struct pollfd wanted[3] = {
      {.fd = ZYGOTE_SOCKET, .events = POLLIN}, {.fd = HOST, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
  for (;;) {
    if (poll(wanted, 3, -1) < 0 && errno != EINTR) break;
    if (wanted[2].revents) {
      struct signalfd_siginfo info;
      while (read(signals, &info, sizeof info) > 0) continue;
      reap();
    }
    if (wanted[1].revents) break;
    if (wanted[0].revents && serve_host(&usual) < 0) break;
  }
  /* Executors die with their parent. */
  return 0;
}
