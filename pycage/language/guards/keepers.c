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
 * sandbox on the stack by itself, its own functions, stays as it is, and so does what works on data only: `int`,
 * `str.upper`.  The same goes for special methods, which the interpreter calls by itself.
 *
 * What still fails.  Code of the host that makes such an object of what a sandbox gave it, except where `deep` is set:
 * to look down the whole stack each time would cost every map() of the host.  Attributes with ordinary names: a class of
 * the sandbox may have a host function under `run`, and a host that calls `plugin.run(path)` calls that.
 */

#include "guards.h"

#include "../../_core.h"

/* No exceptions for what works on data; look down the whole stack; classes may stay. */
enum { STRICT = 1, DEEP = 2, CLASSES = 4 };

typedef struct {
    PyTypeObject *type;
    newfunc make;
    initproc init;
    vectorcallfunc vectorcall;
    unsigned positions;     /* bits: which arguments are kept */
    PyObject *names;        /* tuple of keywords that are kept */
    int how;
} Keeper;

#define KEEPERS 32

static Keeper keepers[KEEPERS];
static int keeper_count;
static const core_api *core;
static PyObject *binder;            /* callable -> the same, or one bound to the context of the stack */
static PyObject *method_binder;     /* function -> a function that calls it so */
static PyObject *special_binder;    /* any other object under the name of a special method -> one that is read so */
static PyObject *special;           /* frozenset of the names of special methods */
static PyTypeObject *factory_type;  /* defaultdict */
static Addresses on_data;           /* callables that work on their arguments as data */
static Addresses data_types;        /* types of which every method does */

/* ---- What may stay as it is --------------------------------------------------------------------------------------- */

static PyObject *
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
static PyObject *
kept(PyObject *thing, int how)
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

/* ---- Where objects are made ---------------------------------------------------------------------------------------- */

static Keeper *
keeper_of(PyTypeObject *type)
{
    for (; type != NULL; type = type->tp_base) {
        for (int i = 0; i < keeper_count; i++) {
            if (keepers[i].type == type) {
                return &keepers[i];
            }
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

static int
has_exact_names(PyObject *dict)
{
    PyObject *key, *value;
    Py_ssize_t position = 0;
    while (PyDict_Next(dict, &position, &key, &value)) {
        if (!PyUnicode_CheckExact(key)) {
            return 0;
        }
    }
    return 1;
}

/* New dictionary with the same items, whose keys are exactly str: looking one up runs no code. */
PyObject *
exact_names(PyObject *dict)
{
    PyObject *copy = PyDict_Copy(dict);
    if (copy == NULL || has_exact_names(copy)) {
        return copy;
    }
    PyObject *items = PyDict_Items(copy);
    Py_SETREF(copy, items == NULL ? NULL : PyDict_New());
    for (Py_ssize_t i = 0; copy != NULL && i < PyList_GET_SIZE(items); i++) {
        PyObject *name = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 0);
        PyObject *exact = PyUnicode_Check(name) ? PyUnicode_FromObject(name) : NULL;
        if (exact == NULL && !PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "names must be strings");
        }
        if (exact == NULL || PyDict_SetItem(copy, exact, PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 1)) < 0) {
            Py_CLEAR(copy);
        }
        Py_XDECREF(exact);
    }
    Py_XDECREF(items);
    return copy;
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
        PyObject *old = PyTuple_GET_ITEM(args, i), *value = kept(old, keeper->how);
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
        PyObject *value = kept(old, keeper->how);
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
        PyObject *value = kept(args[i], keeper->how);
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
    if (keeper_count == KEEPERS) {
        PyErr_SetString(PyExc_RuntimeError, "too many types that keep callables");
        return -1;
    }
    Keeper *keeper = &keepers[keeper_count++];
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

/* ---- Special methods ------------------------------------------------------------------------------------------------ */

static int
is_special_name(PyObject *name)
{
    if (special == NULL || !PyUnicode_CheckExact(name) || PyUnicode_GET_LENGTH(name) < 4
        || PyUnicode_READ_CHAR(name, 0) != '_') {
        return 0;
    }
    return PySet_Contains(special, name);
}

/* Whether it is not this that the interpreter calls, but what comes out when it is read: properties, slots, objects whose
 * class has a __get__, or may be given one. */
static int
is_asked_first(PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    if (type == &PyStaticMethod_Type || type == &PyClassMethod_Type || type == core->bound_call_type) {
        return 0;
    }
    return type == &PyProperty_Type || type == &PyMemberDescr_Type || type == &PyGetSetDescr_Type
           || PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE);
}

/* New reference to what a class has in place of this value under this name; NULL with an exception.  `by_host`: code of
 * the host may have put it there, which makes functions and classes part of classes of a sandbox. */
