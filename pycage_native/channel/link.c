/* A Link: the memory shared with one executor, and who uses its channels. */

#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <structmember.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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
