/* Keepers: types whose objects keep something to call, and call it later on another stack. */

/* Problem.  map(host_object.delete, paths), made by a sandbox, deletes when the host iterates over it, and no frame of
 * the sandbox is on the stack then.  So do filter, itertools, partial, properties, weak references, special methods.
 *
 * Things that do not work:
 *
 * - Other classes under these names: type(map(...)) and super().__new__ lead to the real ones.
 * - Stand-ins for all callables of the host: plain attribute reads are the interpreter's, and should stay that fast.
 *
 * Idea.  All objects of such a type are made in one C function, its tp_new or tp_init.  If a sandbox's frame is the
 * newest one there, what is kept is bound to the context of that moment, as a thread's function is.  What puts the
 * sandbox on the stack by itself stays as it is: see binding.c.  The same goes for special methods, which the interpreter
 * calls by itself: see special_methods.c.
 *
 * What still fails.  Code of the host that makes such an object of what a sandbox gave it, except where `deep` is set:
 * to look down the whole stack each time would cost every map() of the host.
 */

#include "guards.h"

typedef struct {
    PyTypeObject *type;
    newfunc make;
    initproc init;
    vectorcallfunc vectorcall;
    unsigned positions;     /* bits: which arguments are kept */
    PyObject *names;        /* tuple of keywords that are kept */
    int how;
} Keeper;

#define KEEPERS 64      /* twice as many as there may be: a row is found in about one step, and some are always free */

static Keeper keepers[KEEPERS];     /* by the address of the type, open addressing */
static int keeper_count;
static PyTypeObject *factory_type;  /* defaultdict */

/* ---- Where objects are made ---------------------------------------------------------------------------------------- */

/* The row of a type, or the free one where it would be. */
static Keeper *
row_of(const PyTypeObject *type)
{
    size_t i = place_of(type) % KEEPERS;
    while (keepers[i].type != NULL && keepers[i].type != type) {
        i = (i + 1) % KEEPERS;
    }
    return &keepers[i];
}

static Keeper *
keeper_of(PyTypeObject *type)
{
    for (; type != NULL; type = type->tp_base) {
        Keeper *keeper = row_of(type);
        if (keeper->type != NULL) {
            return keeper;
        }
    }
    PyErr_SetString(PyExc_SystemError, "not a type that keeps anything");
    return NULL;
}

static int
is_kept_name(Keeper *keeper, PyObject *name)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keeper->names); i++) {
        if (PyUnicode_Check(name) && PyUnicode_Compare(PyTuple_GET_ITEM(keeper->names, i), name) == 0) {
            return 1;
        }
    }
    return 0;
}

/* New references in *new_args and *new_kwargs (which may be NULL); -1 with an exception. */
static int
keep_all(Keeper *keeper, PyObject *args, PyObject *kwargs, PyObject **new_args, PyObject **new_kwargs)
{
    /* A keyword of a class of its own could be another one the second time that it is looked up. */
    *new_kwargs = kwargs == NULL || has_exact_names(kwargs) ? Py_XNewRef(kwargs) : exact_names(kwargs);
    if (kwargs != NULL && *new_kwargs == NULL) {
        *new_args = NULL;
        return -1;
    }
    *new_args = Py_NewRef(args);
    kwargs = *new_kwargs;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args) && keeper->positions >> i; i++) {
        if (!(keeper->positions >> i & 1)) {
            continue;
        }
        PyObject *old = PyTuple_GET_ITEM(args, i), *value = kept_callable(old, keeper->how);
        if (value == NULL) {
            goto error;
        }
        if (value != old && *new_args == args) {
            PyObject *copy = PyTuple_New(PyTuple_GET_SIZE(args));
            for (Py_ssize_t j = 0; copy != NULL && j < PyTuple_GET_SIZE(args); j++) {
                PyTuple_SET_ITEM(copy, j, Py_NewRef(PyTuple_GET_ITEM(args, j)));
            }
            Py_SETREF(*new_args, copy);
            if (copy == NULL) {
                Py_DECREF(value);
                goto error;
            }
        }
        if (value != old) {
            PyTuple_SET_ITEM(*new_args, i, value);
        }
        Py_DECREF(old == value ? value : old);
    }
    for (Py_ssize_t i = 0; kwargs != NULL && i < PyTuple_GET_SIZE(keeper->names); i++) {
        PyObject *name = PyTuple_GET_ITEM(keeper->names, i), *old = PyDict_GetItemWithError(*new_kwargs, name);
        if (old == NULL) {
            if (PyErr_Occurred()) {
                goto error;
            }
            continue;
        }
        Py_INCREF(old);
        PyObject *value = kept_callable(old, keeper->how);
        int status = value == NULL ? -1 : 0;
        if (value != NULL && value != old && *new_kwargs == kwargs) {
            Py_SETREF(*new_kwargs, PyDict_Copy(kwargs));
            status = *new_kwargs == NULL ? -1 : 0;
        }
        if (status == 0 && value != old) {
            status = PyDict_SetItem(*new_kwargs, name, value);
        }
        Py_DECREF(old);
        Py_XDECREF(value);
        if (status < 0) {
            goto error;
        }
    }
    return 0;
