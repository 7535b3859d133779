/* A Function: one bound symbol.  Called with scalars and byte strings it does everything here; whatever needs more goes
   to a Python function, which takes its turns over the Link. */

#include "channel.h"

#include <string.h>
#include <structmember.h>

Link *link_of(Function *function) {
  if (Py_IS_TYPE(function->link, &LinkType) && is_alive((Link *)function->link)) return (Link *)function->link;
  if (function->renew == Py_None) {
    PyErr_Format(PyExc_RuntimeError, "%U has no executor", function->name);
    return NULL;
  }
  PyObject *result = PyObject_CallNoArgs(function->renew);
  if (result == NULL) return NULL;
  Py_DECREF(result);
  if (Py_IS_TYPE(function->link, &LinkType) && is_alive((Link *)function->link)) return (Link *)function->link;
  PyErr_Format(PyExc_RuntimeError, "%U has no executor", function->name);
  return NULL;
}

/* Returns 0 if a call may be made now, or -1 with an exception. */
int ask_gate(const Function *function) {
  int needed = 1;
  if (function->when != Py_None) {
    PyObject *found = PyObject_CallNoArgs(function->when);
    if (found == NULL) return -1;
    needed = PyObject_IsTrue(found);
    Py_DECREF(found);
    if (needed < 0) return -1;
  }
  PyObject *passed = needed ? PyObject_CallNoArgs(function->gate) : Py_NewRef(Py_None);
  Py_XDECREF(passed);
  return passed ? 0 : -1;
}

/* Bytes go to the arena, with a NUL behind them. */
static int text_word(Link *link, int index, PyObject *value, uint64_t *word) {
  host_channel *channel = &link->channels[index];
  if (value == Py_None) {
    *word = 0;
    return 0;
  }
  if (!PyBytes_Check(value)) {
    PyErr_Format(PyExc_TypeError, "bytes or None expected, not %s; encode a str first", Py_TYPE(value)->tp_name);
    return -1;
  }
  size_t size = (size_t)PyBytes_GET_SIZE(value), start = (channel->used + 63u) & ~(size_t)63;
  if (memchr(PyBytes_AS_STRING(value), 0, size)) {
    PyErr_SetString(PyExc_ValueError, "embedded null byte; pass a buffer for data that contains zeros");
    return -1;
  }
  if (start + size + 1 > link->arena_size) {
    PyErr_Format(PyExc_MemoryError, "%zu bytes do not fit into the arena of %zu; use buffer() or load(arena=...)", size,
                 link->arena_size);
    return -1;
  }
  memcpy(arena_of(link, index) + start, PyBytes_AS_STRING(value), size + 1);
  channel->used = (uint32_t)(start + size + 1);
  *word = link->remote + (uint64_t)(arena_of(link, index) - link->base) + start;
  return 0;
}

static PyObject *text_result(Link *link, int index, uint64_t address, const char *name) {
  host_channel *channel = &link->channels[index];
  uint32_t start = (channel->used + 63u) & ~63u;
  if (address == 0) Py_RETURN_NONE;
  if (start >= link->arena_size) start = 0;
  size_t room = link->arena_size - start;
  uint64_t words[PN_WORDS] = {address, room, 1};
  pn_reply reply;
  if (turn(link, index, PN_OP(PN_READ, 0), words, (uint32_t)(PN_ARENA + start), name, &reply) < 0) return NULL;
  if (reply.integer >= room) { /* never cut silently: what is missing may be what matters */
    PyErr_Format(PyExc_ValueError, "%s returned a string of more than %zu bytes", name, room - 1);
    return NULL;
  }
  return PyBytes_FromStringAndSize(arena_of(link, index) + start, (Py_ssize_t)reply.integer);
}

/* Says which argument it was. */
static void argument_error(const Function *function, uint32_t position) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (type == PyExc_TypeError || type == PyExc_OverflowError || type == PyExc_ValueError || type == PyExc_MemoryError)
    PyErr_Format(type, "%U() argument %u: %S", function->name, position + 1, value);
  else
    PyErr_Restore(Py_NewRef(type), Py_NewRef(value), Py_XNewRef(traceback));
  Py_DECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(traceback);
}

static int argument_word(Link *link, int index, char code, PyObject *value, uint64_t *word) {
  if (code == 'z') return text_word(link, index, value, word);
  if ((code == 'P' || code == 'p') && address_word(value, link, word)) return 0;
  return to_word(code, value, word);
}

