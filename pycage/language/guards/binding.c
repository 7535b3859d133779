/* Binding: what of a sandbox is bound to the context of its stack before anybody keeps it, and what stays as it is. */

/* Idea.  What puts the sandbox on the stack by itself, its own functions, stays as it is, and so does what works on data
 * only: `int`, `str.upper`.  Everything else is bound to the context of this moment, as a thread's function is.  Why, and
 * what still fails: keepers.c.
 */

#include "guards.h"

const core_api *core;

static PyObject *binder;            /* callable -> the same, or one bound to the context of the stack */
static Addresses on_data;           /* callables that work on their arguments as data */
static Addresses data_types;        /* types of which every method does */

/* ---- What may stay as it is --------------------------------------------------------------------------------------- */

/* Borrowed: the domain of a function, NULL for one of the host and for anything else. */
PyObject *
domain_of(PyObject *function)
{
    return PyFunction_Check(function) ? core->domain_of_code(PyFunction_GET_CODE(function)) : NULL;
}

/* Borrowed: what the first class of the MRO that has this name has there, and that class; NULL without an exception. */
static PyObject *
found_in_mro(PyTypeObject *type, PyObject *name, PyObject **owner)
{
    PyObject *found = NULL;
    for (Py_ssize_t i = 0; found == NULL && type->tp_mro != NULL && i < PyTuple_GET_SIZE(type->tp_mro); i++) {
        *owner = PyTuple_GET_ITEM(type->tp_mro, i);
        PyObject *dict = type_dict((PyTypeObject *)*owner);
        found = dict == NULL ? NULL : PyDict_GetItemWithError(dict, name);
        Py_XDECREF(dict);
        if (PyErr_Occurred()) {
            PyErr_Clear();
            return NULL;
        }
    }
    return found;
}

/* Whether calling a class runs nothing but functions of this domain, and C code on data. */
static int
makes_own(PyTypeObject *type, PyObject *domain)
{
    static PyObject *names[2];
    if (!Py_IS_TYPE((PyObject *)type, &PyType_Type) || type->tp_flags & Py_TPFLAGS_IS_ABSTRACT) {
        return 0;
    }
    for (int i = 0; i < 2; i++) {
        if (names[i] == NULL && (names[i] = PyUnicode_InternFromString(i == 0 ? "__new__" : "__init__")) == NULL) {
            PyErr_Clear();
            return 0;
        }
        PyObject *owner = NULL, *found = found_in_mro(type, names[i], &owner);
        if (found == NULL || owner == (PyObject *)&PyBaseObject_Type || has(&data_types, owner)) {
            continue;
        }
        PyObject *function = NULL;
        if (Py_IS_TYPE(found, &PyStaticMethod_Type)) {
            function = PyObject_GetAttrString(found, "__func__");
            PyErr_Clear();
        } else {
            function = Py_NewRef(found);
        }
        int own = function != NULL && domain_of(function) == domain;
        Py_XDECREF(function);
        if (!own) {
            return 0;
        }
    }
    return 1;
}

/* Whether a method of a type that works on data does more: of a pattern those that call what they are given, of a str those
 * that read attributes. */
