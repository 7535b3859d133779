/* A Link: the memory shared with one executor, and the turns taken over it. */

#include "channel.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <structmember.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <fcntl.h>

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

int is_alive(Link *link) { return link->state == LINK_ALIVE && !atomic_load_explicit(&link->dead, memory_order_relaxed); }

/* ---- The end of an executor ------------------------------------------------------------------------------------ */

static void kill_executor(Link *link) {
  if (link->pidfd < 0) return;
  syscall(SYS_pidfd_send_signal, link->pidfd, SIGKILL, NULL, 0);
  struct pollfd end = {.fd = link->pidfd, .events = POLLIN};
  Py_BEGIN_ALLOW_THREADS
  while (poll(&end, 1, 10000) < 0 && errno == EINTR) continue;
  Py_END_ALLOW_THREADS
}

/* The reason is ours or the kernel's; what the executor says of itself is not asked.  Returns -1 with an exception. */
int end_link(Link *link, const char *reason, const char *name, const char *detail) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  link->state = LINK_ENDED;
  kill_executor(link);
  if (type) { /* KeyboardInterrupt, or whatever a signal handler raised */
    PyErr_Restore(type, value, traceback);
    return -1;
  }
  PyObject *result = link->ended ? PyObject_CallFunction(link->ended, "sss", reason, name, detail) : NULL;
  Py_XDECREF(result);
  if (!PyErr_Occurred()) PyErr_Format(PyExc_RuntimeError, "executor ended: %s in %s: %s", reason, name, detail);
  return -1;
}

static int violation(Link *link, const char *name, const char *what) { return end_link(link, "violation", name, what); }

/* ---- Turns ----------------------------------------------------------------------------------------------------- */

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

