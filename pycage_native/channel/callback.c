/* A Callback: a Python function that a library may call. */

#include "channel.h"

#include <string.h>
#include <structmember.h>

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
  if (!is_code((char)result) && result != 'S') {
    PyErr_SetString(PyExc_ValueError, "the result of a callback has no such type");
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
