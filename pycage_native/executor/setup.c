/* Set-up: takes everything away, step by step, and only then lets a byte of the library in. */

#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "executor.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

enum { FAILED = 70 };

static void *library;
static pn_setup *setup;
static pn_channel channels[PN_MAX_CHANNELS];

void *find_symbol(const char *name) { return dlsym(library, name); }

static _Noreturn void fail(enum pn_step step, int error, const char *text) {
  pn_reply reply;
  setup->step = step;
  setup->error = error;
  if (text) snprintf(setup->text, sizeof setup->text, "%s", text);
  memset(&reply, 0, sizeof reply);
  reply.status = PN_FAILED;
  post(&channels[0], &reply);
  _exit(FAILED);
}

static void need(int result, enum pn_step step) {
  if (result < 0) fail(step, errno, NULL);
}

static void parent_must_be(pid_t parent) {
  need(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), PN_STEP_PARENT);
  if (getppid() != parent) _exit(FAILED);
}

static void descriptors(int control) {
  if (control != CONTROL_SOCKET) {
    need(dup2(control, CONTROL_SOCKET), PN_STEP_DESCRIPTORS);
    close(control);
  }
  need((int)syscall(SYS_close_range, CONTROL_SOCKET + 1, ~0u, 0), PN_STEP_DESCRIPTORS);
  /* Nobody reads what is written here; the host's side is shut down as well. */
}

static void limits(void) {
  for (uint32_t i = 0; i < setup->limit_count && i < PN_LIMITS; i++) {
    struct rlimit limit = {setup->limits[i].value, setup->limits[i].value};
    need(setrlimit((__rlimit_resource_t)setup->limits[i].resource, &limit), PN_STEP_RLIMITS);
  }
}

static void capabilities(pid_t parent) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2];

  memset(none, 0, sizeof none);
  if (geteuid() == 0 && setup->uid != 0) {
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
      (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0); /* without CAP_SETPCAP there is nothing to drop */
    need(setgroups(0, NULL), PN_STEP_CAPABILITIES);
    need(setresgid(setup->gid, setup->gid, setup->gid), PN_STEP_CAPABILITIES);
    need(setresuid(setup->uid, setup->uid, setup->uid), PN_STEP_CAPABILITIES);
  }
  need((int)syscall(SYS_capset, &header, none), PN_STEP_CAPABILITIES);
  parent_must_be(parent); /* a change of uid clears it */
}

static void landlock(void) {
  struct {
    uint64_t fs, net, scoped;
  } rights = {setup->landlock_fs, setup->landlock_net, setup->landlock_scoped};
  int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rights, (size_t)setup->landlock_size, 0);
  need(ruleset, PN_STEP_LANDLOCK);
  need((int)syscall(SYS_landlock_restrict_self, ruleset, 0), PN_STEP_LANDLOCK);
  close(ruleset);
}

/* The programs are copied: what is installed must not be in memory that others map. */
static void filter(uint32_t offset, uint32_t count, unsigned flags, int own_pid, enum pn_step step) {
  static struct sock_filter program[4096];
  struct sock_fprog all = {(unsigned short)count, program};

  if (count == 0 || count > 4096) fail(step, EINVAL, NULL);
  memcpy(program, (char *)setup + offset, count * sizeof *program);
  for (int i = 0; own_pid && i < 4; i++)
    if (setup->pid_at[i]) program[setup->pid_at[i] - 1].k = (uint32_t)getpid();
  /* With TSYNC, a thread that cannot be filtered is reported by its positive id. */
  long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &all);
  if (result != 0) fail(step, result < 0 ? errno : EBUSY, NULL);
}

static void *extra_channel(void *channel) { serve(channel); }

static void start_threads(uint32_t count) {
  pthread_attr_t attributes;
  pthread_t thread;

  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  for (uint32_t i = 1; i < count; i++) {
    int error = pthread_create(&thread, &attributes, extra_channel, &channels[i]);
    if (error) fail(PN_STEP_THREADS, error, NULL);
  }
  pthread_attr_destroy(&attributes);
}

static void load(void) {
  char *name = (char *)setup + setup->libraries;
  for (uint32_t i = 0; i < setup->library_count; i++) {
    library = dlopen(name, RTLD_NOW | (i + 1 < setup->library_count ? RTLD_GLOBAL : RTLD_LOCAL));
    if (library == NULL) {
      const char *text = dlerror();
      fail(PN_STEP_LIBRARY, ENOEXEC, text);
    }
    name += strlen(name) + 1;
  }
}

_Noreturn void run_executor(int memory, int control, size_t size, uint32_t count, pid_t parent) {
  char *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  pn_reply ready;

  if (base == MAP_FAILED || count == 0 || count > PN_MAX_CHANNELS) _exit(FAILED);
  memory_size = size;
  setup = (pn_setup *)(void *)(base + PN_SETUP);
  channel_size = setup->channel_size;
  /* Starting it was channel 0's first request. */
  for (uint32_t i = 0; i < count; i++)
    channels[i] = (pn_channel){.base = base + i * channel_size, .turn = i == 0, .spin = setup->spin};
  if (setup->version != PN_VERSION || channel_size == 0 || count * channel_size > size) fail(PN_STEP_MAP, EPROTO, NULL);

  parent_must_be(parent);
  descriptors(control);
  uint32_t layers = setup->layers;
  if (layers & PN_LAYER_NAMESPACES) need(unshare((int)setup->namespaces), PN_STEP_NAMESPACES);
  if (layers & PN_LAYER_RLIMITS) limits();
  if (layers & PN_LAYER_CAPABILITIES) capabilities(parent);
  if (layers & PN_LAYER_NO_NEW_PRIVS) need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), PN_STEP_NO_NEW_PRIVS);
  if (layers & PN_LAYER_LANDLOCK) landlock();
  if (layers & PN_LAYER_SECCOMP) {
    need(install_broker(), PN_STEP_HANDLER);
    filter(setup->load_filter, setup->load_filter_count, 0, 1, PN_STEP_SECCOMP_LOAD);
  }
  setup->active = layers;

  current_channel = &channels[0];
  load();
  if (layers & PN_LAYER_SECCOMP)
    filter(setup->run_filter, setup->run_filter_count, SECCOMP_FILTER_FLAG_TSYNC, 0, PN_STEP_SECCOMP_RUN);
  start_threads(count);

  setup->step = PN_STEP_DONE;
  memset(&ready, 0, sizeof ready);
  ready.status = PN_READY;
  ready.integer = (uint64_t)(uintptr_t)base;
  post(&channels[0], &ready);
  serve(&channels[0]);
}
