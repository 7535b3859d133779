/* pycage_native._channel: see channel.h. */

#include "channel.h"

static PyObject *module_pauses(PyObject *module, PyObject *nanoseconds) {
  (void)module;
  long long value = PyLong_AsLongLong(nanoseconds);
  if (value < 0) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "a duration cannot be negative");
    return NULL;
  }
  return PyLong_FromUnsignedLong(pauses_in(value));
}

static PyObject *module_forget(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  forget_links_after_fork();
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"Link", (PyCFunction)(void (*)(void))new_link, METH_VARARGS | METH_KEYWORDS, "Make a Link."},
    {"Function", (PyCFunction)(void (*)(void))new_function, METH_VARARGS | METH_KEYWORDS, "Make a Function."},
    {"Callback", (PyCFunction)(void (*)(void))new_callback, METH_VARARGS | METH_KEYWORDS, "Make a Callback."},
    {"pauses", module_pauses, METH_O, "pauses(nanoseconds) -> how many pauses of this CPU take so long"},
    {"forget_links_after_fork", module_forget, METH_NOARGS, "for os.register_at_fork"},
    {"number", module_number, METH_O, "number(address) -> the number, for words to its executor only"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pycage_native._channel",
    .m_doc = "The host's side of the channel to an executor.",
    .m_size = -1,
    .m_methods = methods,
};

static const struct {
  const char *name;
  long value;
} constants[] = {
    {"VERSION", PN_VERSION},
    {"SETUP", PN_SETUP},
    {"SETUP_SIZE", PN_SETUP_SIZE},
    {"ARENA", PN_ARENA},
    {"BLOCK", PN_BLOCK},
    {"CALL", PN_CALL},
    {"CALL_BLOCK", PN_CALL_BLOCK},
    {"SERVE_RING", PN_SERVE_RING},
    {"BIND", PN_BIND},
    {"READ", PN_READ},
    {"WRITE", PN_WRITE},
    {"MAX_FUNCTIONS", PN_MAX_FUNCTIONS},
    {"CALLBACK_SHAPE", PN_CALLBACK_SHAPE},
    {"ADDRESS", PN_ADDRESS},
    {"BIND_ADDRESS", PN_BIND_ADDRESS},
    {"OK", PN_OK},
    {"OPEN", PN_OPEN},
    {"STAT", PN_STAT},
    {"ACCESS", PN_ACCESS},
    {"MAX_CHANNELS", PN_MAX_CHANNELS},
    {"STACK_WORDS", PN_STACK_WORDS},
    {"ZYGOTE_SPAWN", PN_ZYGOTE_SPAWN},
    {"ZYGOTE_STATUS", PN_ZYGOTE_STATUS},
    {"LAYER_NAMESPACES", PN_LAYER_NAMESPACES},
    {"LAYER_RLIMITS", PN_LAYER_RLIMITS},
    {"LAYER_CAPABILITIES", PN_LAYER_CAPABILITIES},
    {"LAYER_NO_NEW_PRIVS", PN_LAYER_NO_NEW_PRIVS},
    {"LAYER_LANDLOCK", PN_LAYER_LANDLOCK},
    {"LAYER_SECCOMP", PN_LAYER_SECCOMP},
};

PyMODINIT_FUNC PyInit__channel(void) {
  if (PyType_Ready(&LinkType) < 0 || PyType_Ready(&FunctionType) < 0 || PyType_Ready(&CallbackType) < 0 ||
      PyType_Ready(&PipelineType) < 0 || PyType_Ready(&AddressType) < 0)
    return NULL;
  PyObject *made = PyModule_Create(&module);
  if (made == NULL) return NULL;
  if (PyModule_AddObjectRef(made, "Address", (PyObject *)&AddressType) < 0) goto failed;
  for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
    if (PyModule_AddIntConstant(made, constants[i].name, constants[i].value) < 0) goto failed;
  return made;
failed:
  Py_DECREF(made);
  return NULL;
}
