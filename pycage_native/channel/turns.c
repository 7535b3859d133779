/* Turns: a request is written and its answer waited for, spinning, yielding or asleep. */

#include "channel.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* How long a wait may last before the private flag is looked at again, should a wake-up ever be missed. */
static const int64_t SLICE = 100 * 1000 * 1000;

/* How many times longer a side spins that holds no GIL.  A sleeping side needs longer to wake up (75-115 us in a virtual
   machine) than one may hold the GIL; if both slept after every turn, they would never find each other awake again. */
enum { PATIENCE = 5 };

static const int64_t LONG_CALL = 500 * 1000;

/* Problem.  If the scheduler puts both sides on one processor, each spins away the time in which the other could run:
   400 us for each turn, three orders of magnitude, and it stays so, since two that sleep in turns look like a light load.

   Idea.  The executor says on which processor it last waited.  After a short spin for nothing the host compares: on the
   same one nobody spins, and a turn costs two switches, some microseconds.  If that lasts, the host's thread moves over
   to another processor, by an affinity mask that it has for a moment, and more and more rarely if that does not help.
   What the executor says may be a lie; then its own calls are slow. */
enum { GLANCE = 64, SETTLED = 8 };
enum { YIELDS = 2, WITHOUT = 1000 };
static const int64_t RUDE = 500 * 1000;
static const int64_t SETTLE_MIN = 1000 * 1000, SETTLE_MAX = 32 * 1000 * 1000;

int64_t monotonic(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

uint32_t pauses_in(int64_t nanoseconds) {
  const uint32_t probes = 2000;
  int64_t best = INT64_MAX;
  for (int round = 0; round < 5; round++) {
    int64_t start = monotonic();
    for (uint32_t i = 0; i < probes; i++) pause_cpu();
    int64_t took = monotonic() - start;
    if (took < best) best = took;
  }
  return (uint32_t)(nanoseconds * probes / (best > 0 ? best : 1));
}

long wait_on(_Atomic uint32_t *word, uint32_t value, int64_t nanoseconds) {
  struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  return syscall(SYS_futex, word, FUTEX_WAIT, value, &limit, NULL, 0);
}

void wake(_Atomic uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0); }

_Atomic uint32_t *word_at(Link *link, int index, uint32_t offset) {
  return (_Atomic uint32_t *)(void *)(link->base + (size_t)index * link->channel_size + offset);
}

static int on_one_processor(Link *link, int index) {
  int processor = link->max_spin ? sched_getcpu() : -1;
  return processor >= 0 &&
         atomic_load_explicit(word_at(link, index, PN_EXECUTOR_CPU), memory_order_relaxed) == (uint32_t)processor + 1;
}

/* Whether the other side can run only while this one does not. */
static int alone(const Link *link, const host_channel *channel) { return channel->together || link->max_spin == 0; }

/* Without the GIL: on the other processor there may be a queue. */
static int move_away(host_channel *channel) {
  int64_t now = monotonic(), since = now - channel->moved;
  cpu_set_t all, others;
  int processor = sched_getcpu();

  if (since < channel->settle || processor < 0 || processor >= CPU_SETSIZE) return 0;
  channel->moved = now;
  channel->settle = since > 16 * channel->settle ? SETTLE_MIN : 2 * channel->settle;
  if (channel->settle < SETTLE_MIN) channel->settle = SETTLE_MIN;
  if (channel->settle > SETTLE_MAX) channel->settle = SETTLE_MAX;
  if (sched_getaffinity(0, sizeof all, &all) < 0) return 0;
  others = all;
  CPU_CLR((unsigned)processor, &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) < 0) return 0;
  (void)sched_setaffinity(0, sizeof all, &all);
  channel->together = 0;
  return 1;
}

void post(Link *link, int index, uint32_t operation, const uint64_t *words, uint32_t aux) {
  host_channel *channel = &link->channels[index];
  if (channel->together) channel->together = on_one_processor(link, index) ? channel->together + 1 : 0;
  volatile pn_request *line = (volatile pn_request *)(void *)word_at(link, index, PN_REQUEST);
  line->operation = operation;
  for (unsigned i = 0; i < PN_WORDS; i++) line->words[i] = words ? words[i] : 0;
  line->aux = aux;
  line->spin = alone(link, channel) ? (channel->yields ? PN_YIELD : 0) : PATIENCE * channel->spin;
  channel->turn++;
  /* A full fence, before the other side's flag is read: no wake-up is lost. */
  atomic_exchange(word_at(link, index, PN_REQUEST), channel->turn);
  if (atomic_load(word_at(link, index, PN_EXECUTOR_SLEEPS))) wake(word_at(link, index, PN_REQUEST));
}

int64_t deadline_of(Link *link, host_channel *channel) {
  if (channel->deadline == 0) channel->deadline = link->timeout ? monotonic() + link->timeout : INT64_MAX;
  return channel->deadline;
}

/* A spin before a long call is for nothing: after some of them shorter ones, for both sides, as both are told the same
   number.  Now and then two in full: the first only finds the other side asleep.  A short sleep says nothing: one of the
   two was not running. */
