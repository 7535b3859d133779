/* A Pipeline: calls are posted to a ring and not waited for; their results are collected at the end.

   It has a channel for itself until it is finished or given up. */

#include "channel.h"

#include <string.h>
#include <stddef.h>
#include <time.h>

typedef struct {
  PyObject_HEAD
  vectorcallfunc vectorcall;
  Function *function;
  Link *link;
  int index;   /* of the channel; -1: finished */
  int running; /* a turn is under way; a callback or another thread must not finish it meanwhile */
  uint32_t posted, collected;
  PyObject *results;
} Pipeline;

static volatile pn_slot *slot_of(const Pipeline *pipeline, uint32_t number) {
  return (volatile pn_slot *)(void *)(pipeline->link->base + (size_t)pipeline->index * pipeline->link->channel_size +
                                      PN_RING) +
         number % PN_RING_SLOTS;
}

/* Takes the results that are there.  What the executor says of its progress is a number between ours, or a lie. */
static int collect(Pipeline *pipeline, uint32_t until) {
  const Function *function = pipeline->function;
  if (until - pipeline->collected > pipeline->posted - pipeline->collected)
    return end_link(pipeline->link, "violation", PyUnicode_AsUTF8(function->name), "more results than calls");
  while (pipeline->collected != until) {
    uint64_t word = slot_of(pipeline, pipeline->collected)->result;
    PyObject *value = from_word(function->result, word, word);
    if (value == NULL || PyList_Append(pipeline->results, value) < 0) {
      Py_XDECREF(value);
      return -1;
    }
    Py_DECREF(value);
    pipeline->collected++;
  }
  return 0;
}

static void give_up(Pipeline *pipeline) {
  if (pipeline->index < 0) return;
  pipeline->link->channels[pipeline->index].ring = 0;
  release_channel(pipeline->link, pipeline->index);
  pipeline->index = -1;
}

/* Returns 0 if this thread may take turns now, or -1 with an exception. */
static int enter(Pipeline *pipeline) {
  if (pipeline->index < 0 || pipeline->running || pipeline->results == NULL) {
    PyErr_SetString(PyExc_RuntimeError, pipeline->index < 0 ? "this pipeline is finished"
                                                            : "this pipeline is in use, by a callback or another thread");
    return -1;
  }
  if (!is_alive(pipeline->link)) {
    give_up(pipeline);
    return end_link(pipeline->link, "crash", PyUnicode_AsUTF8(pipeline->function->name), "");
  }
  pipeline->running = 1;
  pipeline->link->channels[pipeline->index].thread = PyThread_get_thread_ident();
  return 0;
}

/* A call that asks for something (a callback, a file) holds up the ring, so it is answered here. */
static int make_room(Pipeline *pipeline) {
  Link *link = pipeline->link;
  host_channel *channel = &link->channels[pipeline->index];
  const char *name = PyUnicode_AsUTF8(pipeline->function->name);
  _Atomic uint32_t *done = word_at(link, pipeline->index, PN_RING_DONE);
  _Atomic uint32_t *sequence = word_at(link, pipeline->index, PN_REPLY);

  for (uint32_t spins = link->max_spin;;) {
    if (atomic_load(done) != pipeline->collected) return collect(pipeline, atomic_load(done));
    if (atomic_load_explicit(sequence, memory_order_acquire) == channel->turn) {
      if (answer_one(link, pipeline->index, name) < 0) return -1;
      continue;
    }
    if (!is_alive(link)) return end_link(link, "crash", name, "");
    if (spins-- > 0) {
      pause_cpu();
      continue;
    }
    spins = 0;
    if (deadline_of(link, channel) <= monotonic()) return end_link(link, "timeout", name, "");
    struct timespec moment = {0, 50000};
    Py_BEGIN_ALLOW_THREADS
    nanosleep(&moment, NULL);
    Py_END_ALLOW_THREADS
    if (PyErr_CheckSignals() < 0) return end_link(link, "interrupted", name, "");
  }
}

static int put(Pipeline *pipeline, uint32_t operation, const uint64_t *words) {
  Link *link = pipeline->link;
  while (pipeline->posted - pipeline->collected == PN_RING_SLOTS)
    if (make_room(pipeline) < 0) return -1;
  volatile pn_slot *slot = slot_of(pipeline, pipeline->posted);
  slot->operation = operation;
  slot->status = (uint32_t)is_real(pipeline->function->result);
  for (unsigned i = 0; i < PN_WORDS; i++) slot->words[i] = words ? words[i] : 0;
  _Atomic uint32_t *head = word_at(link, pipeline->index, PN_RING_HEAD);
  atomic_exchange(head, ++pipeline->posted);
  if (atomic_load(word_at(link, pipeline->index, PN_EXECUTOR_SLEEPS))) wake(head);
  return 0;
}

static PyObject *pipeline_call(PyObject *self, PyObject *const *args, size_t flagged, PyObject *keywords) {
  Pipeline *pipeline = (Pipeline *)self;
  const Function *function = pipeline->function;
  Py_ssize_t count = PyVectorcall_NARGS(flagged);
  uint64_t words[PN_WORDS] = {0};

  if ((keywords && PyTuple_GET_SIZE(keywords)) || count != (Py_ssize_t)function->count) {
    PyErr_Format(PyExc_TypeError, "%U() takes %u arguments and no keywords (%zd given)", function->name, function->count,
                 count);
    return NULL;
  }
  /* For each call anew: a permission may have gone since the pipeline was opened, or somebody else may hold it now. */
  if (function->gate != Py_None && ask_gate(function) < 0) return NULL;
  for (uint32_t i = 0; i < function->count; i++)
    if (to_word(function->arguments[i], args[i], &words[i]) < 0) return NULL;
  /* After the arguments' own code, which may have finished it. */
  if (enter(pipeline) < 0) return NULL;
  int failed = put(pipeline, PN_OP(PN_CALL, function->index), words) < 0;
  pipeline->running = 0;
  if (failed) {
    give_up(pipeline);
    return NULL;
  }
  pipeline->link->calls++;
  Py_RETURN_NONE;
}

