/* A library that tries to get out.  Each probe returns a value, or minus errno; some do not return.

   It uses system calls directly where the C library would be in the way. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static long outcome(long result) { return result < 0 ? -errno : result; }
static long call(long number, long a, long b, long c, long d, long e, long f) {
  errno = 0;
  return outcome(syscall(number, a, b, c, d, e, f));
}
#define CALL(...) CALL_(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CALL_(n, a, b, c, d, e, f, ...) \
  call(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static long of_constructor;

__attribute__((constructor)) static void begin(void) { of_constructor = outcome(open("/etc/shadow", O_RDONLY)); }
long constructor_open(void) { return of_constructor; }

static long read_file(const char *path) {
  char text[64];
  int descriptor = open(path, O_RDONLY);
  if (descriptor < 0) return -errno;
  long got = outcome(read(descriptor, text, sizeof text));
  close(descriptor);
  return got;
}
long open_passwd(void) { return read_file("/etc/passwd"); }
long open_environ(void) { return read_file("/proc/self/environ"); }
long open_parent(void) { return read_file("/proc/1/environ"); }
long stat_passwd(void) {
  struct stat about;
  return outcome(stat("/etc/passwd", &about));
}
long open_write(void) { return outcome(open("/tmp/pycage-selftest", O_WRONLY | O_CREAT, 0600)); }
long open_up(void) { return read_file("/usr/lib/../../etc/passwd"); }
long open_relative(void) { return read_file("etc/passwd"); }
long open_how(void) {
  struct {
    uint64_t flags, mode, resolve;
  } how = {0, 0, 0};
  return CALL(437 /* openat2 */, AT_FDCWD, "/etc/passwd", &how, sizeof how);
}
long name_to_handle(void) { return CALL(SYS_name_to_handle_at, AT_FDCWD, "/etc", 0, 0, 0); }
long unlink_file(void) { return CALL(SYS_unlinkat, AT_FDCWD, "/tmp/pycage-selftest", 0); }
long change_directory(void) { return outcome(chdir("/")); }
long dlopen_late(void) { return dlopen("libresolv.so.2", RTLD_NOW) ? 0 : -EPERM; }

long open_socket(void) { return outcome(socket(AF_INET, SOCK_STREAM, 0)); }
long open_unix(void) { return outcome(socket(AF_UNIX, SOCK_STREAM, 0)); }
long send_on_control(void) { return outcome(send(3, "x", 1, MSG_DONTWAIT)); }
long read_stdin(void) {
  char byte;
  return outcome(read(0, &byte, 1)); /* /dev/null: 0 */
}

long signal_parent(void) { return outcome(kill(getppid(), 0)); }
long signal_all(void) { return outcome(kill(-1, SIGTERM)); }
long signal_thread(void) { return CALL(SYS_tgkill, 1, 1, 0); }
long do_fork(void) { return outcome(fork()); }
long do_vfork(void) { return CALL(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0); }
long do_exec(void) {
  char *const none[] = {NULL};
  return outcome(execve("/bin/true", none, none));
}
long do_clone_newuser(void) { return CALL(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0); }
long do_unshare(void) { return CALL(SYS_unshare, CLONE_NEWUSER); }
long do_ptrace(void) { return CALL(SYS_ptrace, 0 /* TRACEME */, 0, 0, 0); }
long read_parent_memory(void) {
  char text[8];
  struct {
    void *base;
    size_t length;
  } here = {text, sizeof text}, there = {(void *)begin, sizeof text};
  return CALL(SYS_process_vm_readv, getppid(), &here, 1, &there, 1, 0);
}
long open_pidfd(void) { return CALL(SYS_pidfd_open, getppid(), 0); }