/* Whether its conversion runs no code of anybody's: what does is converted before a channel is taken, by the slow way. */
static int is_plain(PyObject *value) {
  return value == Py_None || PyLong_Check(value) || PyFloat_Check(value) || PyBytes_Check(value) ||
         PyUnicode_Check(value) || PyObject_TypeCheck(value, &AddressType);
}

/* `unsuited` is set, without an exception, if an argument is not a plain number or string: the slow way may know it. */
static PyObject *call_fast(Function *function, Link *link, PyObject *const *args, int *unsuited) {
  uint64_t words[PN_WORDS];
  pn_reply reply;
  const char *name = PyUnicode_AsUTF8(function->name);
  int index = acquire_channel(link);
  PyObject *result = NULL;
  int wrapped = 0;

  if (index < 0) return NULL;
  uint32_t used = link->channels[index].used;
  for (uint32_t i = 0; i < function->count; i++) {
    if (function->slow != Py_None && !is_plain(args[i])) {
      *unsuited = 1;
      goto done;
    }
    if (argument_word(link, index, function->arguments[i], args[i], &words[i]) < 0) {
      if (function->slow != Py_None && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();
        *unsuited = 1;
      } else {
        argument_error(function, i);
      }
      goto done;
    }
  }
  for (uint32_t i = function->count; i < PN_WORDS; i++) words[i] = 0;
  link->calls++;
  if (turn(link, index, PN_OP(PN_CALL, function->index), words, 0, name, &reply) < 0) goto done;
  if (reply.status != PN_OK) {
    PyErr_Format(PyExc_RuntimeError, "%U could not be called: error %u", function->name, reply.error);
    goto done;
  }
  if (function->result == 'z')
    result = text_result(link, index, reply.integer, name);
  else if (function->result == 'P' && function->wrap != Py_None)
    wrapped = 1;
  else
    result = from_word(function->result, reply.integer, reply.real);
done:
  link->channels[index].used = used;
  release_channel(link, index);
  /* It may take turns of its own. */
  if (wrapped)
    result = PyObject_CallFunction(function->wrap, "OK", (PyObject *)link, (unsigned long long)reply.integer);
  return result;
}

static PyObject *call_slow(Function *function, PyObject *const *args, size_t count) {
  PyObject *all = PyTuple_New((Py_ssize_t)count), *result = NULL;
  for (size_t i = 0; all && i < count; i++) PyTuple_SET_ITEM(all, (Py_ssize_t)i, Py_NewRef(args[i]));
  if (all) result = PyObject_CallFunctionObjArgs(function->slow, (PyObject *)function, all, NULL);
  Py_XDECREF(all);
  return result;
}

static PyObject *function_call(PyObject *self, PyObject *const *args, size_t flagged, PyObject *keywords) {
  Function *function = (Function *)self;
  size_t count = (size_t)PyVectorcall_NARGS(flagged);
  Link *link;

  if (keywords && PyTuple_GET_SIZE(keywords)) {
    PyErr_Format(PyExc_TypeError, "%U() takes no keyword arguments", function->name);
    return NULL;
  }
  if (function->gate != Py_None && ask_gate(function) < 0) return NULL;
  link = link_of(function);
  if (link == NULL) return NULL;
  if (!function->fast || (count != function->count && function->slow != Py_None))
    return call_slow(function, args, count);
  if (count != function->count) {
    PyErr_Format(PyExc_TypeError, "%U() takes %u arguments (%zu given)", function->name, function->count, count);
    return NULL;
  }
  Py_INCREF(link);
  int unsuited = 0;
  PyObject *result = call_fast(function, link, args, &unsuited);
  Py_DECREF(link);
  return unsuited ? call_slow(function, args, count) : result;
}

int takes_numbers(const Function *function) {
  return function->fast && memchr(function->arguments, 'z', function->count) == NULL && function->result != 'z';
}

/* ---- The type ------------------------------------------------------------------------------------------------------ */

