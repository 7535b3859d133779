/* Many calls at once: the arguments of all lie in the arena, and one turn does them. */

#include "channel.h"

#include <string.h>

typedef struct {
  PyObject *sequence; /* a list or tuple, or NULL */
  Py_buffer view;
  char format;
} column;

static char format_of(const Py_buffer *view) {
  const char *format = view->format ? view->format : "B";
  if (*format == '@' || *format == '=') format++;
  if (format[0] == '\0' || format[1] != '\0') return 0;
  if (format[0] == 'l') return 'q';
  if (format[0] == 'L') return 'Q';
  return format[0];
}

static int open_column(PyObject *values, column *into, Py_ssize_t *count) {
  memset(into, 0, sizeof *into);
  if (PyObject_CheckBuffer(values) && !PyBytes_Check(values)) {
    if (PyObject_GetBuffer(values, &into->view, PyBUF_FORMAT | PyBUF_ND | PyBUF_STRIDES) < 0) return -1;
    into->format = format_of(&into->view);
    if (into->view.ndim == 1 && into->format) {
      *count = into->view.shape[0];
      return 0;
    }
    PyBuffer_Release(&into->view);
    memset(into, 0, sizeof *into);
  }
  into->sequence = PySequence_Fast(values, "each argument of map() must be a sequence");
  if (into->sequence == NULL) return -1;
  *count = PySequence_Fast_GET_SIZE(into->sequence);
  return 0;
}

static void close_column(column *values) {
  if (values->view.obj) PyBuffer_Release(&values->view);
  Py_CLEAR(values->sequence);
}

static PyObject *item_of_view(const column *values, const char *item) {
  uint64_t bits = 0;
  int width = width_of(values->format);
  if (width == 0 || width != values->view.itemsize || strchr("uPp", values->format)) {
    PyErr_Format(PyExc_TypeError, "map() cannot read items of the format %c", values->format);
    return NULL;
  }
  memcpy(&bits, item, (size_t)width);
  return from_word(values->format, bits, bits);
}

static int fill_column(const column *values, char code, Py_ssize_t from, Py_ssize_t count, volatile uint64_t *words,
                       uint32_t stride) {
  int same = values->format == code && (code == 'd' || code == 'q' || code == 'Q');
  const char *item = (const char *)values->view.buf;
  Py_ssize_t step = values->view.buf ? values->view.strides[0] : 0;
  for (Py_ssize_t i = 0; i < count; i++) {
    uint64_t word = 0;
    if (values->view.buf && same) {
      memcpy(&word, item + (from + i) * step, 8);
    } else {
      PyObject *value;
      if (values->view.buf) {
        value = item_of_view(values, item + (from + i) * step);
      } else if (from + i < PySequence_Fast_GET_SIZE(values->sequence)) {
        value = Py_NewRef(PySequence_Fast_GET_ITEM(values->sequence, from + i));
      } else { /* a list that its items' own code made shorter */
        PyErr_SetString(PyExc_RuntimeError, "a sequence changed its size during map()");
        return -1;
      }
      int failed = value == NULL || to_word(code, value, &word) < 0;
      Py_XDECREF(value);
      if (failed) return -1;
    }
    words[(size_t)i * stride] = word;
  }
  return 0;
}

static int store_results(const Function *function, Py_ssize_t from, Py_ssize_t count, const volatile uint64_t *words,
                         PyObject *list, const column *out) {
  size_t size = out ? (size_t)out->view.itemsize : 0;
  if (size == 8 && out->view.strides[0] == 8) {
    memcpy((char *)out->view.buf + from * 8, (const void *)words, (size_t)count * 8);
    return 0;
  }
  for (Py_ssize_t i = 0; i < count; i++) {
    uint64_t word = words[i]; /* once */
    if (out) {
      memcpy((char *)out->view.buf + (from + i) * out->view.strides[0], &word, size);
      continue;
    }
    PyObject *value = from_word(function->result, word, word);
    if (value == NULL) return -1;
    PyList_SET_ITEM(list, from + i, value);
  }
  return 0;
}

