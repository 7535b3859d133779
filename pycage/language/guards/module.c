/* The module _guards, and the filling in of guards where source was compiled with placeholders. */

#include "guards.h"

/* Replaces the constants of a code object that has not run yet.  There is no public function for it: code.replace()
 * forgets which locals of an inlined comprehension are hidden (PEP 709), and locals() would then delete globals. */
static void
code_set_consts(PyCodeObject *code, PyObject *constants)
{
    Py_SETREF(code->co_consts, constants);
}

/* Gives a code object that has not run yet another file name. */
static void
code_set_filename(PyCodeObject *code, PyObject *filename)
{
    Py_SETREF(code->co_filename, Py_NewRef(filename));
}

/* Replaces every constant that is a key of the table, here and in nested code.  Fresh code only. */
static int
fill_code(PyCodeObject *code, PyObject *table, PyObject *visit, PyObject *filename)
{
    PyObject *old = code->co_consts;
    Py_ssize_t count = PyTuple_GET_SIZE(old);
    PyObject *constants = PyTuple_New(count);
    if (constants == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *constant = PyTuple_GET_ITEM(old, i);
        PyObject *replacement = NULL;
        if (PyCode_Check(constant)) {
            if (fill_code((PyCodeObject *)constant, table, visit, filename) < 0) {
                Py_DECREF(constants);
                return -1;
            }
        } else if (PyUnicode_CheckExact(constant)) {
            replacement = PyDict_GetItemWithError(table, constant);
            if (replacement == NULL && PyErr_Occurred()) {
                Py_DECREF(constants);
                return -1;
            }
        }
        PyTuple_SET_ITEM(constants, i, Py_NewRef(replacement == NULL ? constant : replacement));
    }
    code_set_consts(code, constants);
    code_set_filename(code, filename);
    PyObject *done = PyObject_CallOneArg(visit, (PyObject *)code);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

PyDoc_STRVAR(fill_doc, "fill(code, table, visit, filename): put the table's values where its keys are constants, in place.\n"
                       "\nFor code that nobody else has and that never ran.  Calls visit(code) for each code object,\n"
                       "nested ones first.");

static PyObject *
module_fill(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *code, *table, *visit, *filename;
    if (!PyArg_ParseTuple(args, "O!O!OU:fill", &PyCode_Type, &code, &PyDict_Type, &table, &visit, &filename)
        || fill_code((PyCodeObject *)code, table, visit, filename) < 0) {
        return NULL;
    }
    return Py_NewRef(code);
}

static PyMethodDef module_methods[] = {
    {"fill", module_fill, METH_VARARGS, fill_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pycage.language._guards",
    .m_doc = "Guards: the functions that rewritten source calls, and the set of what a sandbox owns.",
    .m_size = -1,
    .m_methods = module_methods,
};

PyMODINIT_FUNC
PyInit__guards(void)
{
    if (PyType_Ready(&GuardSet_Type) < 0 || PyType_Ready(&Checked_Type) < 0 || PyType_Ready(&Refuser_Type) < 0) {
        return NULL;
    }
    PyObject *module = PyModule_Create(&module_def);
    if (module == NULL || names_ready(module) < 0
        || PyModule_AddObjectRef(module, "GuardSet", (PyObject *)&GuardSet_Type) < 0) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