static void adapt(Link *link, host_channel *channel, int64_t slept) {
  if (slept < LONG_CALL) {
    channel->spin = link->max_spin;
    return;
  }
  uint32_t halvings = ++channel->failures / 8;
  channel->spin = channel->failures % 64 < 2 ? link->max_spin : link->max_spin >> (halvings < 8 ? halvings : 8);
}

/* Spins some more and then waits in the kernel, both without the GIL.  Returns 0 when the word may have changed, -1 with an exception. */
static int sleep_for(Link *link, int index, const char *name) {
  host_channel *channel = &link->channels[index];
  _Atomic uint32_t *sequence = word_at(link, index, PN_REPLY), *sleeps = word_at(link, index, PN_HOST_SLEEPS);
  int64_t deadline = deadline_of(link, channel);
  int64_t start = monotonic();
  uint32_t patience = channel->together ? 0 : (PATIENCE - 1) * channel->spin;
  for (;;) {
    const char *reason = NULL;
    int interrupted = 0;
    PyThreadState *state = PyEval_SaveThread();
    if (channel->together > SETTLED && move_away(channel)) patience = PATIENCE * channel->spin;
    for (; patience > 0; patience--) {
      if (atomic_load_explicit(sequence, memory_order_acquire) == channel->turn) {
        PyEval_RestoreThread(state);
        channel->failures = 0;
        channel->spin = link->max_spin;
        return 0;
      }
      pause_cpu();
    }
    link->sleeps++;
    for (;;) {
      int64_t left = deadline - monotonic();
      atomic_store(sleeps, 1);
      uint32_t seen = atomic_load(sequence);
      if (seen == channel->turn || atomic_load(&link->dead)) break;
      if (seen != channel->turn - 1) {
        reason = "a sequence number that is neither the last nor the next";
        break;
      }
      if (left <= 0) {
        reason = "timeout";
        break;
      }
      /* After each slice too: a signal may have come while nothing slept here. */
      if (wait_on(sequence, seen, left < SLICE ? left : SLICE) < 0 && (errno == EINTR || errno == ETIMEDOUT)) {
        interrupted = 1;
        break;
      }
    }
    atomic_store_explicit(sleeps, 0, memory_order_relaxed);
    PyEval_RestoreThread(state);
    if (reason) {
      if (atomic_load(&link->dead)) break;
      return strcmp(reason, "timeout") ? violation(link, name, reason) : end_link(link, "timeout", name, "");
    }
    if (interrupted) {
      if (PyErr_CheckSignals() < 0) return end_link(link, "interrupted", name, "");
      continue;
    }
    break;
  }
  adapt(link, channel, monotonic() - start);
  return 0;
}

/* With one processor for both sides the other one runs if this one yields, at half the price of falling asleep and
   waking up.  But who yields goes behind everybody else, so if somebody else is there: not for a while.  With the GIL:
   the other side has been asked, and who runs this process's other threads would run instead of it. */
static int yielded(Link *link, int index) {
  host_channel *channel = &link->channels[index];
  _Atomic uint32_t *sequence = word_at(link, index, PN_REPLY);
  if (!channel->yields) {
    if (++channel->without < WITHOUT) return 0;
    channel->without = 0;
    channel->yields = 1;
    return 0; /* the other side does not know yet */
  }
  int64_t start = monotonic();
  if (channel->together > SETTLED && start - channel->moved >= channel->settle) return 0; /* time to part */
  for (int i = 0; i < YIELDS; i++) {
    sched_yield();
    if (atomic_load_explicit(sequence, memory_order_acquire) == channel->turn) {
      if (monotonic() - start > RUDE) channel->yields = 0;
      return 1;
    }
  }
  if (monotonic() - start > RUDE) channel->yields = 0;
  return 0;
}

int wait_reply(Link *link, int index, const char *name, pn_reply *reply) {
  host_channel *channel = &link->channels[index];
  _Atomic uint32_t *sequence = word_at(link, index, PN_REPLY);
  uint32_t expected = channel->turn;

  if (alone(link, channel) && yielded(link, index)) goto arrived;
  for (uint32_t left = channel->together ? 0 : channel->spin, glance = 0; left > 0; left--) {
    if (++glance == GLANCE && on_one_processor(link, index)) {
      channel->together = 1;
      break;
    }
    if (atomic_load_explicit(sequence, memory_order_acquire) == expected) {
      channel->failures = 0;
      channel->spin = link->max_spin;
      goto arrived;
    }
    pause_cpu();
  }
  if (sleep_for(link, index, name) < 0) return -1;
  uint32_t seen = atomic_load_explicit(sequence, memory_order_acquire);
  /* The watcher has marked the word; what stood there before was the last thing that the executor said. */
  if (seen != expected && !(atomic_load(&link->dead) && seen == expected + DEAD)) return end_link(link, "crash", name, "");
arrived:
  /* Once; whatever changes there later is not looked at. */
  memcpy(reply, (const char *)(const void *)sequence, sizeof *reply);
  return 0;
}