error:
    Py_CLEAR(*new_args);
    Py_CLEAR(*new_kwargs);
    return -1;
}

/* Whether nothing is kept, because code of the host makes the object. */
static int
is_hosts(const Keeper *keeper)
{
    int handed = 0;
    return !(keeper->how & DEEP) && core->top_domain(&handed) == NULL && !handed;
}

static PyObject *
keeping_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    Keeper *keeper = keeper_of(type);
    PyObject *new_args, *new_kwargs;
    if (keeper != NULL && is_hosts(keeper)) {
        return keeper->make(type, args, kwargs);
    }
    if (keeper == NULL || keep_all(keeper, args, kwargs, &new_args, &new_kwargs) < 0) {
        return NULL;
    }
    PyObject *made = keeper->make(type, new_args, new_kwargs);
    Py_DECREF(new_args);
    Py_XDECREF(new_kwargs);
    return made;
}

static int
keeping_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    Keeper *keeper = keeper_of(Py_TYPE(self));
    PyObject *new_args, *new_kwargs;
    if (keeper != NULL && is_hosts(keeper)) {
        return keeper->init(self, args, kwargs);
    }
    if (keeper == NULL || keep_all(keeper, args, kwargs, &new_args, &new_kwargs) < 0) {
        return -1;
    }
    int status = keeper->init(self, new_args, new_kwargs);
    Py_DECREF(new_args);
    Py_XDECREF(new_kwargs);
    return status;
}

#define INLINE_ARGUMENTS 8

static PyObject *
keeping_vectorcall(PyObject *type, PyObject *const *args, size_t flagged, PyObject *kwnames)
{
    Keeper *keeper = keeper_of((PyTypeObject *)type);
    Py_ssize_t count = PyVectorcall_NARGS(flagged), keywords = kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames);
    PyObject *first[INLINE_ARGUMENTS], **copy = NULL, *result = NULL;
    PyObject *values[INLINE_ARGUMENTS];     /* new references */
    int changed = 0;
    if (keeper == NULL) {
        return NULL;
    }
    if (is_hosts(keeper)) {
        return keeper->vectorcall(type, args, flagged, kwnames);
    }
    for (Py_ssize_t i = 0; i < count + keywords; i++) {
        int wanted = i < count ? i < INLINE_ARGUMENTS && (keeper->positions >> i & 1)
                               : is_kept_name(keeper, PyTuple_GET_ITEM(kwnames, i - count));
        if (!wanted) {
            continue;
        }
        PyObject *value = kept_callable(args[i], keeper->how);
        if (value == NULL) {
            goto done;
        }
        if (value == args[i] || changed == INLINE_ARGUMENTS) {
            Py_DECREF(value);
            continue;
        }
        if (copy == NULL) {
            copy = count + keywords <= INLINE_ARGUMENTS ? first
                                                        : PyMem_New(PyObject *, (size_t)(count + keywords));
            if (copy == NULL) {
                Py_DECREF(value);
                PyErr_NoMemory();
                goto done;
            }
            memcpy(copy, args, sizeof(PyObject *) * (size_t)(count + keywords));
        }
        copy[i] = values[changed++] = value;
    }
    result = keeper->vectorcall(type, copy == NULL ? args : copy, copy == NULL ? flagged : (size_t)count, kwnames);