static int
does_more(const char *name)
{
    static const char *const names[] = {"sub", "subn", "format", "format_map"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Whether what is called is on the stack by itself, as a function of this domain, or works on data only. */
static int
may_stay(PyObject *thing, PyObject *domain, int how)
{
    if (PyMethod_Check(thing)) {
        PyObject *function = PyMethod_GET_FUNCTION(thing);
        return (domain != NULL && domain_of(function) == domain) || Py_IS_TYPE(function, core->bound_call_type);
    }
    if (PyFunction_Check(thing)) {
        return domain != NULL && domain_of(thing) == domain;
    }
    if (Py_IS_TYPE(thing, core->bound_call_type)) {
        return 1;
    }
    if (!(how & STRICT)) {
        if (PyCFunction_Check(thing)) {
            PyObject *self = PyCFunction_GET_SELF(thing);
            return self != NULL && (has(&data_types, Py_TYPE(self)) || has(&data_types, self))
                   && !does_more(((PyCFunctionObject *)thing)->m_ml->ml_name);
        }
        if (Py_IS_TYPE(thing, &PyMethodDescr_Type) || Py_IS_TYPE(thing, &PyWrapperDescr_Type)
            || Py_IS_TYPE(thing, &PyClassMethodDescr_Type)) {
            return has(&data_types, PyDescr_TYPE(thing))
                   && !(Py_IS_TYPE(thing, &PyMethodDescr_Type)
                        && does_more(((PyMethodDescrObject *)thing)->d_method->ml_name));
        }
        if (has(&data_types, Py_TYPE(thing))) {     /* itemgetter */
            return 1;
        }
    }
    if (PyType_Check(thing)) {
        return (how & CLASSES) || (domain != NULL && makes_own((PyTypeObject *)thing, domain));
    }
    static PyObject *name_call;
    if (name_call == NULL && (name_call = PyUnicode_InternFromString("__call__")) == NULL) {
        PyErr_Clear();
        return 0;
    }
    PyObject *owner, *call = found_in_mro(Py_TYPE(thing), name_call, &owner);
    return domain != NULL && call != NULL && domain_of(call) == domain;
}

/* New reference to what is kept in place of a callable; NULL with an exception. */
PyObject *
kept_callable(PyObject *thing, int how)
{
    if (thing == Py_None || (!(how & STRICT) && has(&on_data, thing))) {
        return Py_NewRef(thing);
    }
    /* A function of the very module that is running: no need to look who that is. */
    if (PyFunction_Check(thing) && domain_of(thing) != NULL && PyFunction_GET_GLOBALS(thing) == PyEval_GetGlobals()) {
        return Py_NewRef(thing);
    }
    int handed = 0;
    PyObject *domain = core->top_domain(&handed);
    if ((domain == NULL && !handed && !(how & DEEP)) || may_stay(thing, domain, how)) {
        return Py_NewRef(thing);
    }
    return PyObject_CallOneArg(binder, thing);
}

/* Whether a method for a class comes from a sandbox: a function of one, or what one gives that is no method of C. */
int
is_of_sandbox(PyObject *value)
{
    int handed = 0;
    if (core == NULL || Py_IS_TYPE(value, &PyMethodDescr_Type)) {
        return 0;
    }
    if (PyFunction_Check(value)) {
        return domain_of(value) != NULL;
    }
    return core->top_domain(&handed) != NULL || handed;
}

/* ---- For Python ----------------------------------------------------------------------------------------------------- */

PyObject *
module_iter(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    if (count == 1) {
        return PyObject_GetIter(args[0]);
    }
    if (count != 2) {
        PyErr_Format(PyExc_TypeError, "iter expected 1 or 2 arguments, got %zd", count);
        return NULL;
    }
    if (!PyCallable_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "iter(v, w): v must be callable");
        return NULL;
    }
    PyObject *function = core == NULL ? Py_NewRef(args[0]) : kept_callable(args[0], 0);
    PyObject *iterator = function == NULL ? NULL : PyCallIter_New(function, args[1]);
    Py_XDECREF(function);
    return iterator;
}

PyObject *
module_keep(PyObject *Py_UNUSED(module), PyObject *function)
{
    return core == NULL || !PyCallable_Check(function) ? Py_NewRef(function) : kept_callable(function, DEEP);
}

static int
add_addresses(Addresses *set, PyObject *things)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(things); i++) {
        if (add(set, PyTuple_GET_ITEM(things, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Sets what this file needs, once; -1 with an exception on error. */
int
binding_ready(PyObject *bind, PyObject *callables, PyObject *types)
{
    if (add_addresses(&on_data, callables) < 0 || add_addresses(&data_types, types) < 0) {
        return -1;
    }
    const core_api *api = PyCapsule_Import(CORE_CAPSULE, 0);
    if (api == NULL) {
        return -1;
    }
    core = api;
    binder = Py_NewRef(bind);
    return 0;
}