static int wait_reply(Link *link, int index, const char *name, pn_reply *reply) {
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

/* ---- What a library asks for during a call ---------------------------------------------------------------------- */

static int send_descriptor(Link *link, int descriptor) {
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  char byte = 0;
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  memset(&control, 0, sizeof control);
  struct cmsghdr *first = CMSG_FIRSTHDR(&message);
  first->cmsg_level = SOL_SOCKET;
  first->cmsg_type = SCM_RIGHTS;
  first->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(first), &descriptor, sizeof descriptor);
  return sendmsg(link->socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static int answer_broker(Link *link, int index, const char *name) {
  pn_broker *asked = PyMem_Malloc(sizeof *asked);
  uint64_t words[PN_WORDS] = {EACCES};
  int result = 0;

  if (asked == NULL) return PyErr_NoMemory(), -1;
  memcpy(asked, link->base + (size_t)index * link->channel_size + PN_BROKER, sizeof *asked);
  link->asked++;
  if (memchr(asked->path, 0, sizeof asked->path) == NULL || asked->call < PN_OPEN || asked->call > PN_ACCESS) {
    PyMem_Free(asked);
    return violation(link, name, "a malformed request of the broker");
  }
  PyObject *answer = link->broker ? PyObject_CallFunction(link->broker, "IIIyI", asked->call, asked->flags, asked->mode,
                                                          asked->path, asked->number)
                                  : PyLong_FromLong(-EACCES);
  PyMem_Free(asked);
  long value = answer ? PyLong_AsLong(answer) : -1;
  Py_XDECREF(answer);
  if (value == -1 && PyErr_Occurred()) {
    /* Who decides does not raise; if it does, that is a denial, and the caller hears of it after the call. */
    host_channel *channel = &link->channels[index];
    PyObject *type, *raised, *traceback;
    PyErr_Fetch(&type, &raised, &traceback);
    PyErr_NormalizeException(&type, &raised, &traceback);
    if (channel->raised == NULL) {
      channel->raised = raised;
      raised = NULL;
    }
    Py_XDECREF(type);
    Py_XDECREF(raised);
    Py_XDECREF(traceback);
    value = -EACCES;
  }
  if (value >= 0 && value <= INT_MAX - 1 && value != 0) {
    if (send_descriptor(link, (int)value) < 0) {
      close((int)value);
      return violation(link, name, "it does not take the descriptors it asked for");
    }
    close((int)value);
    words[0] = 0;
    words[1] = 1;
  } else {
    words[0] = value < 0 && value > -4096 ? (uint64_t)-value : 0;
  }
  if (!is_alive(link) && link->state != LINK_NEW) return end_link(link, "crash", name, "");
  post(link, index, PN_OP(PN_BROKER_RETURN, 0), words, 0);
  return result;
}

static void keep_exception(host_channel *channel) {
  PyObject *type, *raised, *traceback;
  PyErr_Fetch(&type, &raised, &traceback);
  PyErr_NormalizeException(&type, &raised, &traceback);
  if (traceback) PyException_SetTraceback(raised, traceback);
  if (channel->raised == NULL) {
    channel->raised = raised;
    raised = NULL;
  }
  Py_XDECREF(type);
  Py_XDECREF(raised);
  Py_XDECREF(traceback);
}

/* The usual case, without a tuple. */
static PyObject *call_plainly(const Callback *callback, const uint64_t *words) {
  PyObject *arguments[33] = {NULL}, *result = NULL;
  uint32_t made = 0;
  for (; made < callback->count; made++) {
    arguments[made + 1] = from_word(callback->arguments[made], words[made], words[made]);
    if (arguments[made + 1] == NULL) goto done;
  }
  result = PyObject_Vectorcall(callback->function, arguments + 1, callback->count | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
done:
  while (made > 0) Py_DECREF(arguments[made--]);
  return result;
}

static PyObject *call_python(const Callback *callback, const uint64_t *words) {
  if (callback->convert == NULL) return call_plainly(callback, words);
  PyObject *arguments = PyTuple_New(callback->count);
  if (arguments == NULL) return NULL;
  for (uint32_t i = 0; i < callback->count; i++) {
    PyObject *argument = from_word(callback->arguments[i], words[i], words[i]);
    if (argument == NULL) {
      Py_DECREF(arguments);
      return NULL;
    }
    PyTuple_SET_ITEM(arguments, i, argument);
  }
  PyObject *converted = PyObject_CallOneArg(callback->convert, arguments);
  Py_SETREF(arguments, converted);
  if (arguments == NULL) return NULL;
  if (!PyTuple_Check(arguments)) {
    Py_DECREF(arguments);
    PyErr_SetString(PyExc_TypeError, "convert must return a tuple");
    return NULL;
  }
  PyObject *result = PyObject_Call(callback->function, arguments, NULL);
  Py_DECREF(arguments);
  return result;
}

/* An exception cannot pass through the library's frames: the callback returns zero and the outer call raises it. */
static int answer_callback(Link *link, int index, const char *name, const pn_reply *reply) {
  host_channel *channel = &link->channels[index];
  Callback *callback = reply->aux < PN_CALLBACKS ? link->callbacks[reply->aux] : NULL;
  uint64_t words[32], answer[PN_WORDS] = {0};

  link->called_back++;
  if (callback == NULL) return violation(link, name, "a callback that was never passed");
  if (channel->depth >= PN_MAX_DEPTH) return violation(link, name, "callbacks nested too deep");
  if (callback->count > PN_WORDS) {
    const pn_block *block =
        (const pn_block *)(const void *)(link->base + (size_t)index * link->channel_size + PN_BLOCK);
    memcpy(words, block->stack, callback->count * sizeof *words);
  } else {
    words[0] = reply->integer;
    words[1] = reply->real;
    memcpy(words + 2, reply->more, sizeof reply->more);
  }
  Py_INCREF(callback);
  channel->depth++;
  /* After the first exception nothing of the host's runs any more until the call is over. */
  PyObject *result = channel->raised ? NULL : call_python(callback, words);
  int left_open = channel->ring > channel->depth;
  channel->depth--;
  if (result == NULL) {
    if (PyErr_Occurred()) keep_exception(channel);
  } else {
    if (callback->result != 'v' && to_word(callback->result, result, &answer[is_real(callback->result)]) < 0)
      keep_exception(channel);
    Py_DECREF(result);
  }
  Py_DECREF(callback);
  if (left_open) { /* it serves the ring, and would never hear that the callback is over */
    PyErr_SetString(PyExc_RuntimeError, "a callback opened a pipeline and did not finish it");
    return end_link(link, "abandoned", name, "");
  }
  if (!is_alive(link)) return end_link(link, "crash", name, "");
  if (link->timeout && deadline_of(link, channel) <= monotonic())
    return end_link(link, "timeout", name, "in a callback");
  post(link, index, PN_OP(PN_CALLBACK_RETURN, 0), answer, 0);
  return 0;
}

/* Judges one answer that has arrived.  Returns 1 if it ends the call, 0 if something was asked and answered, -1 with an
   exception. */
static int judge(Link *link, int index, const char *name, const pn_reply *reply) {
  switch (reply->status) {
    case PN_OK:
    case PN_ERROR:
      return 1;
    case PN_BROKER_ASKS:
      if (answer_broker(link, index, name) < 0) return -1;
      if (deadline_of(link, &link->channels[index]) <= monotonic()) return end_link(link, "timeout", name, "opening files");
      return 0;
    case PN_CALLBACK:
      return answer_callback(link, index, name, reply);
    case PN_READY:
    case PN_FAILED:
      if (link->state == LINK_NEW) return 1;
      /* fall through */
    default:
      return violation(link, name, "an answer of an unknown kind");
  }
}

/* Answers what was asked in the middle of a pipeline, whose end nobody has waited for yet. */
int answer_one(Link *link, int index, const char *name) {
  pn_reply reply;
  memcpy(&reply, link->base + (size_t)index * link->channel_size + PN_REPLY, sizeof reply);
  int result = judge(link, index, name, &reply);
  return result > 0 ? violation(link, name, "an end before the end") : result;
}

/* Takes turns until the call is answered.  Returns 0, or -1 with an exception. */
int finish(Link *link, int index, const char *name, pn_reply *reply) {
  int result;
  do {
    if (wait_reply(link, index, name, reply) < 0) return -1;
    result = judge(link, index, name, reply);
  } while (result == 0);
  if (reply->error > 4095) reply->error = 0;
  return result < 0 ? -1 : 0;
}

/* Raises what a callback left behind; returns whether there was anything. */
int raise_kept(host_channel *channel) {
  PyObject *raised = channel->raised;
  if (raised == NULL || channel->depth) return 0;
  channel->raised = NULL;
  PyErr_SetObject((PyObject *)Py_TYPE(raised), raised);
  Py_DECREF(raised);
  return 1;
}

int turn(Link *link, int index, uint32_t operation, const uint64_t *words, uint32_t aux, const char *name,
         pn_reply *reply) {
  host_channel *channel = &link->channels[index];
  if (channel->depth == 0) channel->deadline = 0;
  post(link, index, operation, words, aux);
  if (finish(link, index, name, reply) < 0) {
    Py_CLEAR(channel->raised);
    return -1;
  }
  uint32_t kind = PN_KIND(operation);
  if (kind == PN_CALL || kind == PN_CALL_BLOCK || kind == PN_BATCH) channel->last_error = reply->error;
  return raise_kept(channel) ? -1 : 0;
}

/* ---- Channels -------------------------------------------------------------------------------------------------- */

/* With the GIL, so plain fields do.  A thread in a callback gets the channel that it is in. */
int acquire_channel(Link *link) {
  unsigned long me = PyThread_get_thread_ident();
  int64_t deadline = 0;
  for (;;) {
    int idle = -1;
    uint32_t mine = 0;
    for (uint32_t i = 0; i < link->count; i++) {
      host_channel *channel = &link->channels[i];
      if (channel->busy && channel->thread == me) {
        mine++;
        /* A finalizer or a signal handler in the middle of a turn, or a pipeline: another one. */
        if (channel->depth == 0 || channel->ring > channel->depth) continue;
        channel->busy++;
        return (int)i;
      }
      if (!channel->busy && (idle < 0 || channel->thread == me)) idle = (int)i;
    }
    if (idle >= 0) {
      host_channel *channel = &link->channels[idle];
      channel->busy = 1;
      channel->thread = me;
      channel->used = 0;
      return idle;
    }
    if (mine == link->count) {
      PyErr_SetString(PyExc_RuntimeError, "calls into this library are under way in this thread on all of its channels");
      return -1;
    }
    if (deadline == 0) deadline = link->timeout ? monotonic() + link->timeout : INT64_MAX;
    if (monotonic() > deadline || !is_alive(link)) {
      PyErr_SetString(PyExc_TimeoutError, "all channels to the library are in use");
      return -1;
    }
    struct timespec moment = {0, 200000};
    Py_BEGIN_ALLOW_THREADS
    nanosleep(&moment, NULL);
    Py_END_ALLOW_THREADS
    if (PyErr_CheckSignals() < 0) return -1;
  }
}

void release_channel(Link *link, int index) {
  link->channels[index].busy--;
}

/* ---- The type -------------------------------------------------------------------------------------------------- */

PyObject *new_link(PyObject *module, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"channels", "arena", "heap", "timeout", "spin", "broker", "ended", NULL};
  unsigned count;
  Py_ssize_t arena, heap;
  long long timeout;
  unsigned spin;
  PyObject *broker, *ended;

  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "InnLIOO", names, &count, &arena, &heap, &timeout, &spin, &broker,
                                   &ended))
    return NULL;
  if (count < 1 || count > PN_MAX_CHANNELS || arena < 0 || heap < 0 || arena > (1l << 30) || heap > (1l << 40)) {
    PyErr_SetString(PyExc_ValueError, "channels must be 1 to 16, and sizes not negative");
    return NULL;
  }
  (void)module;
  Link *link = (Link *)LinkType.tp_alloc(&LinkType, 0);
  if (link == NULL) return NULL;
  link->memory = link->pidfd = link->socket = -1;
  link->count = count;
  link->arena_size = ((size_t)arena + 4095) & ~(size_t)4095;
  link->channel_size = PN_ARENA + link->arena_size;
  link->size = count * link->channel_size + (((size_t)heap + 4095) & ~(size_t)4095);
  link->timeout = timeout;
  link->max_spin = spin;
  for (uint32_t i = 0; i < count; i++) {
    link->channels[i].spin = spin;
    link->channels[i].yields = 1;
  }
  link->channels[0].turn = 1; /* starting it is the first request */
  link->broker = Py_NewRef(broker);
  link->ended = Py_NewRef(ended);
  link->memory = (int)syscall(SYS_memfd_create, "pycage", 1u | 2u); /* MFD_CLOEXEC | MFD_ALLOW_SEALING */
  /* Sealed before anybody else has it: a truncated mapping would be a SIGBUS in the host. */
  if (link->memory < 0 || ftruncate(link->memory, (off_t)link->size) < 0 ||
      fcntl(link->memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
    goto failed;
  link->base = mmap(NULL, link->size, PROT_READ | PROT_WRITE, MAP_SHARED, link->memory, 0);
  if (link->base == MAP_FAILED) {
    link->base = NULL;
    goto failed;
  }
  return (PyObject *)link;
failed:
  PyErr_SetFromErrno(PyExc_OSError);
  Py_DECREF(link);
  return NULL;
}

static void close_link(Link *link) {
  if (link->state == LINK_ALIVE || link->pidfd >= 0) {
    if (link->pidfd >= 0) syscall(SYS_pidfd_send_signal, link->pidfd, SIGKILL, NULL, 0);
    unwatch(link);
    if (link->pidfd >= 0) tell(link); /* other threads may wait for an answer; the watcher will not tell them any more */
  }
  link->state = LINK_ENDED;
  int *descriptors[] = {&link->memory, &link->pidfd, &link->socket};
  for (int i = 0; i < 3; i++)
    if (*descriptors[i] >= 0) {
      close(*descriptors[i]);
      *descriptors[i] = -1;
    }
}

static int link_traverse(Link *link, visitproc visit, void *arg) {
  Py_VISIT(link->broker);
  Py_VISIT(link->ended);
  for (uint32_t i = 0; i < link->count; i++) Py_VISIT(link->channels[i].raised);
  return 0;
}

static int link_clear(Link *link) {
  Py_CLEAR(link->broker);
  Py_CLEAR(link->ended);
  for (uint32_t i = 0; i < link->count; i++) Py_CLEAR(link->channels[i].raised);
  return 0;
}

static void link_dealloc(Link *link) {
  PyObject_GC_UnTrack(link);
  if (link->weak) PyObject_ClearWeakRefs((PyObject *)link);
  close_link(link);
  link_clear(link);
  for (uint32_t i = 0; i < PN_CALLBACKS; i++)
    if (link->callbacks[i]) link->callbacks[i]->link = NULL;
  if (link->base) munmap(link->base, link->size);
  Py_TYPE(link)->tp_free((PyObject *)link);
}

static int link_buffer(PyObject *self, Py_buffer *view, int flags) {
  Link *link = (Link *)self;
  return PyBuffer_FillInfo(view, self, link->base, (Py_ssize_t)link->size, 0, flags);
}

static PyObject *link_start(Link *link, PyObject *args) {
  int pidfd, socket;
  pn_reply reply;
  if (!PyArg_ParseTuple(args, "ii", &pidfd, &socket)) return NULL;
  if (link->pidfd >= 0 || link->state != LINK_NEW) {
    PyErr_SetString(PyExc_RuntimeError, "this link has an executor already");
    return NULL;
  }
  link->pidfd = pidfd;
  link->socket = socket;
  close(link->memory);
  link->memory = -1;
  if (watch(link) < 0) return PyErr_SetFromErrno(PyExc_OSError);
  link->channels[0].busy = 1;
  link->channels[0].thread = PyThread_get_thread_ident();
  int result = finish(link, 0, "loading", &reply);
  link->channels[0].busy = 0;
  link->channels[0].deadline = 0;
  PyObject *raised = link->channels[0].raised;
  link->channels[0].raised = NULL;
  if (result < 0 || reply.status != PN_READY) {
    link->state = LINK_ENDED;
    if (result == 0 && raised == NULL) return PyBool_FromLong(0);
  } else if (raised == NULL) {
    link->state = LINK_ALIVE;
    link->remote = reply.integer;
    Py_RETURN_TRUE;
  }
  if (raised) {
    link->state = LINK_ENDED;
    if (!PyErr_Occurred()) PyErr_SetObject((PyObject *)Py_TYPE(raised), raised);
    Py_DECREF(raised);
  }
  return NULL;
}

static PyObject *link_call(Link *link, PyObject *args) {
  int index;
  unsigned operation, aux;
  PyObject *words_in;
  const char *name;
  uint64_t words[PN_WORDS] = {0};
  pn_reply reply;
  if (!PyArg_ParseTuple(args, "iIO!Is", &index, &operation, &PyTuple_Type, &words_in, &aux, &name)) return NULL;
  if (index < 0 || (uint32_t)index >= link->count || !link->channels[index].busy || link->state == LINK_NEW) {
    PyErr_SetString(PyExc_RuntimeError, "not a channel of a running executor");
    return NULL;
  }
  if (!is_alive(link)) { /* it has ended since it was asked for */
    end_link(link, "crash", name, "");
    return NULL;
  }
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(words_in) && i < (Py_ssize_t)PN_WORDS; i++) {
    words[i] = PyLong_AsUnsignedLongLongMask(PyTuple_GET_ITEM(words_in, i));
    if (words[i] == (uint64_t)-1 && PyErr_Occurred()) return NULL;
  }
  if (turn(link, index, operation, words, aux, name, &reply) < 0) return NULL;
  return Py_BuildValue("IKKIKKKK", reply.status, (unsigned long long)reply.integer, (unsigned long long)reply.real,
                       reply.error, (unsigned long long)reply.more[0], (unsigned long long)reply.more[1],
                       (unsigned long long)reply.more[2], (unsigned long long)reply.more[3]);
}

static PyObject *link_acquire(Link *link, PyObject *unused) {
  (void)unused;
  int index = acquire_channel(link);
  return index < 0 ? NULL : PyLong_FromLong(index);
}

static PyObject *link_release(Link *link, PyObject *value) {
  long index = PyLong_AsLong(value);
  if (index < 0 || index >= (long)link->count || !link->channels[index].busy) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_RuntimeError, "not an acquired channel");
    return NULL;
  }
  release_channel(link, (int)index);
  Py_RETURN_NONE;
}

