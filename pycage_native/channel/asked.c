/* What a library asks for during a call: files of the broker, Python functions. */

#include "channel.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* What the callback's result is in the registers: of the code 'S', a structure, its bytes are all of them, in the order of
   a request's words. */
static int answer_words(char code, PyObject *result, uint64_t *answer) {
  if (code == 'v') return 0;
  if (code != 'S') return to_word(code, result, &answer[is_real(code)]);
  if (!PyBytes_CheckExact(result) || PyBytes_GET_SIZE(result) != (Py_ssize_t)(PN_WORDS * sizeof *answer)) {
    PyErr_Format(PyExc_TypeError, "a structure must be returned as %zu bytes of registers", PN_WORDS * sizeof *answer);
    return -1;
  }
  memcpy(answer, PyBytes_AS_STRING(result), PN_WORDS * sizeof *answer);
  return 0;
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
    if (answer_words(callback->result, result, answer) < 0) keep_exception(channel);
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