static PyObject *map_all(Function *function, Link *link, column *columns, Py_ssize_t total, const column *out) {
  const char *name = PyUnicode_AsUTF8(function->name);
  PyObject *list = out ? Py_NewRef(Py_None) : PyList_New(total), *result = NULL;
  int index = list ? acquire_channel(link) : -1;
  if (index < 0) {
    Py_XDECREF(list);
    return NULL;
  }
  host_channel *channel = &link->channels[index];
  uint32_t used = channel->used, start = (used + 63u) & ~63u;
  Py_ssize_t chunk = start < link->arena_size ? (Py_ssize_t)((link->arena_size - start) / (8 * (function->count + 1))) : 0;
  if (chunk < 1) {
    PyErr_SetString(PyExc_MemoryError, "the arena is too small for map(); use load(arena=...)");
    goto done;
  }
  for (Py_ssize_t from = 0; from < total; from += chunk) {
    Py_ssize_t count = total - from < chunk ? total - from : chunk;
    uint32_t results = start + 8 * function->count * (uint32_t)count;
    uint64_t words[PN_WORDS] = {(uint64_t)count, PN_ARENA + results, function->count, (uint64_t)is_real(function->result)};
    pn_reply reply;
    volatile uint64_t *block = (volatile uint64_t *)(void *)(arena_of(link, index) + start);
    channel->used = results + 8 * (uint32_t)count; /* calls made by the items' own code go behind it */
    for (uint32_t i = 0; i < function->count; i++)
      if (fill_column(&columns[i], function->arguments[i], from, count, block + i, function->count) < 0) goto done;
    link->calls += (uint64_t)count;
    if (turn(link, index, PN_OP(PN_BATCH, function->index), words, (uint32_t)(PN_ARENA + start), name, &reply) < 0)
      goto done;
    if (store_results(function, from, count, block + (size_t)function->count * (size_t)count, list, out) < 0) goto done;
  }
  result = Py_NewRef(list);
done:
  channel->used = used;
  release_channel(link, index);
  Py_DECREF(list);
  return result;
}

PyObject *function_map(Function *function, PyObject *args, PyObject *kwargs) {
  column columns[PN_WORDS], out;
  Py_ssize_t total = PY_SSIZE_T_MAX, given = PyTuple_GET_SIZE(args);
  PyObject *target = kwargs ? PyDict_GetItemString(kwargs, "out") : NULL, *result = NULL;
  uint32_t opened = 0;

  memset(&out, 0, sizeof out);
  if (kwargs && PyDict_GET_SIZE(kwargs) != (target != NULL)) {
    PyErr_SetString(PyExc_TypeError, "map() takes sequences and out=");
    return NULL;
  }
  if (!takes_numbers(function) || function->count == 0) {
    PyErr_Format(PyExc_TypeError, "%U: map() is for functions of 1 to 6 numbers that return a number", function->name);
    return NULL;
  }
  if (given != (Py_ssize_t)function->count) {
    PyErr_Format(PyExc_TypeError, "%U.map() takes %u sequences (%zd given)", function->name, function->count, given);
    return NULL;
  }
  if (function->gate != Py_None && ask_gate(function) < 0) return NULL;
  Link *link = link_of(function);
  if (link == NULL) return NULL;
  Py_INCREF(link);
  for (; opened < function->count; opened++) {
    Py_ssize_t count;
    if (open_column(PyTuple_GET_ITEM(args, opened), &columns[opened], &count) < 0) goto done;
    if (count < total) total = count;
  }
  if (target && target != Py_None) {
    if (PyObject_GetBuffer(target, &out.view, PyBUF_FORMAT | PyBUF_ND | PyBUF_STRIDES | PyBUF_WRITABLE) < 0) goto done;
    if (out.view.ndim != 1 || format_of(&out.view) != function->result || out.view.shape[0] < total) {
      PyErr_Format(PyExc_ValueError, "out must be a writable buffer of at least %zd items of the format %c", total,
                   function->result);
      goto done;
    }
  }
  result = map_all(function, link, columns, total, out.view.obj ? &out : NULL);
done:
  for (uint32_t i = 0; i < opened; i++) close_column(&columns[i]);
  if (out.view.obj) PyBuffer_Release(&out.view);
  Py_DECREF(link);
  return result;
}