static long map(int protection) {
  void *memory = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? -errno : 0;
}
long map_rwx(void) { return map(PROT_READ | PROT_WRITE | PROT_EXEC); }
long map_rx(void) { return map(PROT_READ | PROT_EXEC); }
long map_rw(void) {
  char *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return -errno;
  memset(memory, 1, 1 << 20);
  return outcome(munmap(memory, 1 << 20));
}
long protect_rx(void) {
  void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? -errno : outcome(mprotect(memory, 4096, PROT_READ | PROT_EXEC));
}
long use_pi_futex(void) {
  static uint32_t word;
  return CALL(SYS_futex, &word, 6 | 128 /* LOCK_PI, PRIVATE */, 0, 0, 0, 0);
}
long ask_affinity(void) {
  uint64_t mask[16];
  return CALL(SYS_sched_getaffinity, 1, sizeof mask, mask);
}
long make_memfd(void) { return CALL(SYS_memfd_create, "x", 0); }
long truncate_control(void) { return CALL(SYS_ftruncate, 3, 0); }
long use_io_uring(void) { return CALL(425, 8, 0); }
long use_bpf(void) { return CALL(SYS_bpf, 0, 0, 0); }
long use_perf(void) { return CALL(SYS_perf_event_open, 0, 0, -1, -1, 0); }
long use_userfaultfd(void) { return CALL(SYS_userfaultfd, 0); }
long use_keyctl(void) { return CALL(SYS_keyctl, 0, -3, 0); }
long use_shm(void) { return CALL(SYS_shmget, 0, 4096, 01600); }
long set_dumpable(void) { return CALL(SYS_prctl, 4, 1, 0, 0, 0); }
long set_personality(void) { return CALL(SYS_personality, 0x0040000); }
long add_filter(void) { return CALL(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, 0); }
long raise_limit(void) {
  struct rlimit limit = {1 << 20, 1 << 20};
  return outcome(setrlimit(RLIMIT_NOFILE, &limit));
}
long device_control(void) { return CALL(SYS_ioctl, 0, 0x5412, "x"); }
long mount_something(void) { return CALL(SYS_mount, "x", "/tmp", "tmpfs", 0, 0); }

static void *answer(void *unused) {
  (void)unused;
  return (void *)42;
}
long use_thread(void) {
  pthread_t thread;
  void *result = NULL;
  int error = pthread_create(&thread, NULL, answer, NULL);
  if (error) return -error;
  pthread_join(thread, &result);
  return (long)result;
}
static void *opens(void *unused) {
  (void)unused;
  return (void *)read_file("/etc/passwd");
}
long open_in_thread(void) {
  pthread_t thread;
  void *result = NULL;
  int error = pthread_create(&thread, NULL, opens, NULL);
  if (error) return -error;
  pthread_join(thread, &result);
  return (long)result;
}
static void *waits(void *unused) {
  for (;;) sleep(1000);
  return unused;
}
long flood_threads(void) {
  pthread_t thread;
  long made = 0;
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 16384);
  while (made < 100000 && pthread_create(&thread, &small, waits, NULL) == 0) made++;
  return made < 100000 ? -EAGAIN : made;
}
long flood_descriptors(void) {
  long last = 0;
  for (int i = 0; i < 100000; i++) {
    last = outcome(open("/proc/self/exe", O_RDONLY));
    if (last < 0) break;
  }
  return last;
}
long use_memory(void) {
  char *memory = malloc(64 << 20);
  if (memory == NULL) return -errno;
  memset(memory, 1, 64 << 20);
  free(memory);
  return 0;
}
long use_much_memory(void) {
  void *memory = malloc((size_t)8 << 30);
  long result = memory == NULL ? -errno : 0;
  free(memory);
  return result;
}
long read_secret(void) { return getenv("PYCAGE_SELFTEST_SECRET") != NULL; }
long environment(void) {
  extern char **environ;
  long count = 0;
  while (environ && environ[count]) count++;
  return count;
}

/* These do not return. */
long crash_null(void) {
  *(volatile int *)0 = 1;
  return 0;
}
long crash_abort(void) { abort(); }
long crash_exit(void) { exit(7); }
static long deep(volatile long n) { return n == 0 ? 0 : 1 + deep(n + 1); }
long crash_stack(void) { return deep(1); }
long crash_loop(void) {
  for (volatile int forever = 1; forever;) continue;
  return 0;
}
long crash_blocked_sigsys(void) {
  sigset_t set;
  sigfillset(&set);
  sigprocmask(SIG_SETMASK, &set, NULL);
  return read_file("/etc/passwd");
}
#if defined(__x86_64__)
long crash_int80(void) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory");
  return result;
}
long crash_x32(void) { return syscall(0x40000000 + SYS_getpid); }
#endif
long crash_kill_self(void) { return CALL(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGKILL); }

/* The channel: what an executor could write there. */
static char *channel;
long find_channel(char *base) {
  channel = base;
  return 0;
}
long write_channel(long offset, const char *bytes, long count) {
  memcpy(channel + offset, bytes, (size_t)count);
  return 0;
}
long zero_channel(void) { return outcome(madvise(channel, 1 << 20, MADV_REMOVE)); }