static PyObject *link_reserve(Link *link, PyObject *args) {
  int index;
  Py_ssize_t size;
  if (!PyArg_ParseTuple(args, "in", &index, &size)) return NULL;
  if (index < 0 || (uint32_t)index >= link->count || size < 0) {
    PyErr_SetString(PyExc_ValueError, "no such channel");
    return NULL;
  }
  host_channel *channel = &link->channels[index];
  size_t start = (channel->used + 63u) & ~63u;
  if (start + (size_t)size > link->arena_size) {
    PyErr_Format(PyExc_MemoryError, "%zd bytes do not fit into the arena of %zu; use buffer() or load(arena=...)", size,
                 link->arena_size);
    return NULL;
  }
  channel->used = (uint32_t)(start + (size_t)size);
  return PyLong_FromSize_t((size_t)index * link->channel_size + PN_ARENA + start);
}

static PyObject *link_mark(Link *link, PyObject *args) {
  int index;
  long long to = -1;
  if (!PyArg_ParseTuple(args, "i|L", &index, &to)) return NULL;
  if (index < 0 || (uint32_t)index >= link->count) {
    PyErr_SetString(PyExc_ValueError, "no such channel");
    return NULL;
  }
  if (to >= 0 && to <= link->channels[index].used) link->channels[index].used = (uint32_t)to;
  return PyLong_FromUnsignedLong(link->channels[index].used);
}