PyObject *new_function(PyObject *module, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"name", "index", "result", "arguments", "fast", "slow", "gate", "renew", "wrap", "when", NULL};
  PyObject *name, *slow, *gate = Py_None, *renew = Py_None, *wrap = Py_None, *when = Py_None, *codes;
  unsigned index;
  int result, fast;

  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "UICSpO|OOOO", names, &name, &index, &result, &codes, &fast, &slow,
                                   &gate, &renew, &wrap, &when))
    return NULL;
  const char *arguments = PyBytes_AS_STRING(codes);
  Py_ssize_t count = PyBytes_GET_SIZE(codes);
  if (fast && count > (Py_ssize_t)PN_WORDS) fast = 0;
  for (Py_ssize_t i = 0; fast && i < count; i++)
    if ((!is_code(arguments[i]) && arguments[i] != 'z') || arguments[i] == 'v') fast = 0;
  if (!is_code((char)result) && result != 'z') fast = 0;
  (void)module;
  Function *function = (Function *)FunctionType.tp_alloc(&FunctionType, 0);
  if (function == NULL) return NULL;
  function->vectorcall = function_call;
  function->link = Py_NewRef(Py_None);
  function->name = Py_NewRef(name);
  function->slow = Py_NewRef(slow);
  function->gate = Py_NewRef(gate);
  function->when = Py_NewRef(when);
  function->renew = Py_NewRef(renew);
  function->wrap = Py_NewRef(wrap);
  function->codes = Py_NewRef(codes);
  function->index = index;
  function->result = (char)result;
  function->fast = (char)fast;
  function->count = (uint32_t)count;
  if (fast) memcpy(function->arguments, arguments, (size_t)count);
  return (PyObject *)function;
}

static int function_traverse(Function *function, visitproc visit, void *arg) {
  Py_VISIT(function->link);
  Py_VISIT(function->slow);
  Py_VISIT(function->gate);
  Py_VISIT(function->when);
  Py_VISIT(function->renew);
  Py_VISIT(function->wrap);
  return 0;
}

/* It may still be called, by a finalizer that runs late. */
static int function_clear(Function *function) {
  PyObject **all[] = {&function->link, &function->slow, &function->gate, &function->renew, &function->wrap};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    PyObject *before = *all[i];
    *all[i] = Py_NewRef(Py_None);
    Py_XDECREF(before);
  }
  return 0;
}

static void function_dealloc(Function *function) {
  PyObject_GC_UnTrack(function);
  if (function->weak) PyObject_ClearWeakRefs((PyObject *)function);
  Py_CLEAR(function->link);
  Py_CLEAR(function->slow);
  Py_CLEAR(function->gate);
  Py_CLEAR(function->when);
  Py_CLEAR(function->renew);
  Py_CLEAR(function->wrap);
  Py_CLEAR(function->name);
  Py_CLEAR(function->codes);
  Py_TYPE(function)->tp_free((PyObject *)function);
}

static PyObject *function_repr(Function *function) {
  return PyUnicode_FromFormat("<native function %U>", function->name);
}

static PyObject *function_shape(Function *function, void *unused) {
  uint32_t reals = 0, shape;
  (void)unused;
  for (uint32_t i = 0; function->fast && i < function->count; i++)
    reals |= (uint32_t)is_real(function->arguments[i]) << i;
  int real = is_real(function->result);
  if (reals == 0 && !real)
    shape = PN_SHAPE_INTEGERS;
  else if (function->count && reals == (1u << function->count) - 1u && real)
    shape = PN_SHAPE_REALS;
  else
    shape = PN_SHAPE_MIXED;
  return Py_BuildValue("II", shape, reals);
}

static PyMemberDef function_members[] = {
    {"_link", T_OBJECT, offsetof(Function, link), 0, "its Link; None while there is no executor"},
    {"name", T_OBJECT, offsetof(Function, name), READONLY, "the symbol"},
    {"index", T_UINT, offsetof(Function, index), READONLY, "its number in the executor"},
    {"fast", T_BOOL, offsetof(Function, fast), READONLY, "whether calls need no Python"},
    {"gate", T_OBJECT, offsetof(Function, gate), READONLY, "called before each call"},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef function_getset[] = {
    {"shape", (getter)function_shape, NULL, "(shape, bits of real arguments), as PN_BIND takes them", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef function_methods[] = {
    {"map", (PyCFunction)(void (*)(void))function_map, METH_VARARGS | METH_KEYWORDS,
     "map(*sequences, out=None): call once for each item, all in one turn"},
    {"pipeline", (PyCFunction)new_pipeline, METH_NOARGS,
     "pipeline(): call it as often as you like without waiting; finish() gives all results"},
    {NULL, NULL, 0, NULL},
};

PyTypeObject FunctionType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pycage_native._channel.Function",
    .tp_basicsize = sizeof(Function),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
                Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_doc = "A function of a library in an executor.",
    .tp_dealloc = (destructor)function_dealloc,
    .tp_traverse = (traverseproc)function_traverse,
    .tp_clear = (inquiry)function_clear,
    .tp_repr = (reprfunc)function_repr,
    .tp_call = PyVectorcall_Call,
    .tp_weaklistoffset = offsetof(Function, weak),
    .tp_vectorcall_offset = offsetof(Function, vectorcall),
    .tp_members = function_members,
    .tp_getset = function_getset,
    .tp_methods = function_methods,
};
