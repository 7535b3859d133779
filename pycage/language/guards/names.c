/* Names: what may be done with an attribute of a name, and the types that need care, as names.py decided. */

#include "guards.h"

PyObject *kinds, *unstorable, *value_of, *formatters, *transparent, *safe_types, *write_rule, *sealed, *inherited, *slow_format,
    *stand_ins, *import_denied, *dispatchers;
Addresses bare_types, shared_objects;
PyTypeObject *view_type, *replacing;
PyObject *super_self, *str_format, *str_format_map, *name_init, *name_match_args, *name_prepare, *name_mro_entries,
    *name_registry, *name_builtins, *name_metaclass, *name_format_map, *name_format, *name_cause, *name_getattr,
    *name_getattribute, *super_thisclass, *super_self_class, *name_annotations, *name_read, *name_store;

/* The kind of an attribute name, an exact str; -1 with an exception. Runs no Python code. */
int
classify(PyObject *name)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(name);
    if (kinds == NULL) {
        return NEVER;
    }
    PyObject *row = PyDict_GetItemWithError(kinds, name);
    if (row != NULL) {
        return (int)PyLong_AsLong(row);
    }
    if (PyErr_Occurred()) {
        return -1;
    }
    if (length > 0 && PyUnicode_READ_CHAR(name, 0) == '_') {
        return length == 1 ? PLAIN : OWN;
    }
    return PLAIN;
}

/* Whether an attribute of that name may be assigned on an own object; -1 with an exception.  Runs no Python code. */
int
storable(PyObject *name)
{
    int kind = classify(name);
    if (kind < 0 || kind == NEVER) {
        return kind < 0 ? -1 : 0;
    }
    /* The transformer's own variables begin with a dot. */
    if (PyUnicode_GET_LENGTH(name) == 0 || PyUnicode_READ_CHAR(name, 0) == '.') {
        return 0;
    }
    int refused = PySet_Contains(unstorable, name);
    return refused < 0 ? -1 : !refused;
}

static PyObject *
module_classify(PyObject *Py_UNUSED(module), PyObject *name)
{
    if (!PyUnicode_CheckExact(name)) {
        PyErr_SetString(PyExc_TypeError, "attribute name must be exactly str");
        return NULL;
    }
    int kind = classify(name);
    return kind < 0 ? NULL : PyLong_FromLong(kind);
}

static PyObject *
module_storable(PyObject *Py_UNUSED(module), PyObject *name)
{
    if (!PyUnicode_CheckExact(name)) {
        PyErr_SetString(PyExc_TypeError, "attribute name must be exactly str");
        return NULL;
    }
    int allowed = kinds == NULL ? 0 : storable(name);
    return allowed < 0 ? NULL : PyBool_FromLong(allowed);
}

PyDoc_STRVAR(configure_doc,
             "configure(*, kinds, unstorable, value_of, formatters, transparent, safe_types, sealed,\n"
             "inherited, bare_types, replacing, import_denied, dispatchers)");

static PyObject *
module_configure(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"kinds", "unstorable", "value_of", "formatters", "transparent", "safe_types", "sealed",
                            "inherited", "bare_types", "replacing", "import_denied", "dispatchers", NULL};
    PyObject *k, *u, *v, *f, *t, *s, *l, *i, *b, *r, *d, *p;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "$O!O!O!O!O!O!O!O!O!O!O!O!:configure", names, &PyDict_Type, &k,
                                     &PyFrozenSet_Type, &u, &PyDict_Type, &v, &PyTuple_Type, &f, &PyTuple_Type, &t,
                                     &PyTuple_Type, &s, &PyTuple_Type, &l, &PyDict_Type, &i, &PyTuple_Type, &b,
                                     &PyType_Type, &r, &PyType_Type, &d, &PyTuple_Type, &p)) {
        return NULL;
    }
    if (kinds != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "already configured");
        return NULL;
    }
    unstorable = Py_NewRef(u);
    formatters = Py_NewRef(f);
    transparent = Py_NewRef(t);
    safe_types = Py_NewRef(s);
    sealed = Py_NewRef(l);
    replacing = (PyTypeObject *)Py_NewRef(r);
    import_denied = Py_NewRef(d);
    dispatchers = Py_NewRef(p);
    for (Py_ssize_t at = 0; at < PyTuple_GET_SIZE(b); at++) {
        if (add(&bare_types, PyTuple_GET_ITEM(b, at)) < 0) {
            return NULL;
        }
    }
    value_of = PyDict_Copy(v);
    inherited = value_of == NULL ? NULL : PyDict_Copy(i);
    kinds = inherited == NULL ? NULL : PyDict_Copy(k);
    if (kinds == NULL) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