static PyObject *
special_method(PyObject *name, PyObject *value, int by_host)
{
    int is_special = is_special_name(name);
    if (is_special <= 0) {
        return is_special < 0 ? NULL : Py_NewRef(value);
    }
    if (PyFunction_Check(value)) {
        int handed = 0;
        PyObject *domain = by_host ? NULL : core->top_domain(&handed);
        if ((domain == NULL && !handed) || domain_of(value) == domain) {
            return Py_NewRef(value);
        }
        return PyObject_CallOneArg(method_binder, value);
    }
    if (by_host && PyType_Check(value)) {
        return Py_NewRef(value);
    }
    if (is_asked_first(value)) {
        return PyObject_CallOneArg(special_binder, value);
    }
    if (!PyCallable_Check(value) || (Py_TYPE(value)->tp_descr_get != NULL && !PyMethod_Check(value))) {
        return Py_NewRef(value);
    }
    return kept(value, by_host ? DEEP : 0);
}

/* New reference to the name of a slot of a class that is that of a special method; NULL: there is none. */
static PyObject *
special_slot(PyTypeObject *type)
{
    PyObject *dict = type_dict(type), *name, *value, *found = NULL;
    Py_ssize_t position = 0;
    while (dict != NULL && found == NULL && PyDict_Next(dict, &position, &name, &value)) {
        if (Py_IS_TYPE(value, &PyMemberDescr_Type) && is_special_name(name) > 0) {
            found = Py_NewRef(name);
        }
    }
    Py_XDECREF(dict);
    return found;
}

/* Puts a stand-in in place of each slot of a class made just now that has the name of a special method: what is stored
 * there is called with nobody on the stack.  -1 with an exception on error. */
int
check_slots(PyObject *cls)
{
    PyObject *name;
    while (PyType_Check(cls) && (name = special_slot((PyTypeObject *)cls)) != NULL) {
        PyObject *dict = type_dict((PyTypeObject *)cls), *slot = dict != NULL ? PyDict_GetItemWithError(dict, name) : NULL;
        PyObject *bound = slot != NULL ? PyObject_CallOneArg(special_binder, slot) : NULL;
        int same = bound == slot, status = bound == NULL ? -1 : same ? 0 : PyType_Type.tp_setattro(cls, name, bound);
        Py_XDECREF(bound);
        Py_XDECREF(dict);
        Py_DECREF(name);
        if (status < 0 || same) {
            return status;
        }
    }
    return PyErr_Occurred() ? -1 : 0;
}

/* New reference to a namespace for a class, in which special methods are kept: the same dictionary or a copy. */
PyObject *
kept_namespace(PyObject *namespace, int in_place)
{
    if (special == NULL || namespace == NULL || !PyDict_Check(namespace)) {
        return Py_XNewRef(namespace);
    }
    if (!has_exact_names(namespace)) {
        PyErr_SetString(PyExc_TypeError, "the names in a class must be exactly str");
        return NULL;
    }
    int handed = 0, by_host = core->top_domain(&handed) == NULL && !handed;
    PyObject *result = Py_NewRef(namespace), *items = PyDict_Items(namespace);
    for (Py_ssize_t i = 0; items != NULL && i < PyList_GET_SIZE(items); i++) {
        PyObject *name = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 0);
        PyObject *value = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 1);
        PyObject *other = special_method(name, value, by_host);
        int status = other == NULL ? -1 : 0;
        if (status == 0 && other != value) {
            if (!in_place && result == namespace) {
                Py_SETREF(result, PyDict_Copy(namespace));
            }
            status = result == NULL ? -1 : PyDict_SetItem(result, name, other);
        }
        Py_XDECREF(other);
        if (status < 0) {
            Py_CLEAR(items);
        }
    }
    if (items == NULL) {
        Py_CLEAR(result);
    }
    Py_XDECREF(items);
    return result;
}

/* Whether it is a defaultdict: of all that these types keep, its factory alone can be exchanged. */
int
keeps_factory(PyObject *object)
{
    return core != NULL && PyDict_Check(object) && factory_type != NULL && PyObject_TypeCheck(object, factory_type);
}

PyObject *
kept_attribute(PyObject *object, PyObject *name, PyObject *value)
{
    if (core == NULL) {
        return Py_NewRef(value);
    }
    if (PyType_Check(object)) {
        return special_method(name, value, 0);
    }
    int is_factory = keeps_factory(object) && PyUnicode_CheckExact(name) && PyCallable_Check(value)
                     && PyUnicode_CompareWithASCIIString(name, "default_factory") == 0;
    return is_factory ? kept(value, 0) : Py_NewRef(value);
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
    PyObject *function = core == NULL ? Py_NewRef(args[0]) : kept(args[0], 0);
    PyObject *iterator = function == NULL ? NULL : PyCallIter_New(function, args[1]);
    Py_XDECREF(function);
    return iterator;
}

PyObject *
module_keep(PyObject *Py_UNUSED(module), PyObject *function)
{
    return core == NULL || !PyCallable_Check(function) ? Py_NewRef(function) : kept(function, DEEP);
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
        || add_addresses(&on_data, callables) < 0 || add_addresses(&data_types, data) < 0) {
        return NULL;
    }
    const core_api *api = PyCapsule_Import(CORE_CAPSULE, 0);
    if (api == NULL) {
        return NULL;
    }
    core = api;
    binder = Py_NewRef(bind);
    method_binder = Py_NewRef(bind_method);
    special_binder = Py_NewRef(bind_special);
    special = Py_NewRef(names);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(types); i++) {
        if (add_keeper(PyTuple_GET_ITEM(types, i)) < 0) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}