done:
    if (copy != first) {
        PyMem_Free(copy);
    }
    while (changed > 0) {
        Py_DECREF(values[--changed]);
    }
    return result;
}

/* Classes copy the slots of their base when they are made: those that exist already are given the new ones. */
static int
exchange(PyTypeObject *type, Keeper *keeper)
{
    if (keeper->make != NULL && type->tp_new == keeper->make) {
        type->tp_new = keeping_new;
    }
    if (keeper->init != NULL && type->tp_init == keeper->init) {
        type->tp_init = keeping_init;
    }
    PyObject *derived = PyObject_CallMethod((PyObject *)&PyType_Type, "__subclasses__", "O", (PyObject *)type);
    int status = derived == NULL || !PyList_Check(derived) ? -1 : 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(derived); i++) {
        status = exchange((PyTypeObject *)PyList_GET_ITEM(derived, i), keeper);
    }
    Py_XDECREF(derived);
    return status;
}

/* `__init__` of a type in C is an object with a pointer of its own. */
static int
exchange_init(Keeper *keeper)
{
    PyObject *dict = type_dict(keeper->type);
    PyObject *method = dict == NULL ? NULL : PyDict_GetItemWithError(dict, name_init);
    int found = method != NULL && Py_IS_TYPE(method, &PyWrapperDescr_Type)
                && ((PyWrapperDescrObject *)method)->d_wrapped == (void *)keeper->init;
    if (found) {
        ((PyWrapperDescrObject *)method)->d_wrapped = (void *)keeping_init;
    } else if (!PyErr_Occurred()) {
        PyErr_SetString(PyExc_RuntimeError, "this type has no __init__ in C");
    }
    Py_XDECREF(dict);
    return found ? 0 : -1;
}

static int
add_keeper(PyObject *row)
{
    PyTypeObject *type;
    int in_init, how;
    unsigned positions;
    PyObject *names;
    if (!PyArg_ParseTuple(row, "O!IO!pi", &PyType_Type, &type, &positions, &PyTuple_Type, &names, &in_init, &how)) {
        return -1;
    }
    Keeper *keeper = row_of(type);
    if (keeper->type != NULL || keeper_count++ == KEEPERS / 2) {
        PyErr_SetString(PyExc_RuntimeError, "a type twice, or too many types that keep callables");
        return -1;
    }
    *keeper = (Keeper){.type = (PyTypeObject *)Py_NewRef(type), .make = in_init ? NULL : type->tp_new,
                       .init = in_init ? type->tp_init : NULL, .positions = positions, .names = Py_NewRef(names),
                       .how = how};
    if (PyType_IsSubtype(type, &PyDict_Type)) {
        factory_type = type;
    }
    if (type->tp_vectorcall != NULL && !in_init) {
        keeper->vectorcall = type->tp_vectorcall;
        type->tp_vectorcall = keeping_vectorcall;
    }
    return exchange(type, keeper) < 0 || (in_init && exchange_init(keeper) < 0) ? -1 : 0;
}

/* Whether it is a defaultdict: of all that these types keep, its factory alone can be exchanged. */
int
keeps_factory(PyObject *object)
{
    return core != NULL && PyDict_Check(object) && factory_type != NULL && PyObject_TypeCheck(object, factory_type);
}

/* ---- For Python ----------------------------------------------------------------------------------------------------- */

PyObject *
module_set_keepers(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *words[] = {"types", "bind", "bind_method", "bind_special", "special", "on_data", "data_types", NULL};
    PyObject *types, *bind, *bind_method, *bind_special, *names, *callables, *data;
    if (core != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "already set");
        return NULL;
    }
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!OOOO!O!O!:set_keepers", words, &PyTuple_Type, &types, &bind,
                                     &bind_method, &bind_special, &PyFrozenSet_Type, &names, &PyTuple_Type, &callables, &PyTuple_Type,
                                     &data)
        || binding_ready(bind, callables, data) < 0) {
        return NULL;
    }
    special_methods_ready(bind_method, bind_special, names);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(types); i++) {
        if (add_keeper(PyTuple_GET_ITEM(types, i)) < 0) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}