module_set_formatter(PyObject *Py_UNUSED(module), PyObject *callable)
{
    if (slow_format != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "already set");
        return NULL;
    }
    slow_format = Py_NewRef(callable);
    Py_RETURN_NONE;
}

static PyObject *
module_set_view_type(PyObject *Py_UNUSED(module), PyObject *type)
{
    if (view_type != NULL || !PyType_Check(type) || !PyType_IsSubtype((PyTypeObject *)type, &PyModule_Type)) {
        PyErr_SetString(PyExc_RuntimeError, "already set, or not a type of modules");
        return NULL;
    }
    view_type = (PyTypeObject *)Py_NewRef(type);
    Py_RETURN_NONE;
}

static PyObject *
module_add_safe_type(PyObject *Py_UNUSED(module), PyObject *type)
{
    PyObject *one = safe_types == NULL || !PyType_Check(type) ? NULL : PyTuple_Pack(1, type);
    if (one == NULL) {
        PyErr_SetString(PyExc_TypeError, "a type is needed, and the names must be configured");
        return NULL;
    }
    PyObject *all = PySequence_Concat(safe_types, one);
    Py_DECREF(one);
    if (all == NULL) {
        return NULL;
    }
    Py_SETREF(safe_types, all);
    Py_RETURN_NONE;
}