static PyObject *link_close(Link *link, PyObject *unused) {
  (void)unused;
  close_link(link);
  Py_RETURN_NONE;
}

static PyObject *link_alive(Link *link, void *unused) {
  (void)unused;
  return PyBool_FromLong(is_alive(link));
}

static PyObject *link_errno(Link *link, void *unused) {
  (void)unused;
  unsigned long me = PyThread_get_thread_ident();
  for (uint32_t i = 0; i < link->count; i++)
    if (link->channels[i].thread == me) return PyLong_FromUnsignedLong(link->channels[i].last_error);
  return PyLong_FromLong(0);
}

static PyObject *link_stats(Link *link, void *unused) {
  (void)unused;
  return Py_BuildValue("{sKsKsKsK}", "calls", (unsigned long long)link->calls, "sleeps",
                       (unsigned long long)link->sleeps, "asked", (unsigned long long)link->asked, "callbacks",
                       (unsigned long long)link->called_back);
}

static PyMethodDef link_methods[] = {
    {"start", (PyCFunction)link_start, METH_VARARGS, "start(pidfd, socket) -> whether set-up succeeded"},
    {"call", (PyCFunction)link_call, METH_VARARGS, "call(channel, operation, words, aux, name) -> reply"},
    {"acquire", (PyCFunction)link_acquire, METH_NOARGS, "acquire() -> channel"},
    {"release", (PyCFunction)link_release, METH_O, "release(channel)"},
    {"reserve", (PyCFunction)link_reserve, METH_VARARGS, "reserve(channel, size) -> offset in the memory"},
    {"mark", (PyCFunction)link_mark, METH_VARARGS, "mark(channel, [to]) -> bytes of the arena in use"},
    {"close", (PyCFunction)link_close, METH_NOARGS, "close(): kill the executor"},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef link_members[] = {
    {"memory", T_INT, offsetof(Link, memory), READONLY, "the descriptor of the memory, until start()"},
    {"size", T_PYSSIZET, offsetof(Link, size), READONLY, "bytes of the memory"},
    {"channel_size", T_PYSSIZET, offsetof(Link, channel_size), READONLY, "bytes of one channel"},
    {"channels", T_UINT, offsetof(Link, count), READONLY, "number of channels"},
    {"remote", T_ULONGLONG, offsetof(Link, remote), READONLY, "where the memory is in the executor"},
    {"timeout", T_LONGLONG, offsetof(Link, timeout), 0, "ns for one outermost call; 0: none"},
    {"spin", T_UINT, offsetof(Link, max_spin), 0, "pauses to spin at most"},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Link, weak), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef link_getset[] = {
    {"alive", (getter)link_alive, NULL, "whether the executor runs", NULL},
    {"errno", (getter)link_errno, NULL, "errno of the last call of this thread", NULL},
    {"stats", (getter)link_stats, NULL, "counters", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyBufferProcs link_as_buffer = {link_buffer, NULL};

PyTypeObject LinkType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pycage_native._channel.Link",
    .tp_basicsize = sizeof(Link),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "The memory shared with one executor, and the turns taken over it.",
    .tp_dealloc = (destructor)link_dealloc,
    .tp_traverse = (traverseproc)link_traverse,
    .tp_clear = (inquiry)link_clear,
    .tp_methods = link_methods,
    .tp_members = link_members,
    .tp_getset = link_getset,
    .tp_as_buffer = &link_as_buffer,
    .tp_weaklistoffset = offsetof(Link, weak),
};

/* ---- Callbacks ------------------------------------------------------------------------------------------------- */

PyObject *new_callback(PyObject *module, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"link", "function", "result", "arguments", "convert", NULL};
  Link *link;
  PyObject *function, *convert = Py_None;
  int result;
  const char *codes;
  Py_ssize_t count;
  uint32_t slot = 0;

  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!OCs#|O", names, &LinkType, &link, &function, &result, &codes, &count,
                                   &convert))
    return NULL;
  while (slot < PN_CALLBACKS && link->callbacks[slot]) slot++;
  if (slot == PN_CALLBACKS || count > 32) {
    PyErr_SetString(PyExc_ValueError, "a library can have 64 callbacks at a time, of 32 arguments");
    return NULL;
  }
  for (Py_ssize_t i = 0; i < count; i++)
    if (!is_code(codes[i]) || codes[i] == 'v') {
      PyErr_SetString(PyExc_ValueError, "an argument of a callback has no such type");
      return NULL;
    }
  (void)module;
  Callback *callback = (Callback *)CallbackType.tp_alloc(&CallbackType, 0);
  if (callback == NULL) return NULL;
  callback->link = link;
  callback->slot = slot;
  callback->function = Py_NewRef(function);
  callback->convert = convert == Py_None ? NULL : Py_NewRef(convert);
  callback->count = (uint32_t)count;
  callback->result = (char)result;
  memcpy(callback->arguments, codes, (size_t)count);
  link->callbacks[slot] = callback;
  return (PyObject *)callback;
}

static int callback_traverse(Callback *callback, visitproc visit, void *arg) {
  Py_VISIT(callback->function);
  Py_VISIT(callback->convert);
  return 0;
}

static int callback_clear(Callback *callback) {
  if (callback->link && callback->link->callbacks[callback->slot] == callback)
    callback->link->callbacks[callback->slot] = NULL;
  callback->link = NULL;
  Py_CLEAR(callback->function);
  Py_CLEAR(callback->convert);
  return 0;
}

static void callback_dealloc(Callback *callback) {
  PyObject_GC_UnTrack(callback);
  callback_clear(callback);
  Py_TYPE(callback)->tp_free((PyObject *)callback);
}

static PyMemberDef callback_members[] = {
    {"slot", T_UINT, offsetof(Callback, slot), READONLY, "its number"},
    {NULL, 0, 0, 0, NULL},
};

PyTypeObject CallbackType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pycage_native._channel.Callback",
    .tp_basicsize = sizeof(Callback),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "A Python function that the library may call, for as long as this object lives.",
    .tp_dealloc = (destructor)callback_dealloc,
    .tp_traverse = (traverseproc)callback_traverse,
    .tp_clear = (inquiry)callback_clear,
    .tp_members = callback_members,
};