static PyObject *pipeline_finish(Pipeline *pipeline, PyObject *unused) {
  pn_reply reply;
  (void)unused;
  if (pipeline->index >= 0) {
    if (enter(pipeline) < 0) return NULL;
    Link *link = pipeline->link;
    host_channel *channel = &link->channels[pipeline->index];
    uint32_t calls = pipeline->posted;
    int failed = put(pipeline, PN_RING_END, NULL) < 0 ||
                 finish(link, pipeline->index, PyUnicode_AsUTF8(pipeline->function->name), &reply) < 0 ||
                 collect(pipeline, calls) < 0;
    if (failed) Py_CLEAR(channel->raised);
    failed = failed || raise_kept(channel);
    pipeline->running = 0;
    give_up(pipeline);
    if (failed) return NULL;
  }
  if (pipeline->results == NULL) {
    PyErr_SetString(PyExc_RuntimeError, "this pipeline is gone");
    return NULL;
  }
  return Py_NewRef(pipeline->results);
}

static PyObject *pipeline_enter(PyObject *self, PyObject *unused) {
  (void)unused;
  return Py_NewRef(self);
}

static PyObject *pipeline_exit(Pipeline *pipeline, PyObject *args) {
  (void)args;
  PyObject *results = pipeline_finish(pipeline, NULL);
  if (results == NULL) return NULL;
  Py_DECREF(results);
  Py_RETURN_NONE;
}

PyObject *new_pipeline(Function *function, PyObject *unused) {
  (void)unused;
  if (!takes_numbers(function)) {
    PyErr_Format(PyExc_TypeError, "%U: pipeline() is for functions of up to 6 numbers that return a number or nothing",
                 function->name);
    return NULL;
  }
  if (function->gate != Py_None && ask_gate(function) < 0) return NULL;
  Link *link = (Link *)Py_XNewRef((PyObject *)link_of(function));
  if (link == NULL) return NULL;
  Pipeline *pipeline = PyObject_GC_New(Pipeline, &PipelineType);
  if (pipeline == NULL) {
    Py_DECREF(link);
    return NULL;
  }
  pipeline->vectorcall = pipeline_call;
  pipeline->function = (Function *)Py_NewRef((PyObject *)function);
  pipeline->link = link;
  pipeline->running = 0;
  pipeline->posted = pipeline->collected = 0;
  pipeline->results = PyList_New(0);
  pipeline->index = pipeline->results ? acquire_channel(link) : -1;
  if (pipeline->index >= 0 && link->channels[pipeline->index].ring) { /* a channel has one ring */
    release_channel(link, pipeline->index);
    pipeline->index = -1;
    PyErr_SetString(PyExc_RuntimeError, "a callback of a pipeline cannot open another one");
  }
  PyObject_GC_Track(pipeline);
  if (pipeline->index < 0) {
    Py_DECREF(pipeline);
    return NULL;
  }
  host_channel *channel = &link->channels[pipeline->index];
  channel->ring = channel->depth + 1;
  if (channel->depth == 0) channel->deadline = 0;
  atomic_store(word_at(link, pipeline->index, PN_RING_HEAD), 0);
  atomic_store(word_at(link, pipeline->index, PN_RING_DONE), 0);
  channel->together = 0; /* a ring is filled without waiting: the other side had better not fall asleep after each call */
  post(link, pipeline->index, PN_OP(PN_SERVE_RING, 0), NULL, 0);
  return (PyObject *)pipeline;
}

static int pipeline_traverse(Pipeline *pipeline, visitproc visit, void *arg) {
  Py_VISIT(pipeline->function);
  Py_VISIT(pipeline->link);
  Py_VISIT(pipeline->results);
  return 0;
}

static int pipeline_clear(Pipeline *pipeline) {
  Py_CLEAR(pipeline->results);
  return 0;
}

static void pipeline_dealloc(Pipeline *pipeline) {
  PyObject_GC_UnTrack(pipeline);
  if (pipeline->index >= 0) {
    /* Nobody waits for it any more, but its channel is out of step: the executor has to go. */
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    end_link(pipeline->link, "abandoned", "pipeline", "");
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    give_up(pipeline);
  }
  pipeline_clear(pipeline);
  Py_CLEAR(pipeline->function);
  Py_CLEAR(pipeline->link);
  PyObject_GC_Del(pipeline);
}

static PyMethodDef pipeline_methods[] = {
    {"finish", (PyCFunction)pipeline_finish, METH_NOARGS, "finish() -> list of all results, in the order of the calls"},
    {"__enter__", pipeline_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)pipeline_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

PyTypeObject PipelineType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pycage_native._channel.Pipeline",
    .tp_basicsize = sizeof(Pipeline),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
                Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "Calls of one function that are not waited for; see Function.pipeline().",
    .tp_dealloc = (destructor)pipeline_dealloc,
    .tp_traverse = (traverseproc)pipeline_traverse,
    .tp_clear = (inquiry)pipeline_clear,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(Pipeline, vectorcall),
    .tp_methods = pipeline_methods,
};
