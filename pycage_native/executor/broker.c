/* System calls that name files trap into a handler, which asks the host: it opens the file, or does not.

   The path is copied into the channel before the host looks at it, and what the host opens is what arrives here: there
   is nothing to change between check and use.  A library that writes the request itself gets the same answer. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "executor.h"

static long receive_descriptor(void) {
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  char byte;
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  long got;

  do got = syscall(SYS_recvmsg, CONTROL_SOCKET, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  struct cmsghdr *first = CMSG_FIRSTHDR(&message);
  int descriptor;
  if (got < 1 || first == NULL || first->cmsg_type != SCM_RIGHTS) return -EIO;
  memcpy(&descriptor, CMSG_DATA(first), sizeof descriptor);
  return descriptor;
}

/* Returns a descriptor, 0, or a negative errno. */
static long ask(enum pn_wanted wanted, long number, const char *path, long flags, long mode) {
  pn_channel *channel = current_channel;
  if (channel == NULL) return -EACCES; /* a thread of the library's own: there is nobody to ask */
  pn_broker *broker = (pn_broker *)(void *)(channel->base + PN_BROKER);
  pn_reply reply;
  pn_request request;
  size_t length = strnlen(path, sizeof broker->path);

  if (length == sizeof broker->path) return -ENAMETOOLONG;
  memcpy(broker->path, path, length + 1);
  broker->call = wanted;
  broker->flags = (uint32_t)flags;
  broker->mode = (uint32_t)mode;
  broker->number = (uint32_t)number;
  memset(&reply, 0, sizeof reply);
  reply.status = PN_BROKER_ASKS;
  post(channel, &reply);
  for (;;) {
    wait_request(channel, &request);
    if (PN_KIND(request.operation) == PN_BROKER_RETURN) break;
    handle(channel, &request);
  }
  if (request.words[0]) return -(long)request.words[0];
  return request.words[1] ? receive_descriptor() : 0;
}

static long describe(long number, const char *path, struct stat *into) {
  long descriptor = ask(PN_STAT, number, path, 0, 0);
  if (descriptor < 0) return descriptor;
  long result = syscall(SYS_fstat, descriptor, into);
  long error = errno;
  syscall(SYS_close, descriptor);
  return result < 0 ? -error : 0;
}

#if defined(__x86_64__)
#define REGISTER(n) (context->uc_mcontext.gregs[(int[]){REG_RDI, REG_RSI, REG_RDX, REG_R10}[n]])
#define RESULT (context->uc_mcontext.gregs[REG_RAX])
#else
#define REGISTER(n) (context->uc_mcontext.regs[n])
#define RESULT (context->uc_mcontext.regs[0])
#endif
#define TEXT(n) ((const char *)(uintptr_t)REGISTER(n))

static long at(int n, const ucontext_t *context) {
  /* Relative to a directory: only the working directory, which is not the library's to know. */
  const char *path = TEXT(n + 1);
  return (int)REGISTER(n) == AT_FDCWD || path[0] == '/' ? 0 : -EACCES;
}

static void trapped(int signal_number, siginfo_t *info, void *raw) {
  ucontext_t *context = raw;
  int saved = errno;
  long result = -ENOSYS;

  (void)signal_number;
  switch (info->si_syscall) {
    case SYS_openat:
      result = at(0, context);
      if (!result) result = ask(PN_OPEN, info->si_syscall, TEXT(1), (long)REGISTER(2), (long)REGISTER(3));
      break;
    case SYS_newfstatat:
      if (REGISTER(3) & AT_EMPTY_PATH && TEXT(1)[0] == '\0') {
        result = syscall(SYS_fstat, (int)REGISTER(0), REGISTER(2));
        if (result < 0) result = -errno;
        break;
      }
      result = at(0, context);
      if (!result) result = describe(info->si_syscall, TEXT(1), (struct stat *)(uintptr_t)REGISTER(2));
      break;
    case SYS_faccessat:
      result = at(0, context);
      if (!result) result = ask(PN_ACCESS, info->si_syscall, TEXT(1), 0, (long)REGISTER(2));
      break;
    case SYS_readlinkat:
      result = -EINVAL; /* the host hands out what a link leads to, never the link */
      break;
#if defined(__x86_64__)
    case SYS_open:
      result = ask(PN_OPEN, info->si_syscall, TEXT(0), (long)REGISTER(1), (long)REGISTER(2));
      break;
    case SYS_stat:
    case SYS_lstat:
      result = describe(info->si_syscall, TEXT(0), (struct stat *)(uintptr_t)REGISTER(1));
      break;
    case SYS_access:
      result = ask(PN_ACCESS, info->si_syscall, TEXT(0), 0, (long)REGISTER(1));
      break;
    case SYS_readlink:
      result = -EINVAL;
      break;
#endif
    default:
      break;
  }
  RESULT = (__typeof__(RESULT))result;
  errno = saved;
}

int install_broker(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = trapped;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  return sigaction(SIGSYS, &action, NULL);
}