static PyObject *
module_add_shared_object(PyObject *Py_UNUSED(module), PyObject *object)
{
    if (add(&shared_objects, object) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
module_set_write_rule(PyObject *Py_UNUSED(module), PyObject *rule)
{
    if (write_rule != NULL || !PyCallable_Check(rule)) {
        PyErr_SetString(PyExc_RuntimeError, "already set, or not callable");
        return NULL;
    }
    write_rule = Py_NewRef(rule);
    Py_RETURN_NONE;
}

static PyObject *
module_set_stand_in(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *name, *maker;
    if (!PyArg_ParseTuple(args, "UO", &name, &maker)) {
        return NULL;
    }
    if (classify(name) != VALUE || !PyCallable_Check(maker)) {
        PyErr_SetString(PyExc_ValueError, "a name whose values are judged is needed, and a callable");
        return NULL;
    }
    if ((stand_ins == NULL && (stand_ins = PyDict_New()) == NULL) || PyDict_SetItem(stand_ins, name, maker) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef names_methods[] = {
    {"classify", module_classify, METH_O, "classify(name, /): the kind of an attribute name."},
    {"storable", module_storable, METH_O, "storable(name, /): whether own objects may have it assigned."},
    {"configure", (PyCFunction)(void (*)(void))module_configure, METH_VARARGS | METH_KEYWORDS, configure_doc},
    {"set_formatter", module_set_formatter, METH_O, "set_formatter(callable, /): who formats templates with look-ups."},
    {"add_safe_type", module_add_safe_type, METH_O,
     "add_safe_type(type, /): attributes of instances of exactly this type may be assigned by every sandbox."},
    {"iter", (PyCFunction)(void (*)(void))module_iter, METH_FASTCALL,
     "iter(iterable) -> iterator\niter(callable, sentinel) -> iterator\n\nGet an iterator from an object."},
    {"keep", module_keep, METH_O,
     "keep(callable, /): what is to be kept in place of it: the same, or one bound to the context of the running stack."},
    {"set_keepers", (PyCFunction)(void (*)(void))module_set_keepers, METH_VARARGS | METH_KEYWORDS,
     "set_keepers(*, types, bind, bind_method, bind_special, special, on_data, data_types): from now on these types keep\n"
     "callables so; once for the process.  types: a tuple of (type, bits of the positions, names of keywords, in __init__,\n"
     "how)."},
    {"judge_sealed", module_judge_sealed, METH_O,
     "judge_sealed(callable, /): callable(base) is asked, and raises if it has to, whenever a class is made, in whatever\n"
     "way, of which a base is sealed; once for the process."},
    {"add_shared_object", module_add_shared_object, METH_O,
     "add_shared_object(object, /): the attributes of this one may be assigned by nobody, although it is of a safe type.\n"
     "The caller keeps it alive."},
    {"set_write_rule", module_set_write_rule, METH_O,
     "set_write_rule(callable, /): callable(type) is True if instances of exactly this type may be assigned to by every\n"
     "sandbox, like those of safe types.  It must run no code of a guest."},
    {"set_stand_in", module_set_stand_in, METH_VARARGS,
     "set_stand_in(name, callable, /): what callable(object, value) returns is handed out in place of a value that is\n"
     "not the sandbox's own; None refuses.  It must run no code of a guest."},
    {"set_view_type", module_set_view_type, METH_O,
     "set_view_type(type, /): modules of this type hold only what a sandbox may see, private names included."},
    {NULL, NULL, 0, NULL},
};

/* Makes the interned names, and gives the module the functions and the kinds; -1 with an exception. */
int
names_ready(PyObject *module)
{
    struct { PyObject **where; const char *text; } names[] = {
        {&name_init, "__init__"}, {&name_match_args, "__match_args__"}, {&name_prepare, "__prepare__"},
        {&name_registry, "registry"},
        {&name_mro_entries, "__mro_entries__"}, {&name_builtins, "__builtins__"}, {&name_metaclass, "metaclass"},
        {&name_cause, "__cause__"},
        {&name_format_map, "format_map"}, {&name_format, "format"}, {&name_getattr, "__getattr__"},
        {&name_getattribute, "__getattribute__"}, {&name_read, "read"}, {&name_store, "store"},
        {&name_annotations, "__annotations__"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *names[i].where = PyUnicode_InternFromString(names[i].text);
        if (*names[i].where == NULL) {
            return -1;
        }
    }
    super_self = PyObject_GetAttrString((PyObject *)&PySuper_Type, "__self__");
    super_thisclass = PyObject_GetAttrString((PyObject *)&PySuper_Type, "__thisclass__");
    super_self_class = PyObject_GetAttrString((PyObject *)&PySuper_Type, "__self_class__");
    str_format = PyObject_GetAttrString((PyObject *)&PyUnicode_Type, "format");
    str_format_map = PyObject_GetAttrString((PyObject *)&PyUnicode_Type, "format_map");
    if (super_self == NULL || super_thisclass == NULL || super_self_class == NULL
        || Py_TYPE(super_thisclass)->tp_descr_get == NULL || str_format == NULL || str_format_map == NULL
        || Py_TYPE(super_self)->tp_descr_get == NULL) {
        return -1;
    }
    struct { const char *name; int value; } numbers[] = {
        {"PLAIN", PLAIN}, {"NEVER", NEVER}, {"OWN", OWN}, {"CLASS", CLASS}, {"FORMAT", FORMAT}, {"VALUE", VALUE},
        {"COPY", COPY}, {"DICT", DICT}, {"MUTATOR", MUTATOR}, {"READER", READER}, {"CHANGER", CHANGER},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (PyModule_AddIntConstant(module, numbers[i].name, numbers[i].value) < 0) {
            return -1;
        }
    }
    return PyModule_AddFunctions(module, names_methods);
}
