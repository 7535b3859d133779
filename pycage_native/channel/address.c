/* An Address: a place in the memory of one executor.  It is never one in the memory of this process: nothing here or in
   the Python code above it follows it.  It keeps its Link by a weak reference, so that it goes stale with the executor. */

#include "channel.h"

static PyObject *linked(PyObject *reference) {
  if (reference == NULL) return NULL;
#if PY_VERSION_HEX >= 0x030D0000
  PyObject *link = NULL;
  if (PyWeakref_GetRef(reference, &link) < 0) PyErr_Clear();
  return link;
#else
  PyObject *link = PyWeakref_GetObject(reference);
  return link == NULL || link == Py_None ? NULL : Py_NewRef(link);
#endif
}

/* 1 and the number if the address is one in this link's executor. */
int address_word(PyObject *value, Link *link, uint64_t *word) {
  if (!PyObject_TypeCheck(value, &AddressType)) return 0;
  PyObject *own = linked(((Address *)value)->link);
  if (own == NULL) return 0;
  Py_DECREF(own); /* the caller has one */
  *word = ((Address *)value)->number;
  return own == (PyObject *)link;
}

static PyObject *address_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  PyObject *link;
  unsigned long long number;
  if (kwargs && PyDict_GET_SIZE(kwargs)) {
    PyErr_SetString(PyExc_TypeError, "an address takes no keyword arguments");
    return NULL;
  }
  if (!PyArg_ParseTuple(args, "O!K", &LinkType, &link, &number)) return NULL;
  PyObject *reference = PyWeakref_NewRef(link, NULL);
  Address *address = reference ? (Address *)type->tp_alloc(type, 0) : NULL;
  if (address == NULL) {
    Py_XDECREF(reference);
    return NULL;
  }
  address->link = reference;
  address->number = number;
  return (PyObject *)address;
}

static void address_dealloc(Address *address) {
  PyTypeObject *type = Py_TYPE(address);
  PyObject_GC_UnTrack(address);
  Py_CLEAR(address->link);
  type->tp_free((PyObject *)address);
}

static int address_traverse(Address *address, visitproc visit, void *arg) {
  Py_VISIT(address->link);
  return 0;
}

static PyObject *address_link(Address *address, void *unused) {
  (void)unused;
  PyObject *link = linked(address->link);
  if (link == NULL) Py_RETURN_NONE;
  return link;
}

/* From now on it is nowhere. */
static PyObject *address_forget(Address *address, PyObject *unused) {
  (void)unused;
  Py_CLEAR(address->link);
  address->number = 0;
  Py_RETURN_NONE;
}

static PyMethodDef address_methods[] = {
    {"_forget", (PyCFunction)address_forget, METH_NOARGS, "_forget(): it cannot be passed any more"},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef address_getset[] = {
    {"_link", (getter)address_link, NULL, "its Link, or None if that is gone", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyObject *module_number(PyObject *module, PyObject *value) {
  (void)module;
  if (!PyObject_TypeCheck(value, &AddressType)) {
    PyErr_SetString(PyExc_TypeError, "not an address");
    return NULL;
  }
  return PyLong_FromUnsignedLongLong(((Address *)value)->number);
}

PyTypeObject AddressType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pycage_native._channel.Address",
    .tp_basicsize = sizeof(Address),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_doc = "A place in the memory of one executor.",
    .tp_new = address_new,
    .tp_dealloc = (destructor)address_dealloc,
    .tp_traverse = (traverseproc)address_traverse,
    .tp_methods = address_methods,
    .tp_getset = address_getset,
};
