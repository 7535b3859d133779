/* Guards: the functions that rewritten source calls, and the set of what a sandbox owns. */

/* Problem.  A read like x._y or a write like x.y = 1 cannot be judged by its name: it is fine on an object that the
 * sandbox made and a breach on one that the host lent.  So something has to know, in a few nanoseconds and without
 * being fooled, whose an object is.
 *
 * Things that do not work:
 *
 * - A mark in the class (an attribute, a slot): guests can set, copy and delete attributes, and namespaces are theirs.
 * - A set of classes: whoever registers "the result of the class statement" registers whatever a guest's metaclass
 *   returned, which may be a class of the host.  And dataclass(slots=True) makes a second class that nobody registered.
 * - Ask for __module__ or __name__: both are ordinary attributes.
 * - Guards found by name: every dictionary and every scope between the code and the guard can shadow it (CVE-2026-55830).
 *   The guards are constants of the code objects instead; see compiler.py.
 *
 * Idea.  A class is the sandbox's own if and only if its tp_bases *is* a tuple that this file created for a class
 * statement of the sandbox.  type.__new__ keeps the tuple it is given, no class that existed before can hold a fresh
 * tuple, __bases__ may be neither read nor written by guests, and a class derived by copying (dataclass(slots=True),
 * attrs) passes the same tuple on and so is rightly own too.  The tuple is known before the class exists, so
 * __init_subclass__ and __set_name__ already see an own class.  An object is own if its class is; a class if it is or
 * its metaclass is; a function if its code is tagged; a module if the host said so.
 *
 * Classes that stand in for another object (GenericAlias, proxies) would make the other object look own, so nothing
 * derived from them is registered.
 *
 * An own object is not all the sandbox's: class E(Enum) brings along what Enum is made of, E._convert_ copies the
 * globals of any module, and E.__getstate__(host_object) hands out the host's state.  So a private name that a host
 * class of the MRO defines is read only if the sandbox defines it too, nearer, and then the value is taken from the
 * sandbox's own dictionary, in one step: a guard that answers "yes" and lets the interpreter read would be asked about
 * E._convert_ while it is the guest's, and another thread or a finalizer would delete it before it is read.  Most own
 * classes have no host base but built-in types without private names; that is remembered by the address of their MRO,
 * which like the bases cannot be changed by a guest.
 *
 * What still fails.  A host class derived from a guest's class counts as own if it has the guest's __bases__ tuple or
 * metaclass.  A built-in exception that the host keeps can be written to by a guest that catches it.  What a method of a host base class stores *in* an own object (its __dict__, its slots) is the sandbox's to read.
 *
 * Which functions can run Python code: own() asks only exact built-in things and the injected code_owner; read() and
 * everything that gets or sets an attribute may run anything.  No borrowed reference is kept across those.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* -- Version dependent, and struct fields of the full C API: reviewed for 3.11, 3.12, 3.13 ------------------------- */

#if PY_VERSION_HEX < 0x030B0000
#error "CPython 3.11 or later"
#endif

/* New reference to a class's own dictionary, or NULL without an exception. */
static PyObject *
type_dict(PyTypeObject *type)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyType_GetDict(type);
#else
    return Py_XNewRef(type->tp_dict);
#endif
}

/* New reference to what a weak reference points to, or NULL without an exception. */
static PyObject *
weak_target(PyObject *reference)
{
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *target = NULL;
    if (PyWeakref_GetRef(reference, &target) < 0) {
        PyErr_Clear();
    }
    return target;
#else
    PyObject *target = PyWeakref_GetObject(reference);
    return target == NULL || target == Py_None ? NULL : Py_NewRef(target);
#endif
}

/* A number that changes whenever the class or one of its bases does, and that no class ever had before (bpo-44914); 0 if
 * there is none now.  Runs no code. */
static inline unsigned int
type_version(PyTypeObject *type)
{
#if PY_VERSION_HEX < 0x030D0000     /* since then, "not valid" is 0 (gh-119462) */
    if (!(type->tp_flags & Py_TPFLAGS_VALID_VERSION_TAG)) {
        return 0;
    }
#endif
    return type->tp_version_tag;
}

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

/* -- What names.py decided; set once, before any guest exists ------------------------------------------------------ */

enum kind { PLAIN, NEVER, OWN, CLASS, FORMAT, VALUE, COPY, DICT, MUTATOR, READER, CHANGER };

/* A set of objects by address, which it keeps alive: a tuple of bases, a tuple of classes, a class. */
typedef struct {
    PyObject **table;       /* open addressing */
    size_t mask, used;
    void *last;             /* the one found last */
} Addresses;


static PyObject *kinds;         /* dict: name -> kind */
static PyObject *unstorable;    /* frozenset of names */
static PyObject *value_of;      /* dict: name -> tuple of types */
static PyObject *formatters;    /* tuple of types whose format() reads attributes by itself */
static PyObject *transparent;   /* tuple of types that stand in for another object */
static PyObject *safe_types;    /* tuple of types whose instances are plain containers of attributes */
static PyObject *sealed;        /* tuple of types that no class of a sandbox may have as a base */
static PyObject *inherited;     /* dict: a host's private name -> 1: read off own instances, 2: off own classes too */
static Addresses bare_types;    /* built-in types without private names */
static PyTypeObject *view_type; /* modules whose dictionary holds only what a sandbox may see */
static PyObject *slow_format;   /* callable: template, args, kwargs, getattr -> str */
static PyObject *stand_ins;     /* dict: name of kind VALUE -> callable: object, value -> what is handed out, or None */
static PyObject *super_self;    /* the descriptor super.__self__ */
static PyObject *str_format, *str_format_map, *name_init, *name_match_args, *name_prepare, *name_mro_entries;
static PyObject *name_registry;
static PyObject *name_builtins, *name_metaclass, *name_format_map, *name_format, *name_cause;
static PyObject *import_denied; /* the class of what a denied import raises */
static PyObject *dispatchers;   /* tuple of code objects: functions with a register of implementations */
static PyTypeObject *replacing; /* a metaclass that answers with another new class than type.__new__ made */
static PyObject *name_getattr, *name_getattribute, *super_thisclass, *super_self_class;
static PyObject *name_annotations, *name_read, *name_store;

static PyTypeObject GuardSet_Type, Checked_Type, Refuser_Type;

/* What was found out about a class.  Both tuples are kept alive by the sets below for as long as the row is there, so
 * they are the same objects and not others at the same addresses. */
typedef struct {
    PyObject *mro, *bases;
    int bare;
} Verdict;

/* A stand-in that was judged while the class had this version: no class of its MRO has changed since.  A version is
 * given out once, so another class at the same address has another. */
typedef struct {
    PyTypeObject *type;
    unsigned int version;
    PyObject *stand_in;     /* owned */
} Judged;

#define VERDICTS 64
#define JUDGED 64

typedef struct {
    PyObject_HEAD
    PyObject *owner;        /* what code_owner() answers for code of this sandbox */
    PyObject *code_owner;   /* callable: code -> owner or None */
    PyObject *denied;       /* callable: reason, name or None, type name -> exception */
    PyObject *stand_ins;    /* has read(object, name) and store(object, name, value) for names that are refused; or NULL */
    Addresses bases;        /* what makes a class own */
    Addresses bare;         /* MROs of own classes with no private names but the sandbox's */
    Addresses honest;       /* MROs of own classes that lead through nothing that a class may not derive from */
    PyObject *modules;      /* dict: address -> weak reference */
    PyObject *patterns;     /* dict: address of a class -> (class, match args, stand-in) */
    Verdict verdicts[VERDICTS];     /* of own classes, by the address of the MRO */
    Judged judged[JUDGED];          /* by the address of the class */
    PyObject *weakrefs;
} GuardSet;

typedef struct {
    PyObject_HEAD
    GuardSet *guards;
    PyObject *name;         /* __init__, __setattr__, ... */
    PyObject *real;
    PyObject *target;       /* what it is bound to, or NULL: the first argument */
    int prepend;            /* real wants the target as its first argument */
} Checked;

typedef struct {
    PyObject_HEAD
    GuardSet *guards;
    PyObject *target;
} Refuser;

/* -- Names --------------------------------------------------------------------------------------------------------- */

/* The kind of an attribute name, an exact str; -1 with an exception. Runs no Python code. */
static int
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
static int
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

/* -- Denials ------------------------------------------------------------------------------------------------------- */

/* New reference to the exception that the host's factory makes, which also records it; or NULL with another. */
static PyObject *
make_denial(GuardSet *self, const char *reason, PyObject *name, PyObject *object)
{
    if (self->denied == NULL) {
        PyErr_SetString(PyExc_PermissionError, "access denied: the sandbox is closed");
        return NULL;
    }
    const char *type_name = object == NULL ? "" : Py_TYPE(object)->tp_name;
    PyObject *text = PyUnicode_DecodeUTF8(type_name, (Py_ssize_t)strlen(type_name), "replace");
    if (text == NULL) {
        return NULL;
    }
    return PyObject_CallFunction(self->denied, "sON", reason, name == NULL ? Py_None : name, text);
}

/* Sets the exception that the host's factory makes, always something; returns NULL.  Runs the host's code only: it is
 * given the C name of the type, never the object. */
static void *
deny(GuardSet *self, const char *reason, PyObject *name, PyObject *object)
{
    PyObject *exception = make_denial(self, reason, name, object);
    if (exception == NULL) {
        return NULL;
    }
    if (PyExceptionInstance_Check(exception)) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    } else {
        PyErr_SetString(PyExc_PermissionError, "access denied");
    }
    Py_DECREF(exception);
    return NULL;
}

/* -- Ownership ----------------------------------------------------------------------------------------------------- */

static inline size_t
slot_of(const Addresses *set, const void *object)
{
    size_t hash = (size_t)(uintptr_t)object;
    return ((hash >> 4) ^ (hash >> 13)) & set->mask;
}

static inline int
has(Addresses *set, void *object)
{
    if (object == set->last) {
        return object != NULL;
    }
    if (set->table == NULL || object == NULL) {
        return 0;
    }
    for (size_t i = slot_of(set, object); set->table[i] != NULL; i = (i + 1) & set->mask) {
        if (set->table[i] == object) {
            set->last = object;
            return 1;
        }
    }
    return 0;
}

static int mro_is_honest(GuardSet *self, PyObject *mro);

static inline size_t
place_of(const void *object)
{
    size_t hash = (size_t)(uintptr_t)object;
    return (hash >> 4) ^ (hash >> 10);
}

static inline Verdict *
verdict_of(GuardSet *self, PyTypeObject *type)
{
    return &self->verdicts[place_of(type->tp_mro) % VERDICTS];
}

static inline int
fits(const Verdict *verdict, PyTypeObject *type)
{
    return verdict->mro == type->tp_mro && verdict->bases == type->tp_bases && verdict->mro != NULL;
}

/* By its bases or by its metaclass, and by its MRO: a metaclass with an mro() of its own could let attribute look-up go
 * where no base is.  A class that the sandbox's metaclass makes by a call, meta(name, bases, namespace), is own although
 * nobody registered its bases: the metaclass has had its hands on everything in it.  That is not remembered, because
 * nothing here keeps its bases alive. */
static int
judge_class(GuardSet *self, PyTypeObject *type)
{
    if (!has(&self->bases, type->tp_bases)) {
        return has(&self->bases, Py_TYPE(type)->tp_bases)
               && (has(&self->honest, type->tp_mro) || mro_is_honest(self, type->tp_mro));
    }
    if (!mro_is_honest(self, type->tp_mro)) {
        return 0;
    }
    if (has(&self->honest, type->tp_mro)) {     /* unless there was no memory to keep it */
        *verdict_of(self, type) = (Verdict){type->tp_mro, type->tp_bases, 0};
    }
    return 1;
}

static inline int
is_own_class(GuardSet *self, PyTypeObject *type)
{
    return fits(verdict_of(self, type), type) || judge_class(self, type);
}

/* Makes room, and drops what nothing else refers to any more: the classes are gone. */
static int
grow(Addresses *set)
{
    size_t live = 0, old_size = set->table == NULL ? 0 : set->mask + 1;
    for (size_t i = 0; i < old_size; i++) {
        live += set->table[i] != NULL && Py_REFCNT(set->table[i]) > 1;
    }
    size_t size = 16;
    while (size < live * 4) {
        size *= 2;
    }
    PyObject **old = set->table;
    PyObject **table = PyMem_Calloc(size, sizeof(PyObject *));
    if (table == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    /* Sort the old entries into the new table first; what is dropped is released only when the table is whole again,
     * because releasing runs destructors. */
    set->table = table;
    set->mask = size - 1;
    set->used = 0;
    set->last = NULL;
    for (size_t i = 0; i < old_size; i++) {
        PyObject *entry = old[i];
        if (entry != NULL && Py_REFCNT(entry) > 1) {
            size_t j = slot_of(set, entry);
            while (table[j] != NULL) {
                j = (j + 1) & set->mask;
            }
            table[j] = entry;
            set->used++;
            old[i] = NULL;
        }
    }
    for (size_t i = 0; i < old_size; i++) {
        Py_XDECREF(old[i]);
    }
    PyMem_Free(old);
    return 0;
}

static inline int
is_full(const Addresses *set)
{
    return set->table == NULL || (set->used + 1) * 3 > (set->mask + 1) * 2;
}

static int
add(Addresses *set, PyObject *object)
{
    if (has(set, object)) {
        return 0;
    }
    if (is_full(set) && grow(set) < 0) {
        return -1;
    }
    size_t i = slot_of(set, object);
    while (set->table[i] != NULL) {
        i = (i + 1) & set->mask;
    }
    set->table[i] = Py_NewRef(object);
    set->used++;
    return 0;
}

static void
forget(Addresses *set)
{
    PyObject **table = set->table;
    size_t size = table == NULL ? 0 : set->mask + 1;
    *set = (Addresses){0};
    for (size_t i = 0; i < size; i++) {
        Py_XDECREF(table[i]);
    }
    PyMem_Free(table);
}

/* Adds to one of the sets of a sandbox; what that drops is dropped from the verdicts first. */
static int
keep(GuardSet *self, Addresses *set, PyObject *object)
{
    if (is_full(set)) {
        memset(self->verdicts, 0, sizeof self->verdicts);
    }
    return add(set, object);
}

static int
add_bases(GuardSet *self, PyObject *bases)
{
    if (self->denied == NULL) {
        deny(self, "", NULL, NULL);
        return -1;
    }
    return keep(self, &self->bases, bases);
}

static int
subtype_of_any(PyTypeObject *type, PyObject *types)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(types); i++) {
        if (PyType_IsSubtype(type, (PyTypeObject *)PyTuple_GET_ITEM(types, i))) {
            return 1;
        }
    }
    return 0;
}

/* Whether a class with these bases may count as own. */
static int
may_own(PyObject *bases)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); i++) {
        PyObject *base = PyTuple_GET_ITEM(bases, i);
        if (!PyType_Check(base) || PyType_IsSubtype((PyTypeObject *)base, &PySuper_Type)
            || subtype_of_any((PyTypeObject *)base, transparent) || subtype_of_any((PyTypeObject *)base, sealed)) {
            return 0;
        }
    }
    return 1;
}

static int
mro_is_honest(GuardSet *self, PyObject *mro)
{
    if (has(&self->honest, mro)) {
        return 1;
    }
    if (mro == NULL || !PyTuple_CheckExact(mro) || !may_own(mro)) {
        return 0;
    }
    if (keep(self, &self->honest, mro) < 0) {
        PyErr_Clear();
    }
    return 1;
}

/* -1 with an exception if one of these bases may be nobody's. */
static int
check_sealed(GuardSet *self, PyObject *bases)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); i++) {
        PyObject *base = PyTuple_GET_ITEM(bases, i);
        if (PyType_Check(base) && subtype_of_any((PyTypeObject *)base, sealed)) {
            const char *text = ((PyTypeObject *)base)->tp_name;
            PyObject *name = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
            if (name != NULL) {
                deny(self, "sealed", name, base);
                Py_DECREF(name);
            }
            return -1;
        }
    }
    return 0;
}

static int
is_own_code(GuardSet *self, PyObject *code)
{
    if (self->code_owner == NULL || code == NULL) {
        return 0;
    }
    PyObject *owner = PyObject_CallOneArg(self->code_owner, code);
    if (owner == NULL) {
        PyErr_Clear();
        return 0;
    }
    int own = owner == self->owner && owner != Py_None;
    Py_DECREF(owner);
    return own;
}

static int
is_own_module(GuardSet *self, PyObject *module)
{
    PyObject *key = self->modules == NULL ? NULL : PyLong_FromVoidPtr(module);
    if (key == NULL) {
        PyErr_Clear();
        return 0;
    }
    PyObject *reference = PyDict_GetItemWithError(self->modules, key);
    Py_DECREF(key);
    if (reference == NULL) {
        PyErr_Clear();
        return 0;
    }
    PyObject *target = weak_target(reference);
    int own = target == module;
    Py_XDECREF(target);
    return own;
}

/* New reference to the object behind a super object, or NULL without an exception.  Through super's own descriptor:
 * a subclass may define another __self__. */
static PyObject *
behind_super(PyObject *object)
{
    PyObject *self = Py_TYPE(super_self)->tp_descr_get(super_self, object, (PyObject *)Py_TYPE(object));
    if (self == NULL) {
        PyErr_Clear();
        return NULL;
    }
    if (self == Py_None) {
        Py_CLEAR(self);
    }
    return self;
}

static inline int
is_super(PyObject *object)
{
    return Py_IS_TYPE(object, &PySuper_Type) || PyType_IsSubtype(Py_TYPE(object), &PySuper_Type);
}

static int
is_own_slow(GuardSet *self, PyObject *object)
{
    if (PyType_Check(object)) {
        return is_own_class(self, (PyTypeObject *)object);
    }
    if (PyFunction_Check(object)) {
        return is_own_code(self, PyFunction_GET_CODE(object));
    }
    if (PyModule_Check(object)) {
        return is_own_module(self, object);
    }
    if (is_super(object)) {
        PyObject *behind = behind_super(object);
        /* One level: a super object of a super object is nobody's. */
        int own = behind != NULL && !is_super(behind)
                  && (is_own_class(self, Py_TYPE(behind)) || is_own_slow(self, behind));
        Py_XDECREF(behind);
        return own;
    }
    return 0;
}

/* Whether the object is the sandbox's own.  Runs no code of a guest. */
static inline int
is_own(GuardSet *self, PyObject *object)
{
    return is_own_class(self, Py_TYPE(object)) || is_own_slow(self, object);
}

/* Whether a value that an attribute led to may be handed out: own, or a method made of an own function, or None. */
static int
is_own_value(GuardSet *self, PyObject *value)
{
    if (value == Py_None || is_own(self, value)) {
        return 1;
    }
    return PyMethod_Check(value) && is_own(self, PyMethod_GET_FUNCTION(value));
}

/* Whether nothing can be assigned on the object and it has no private names (__special__ ones do not count): it may say
 * so itself, in the words that programs know. */
static int
is_inert(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    return object == Py_None || type == &PyLong_Type || type == &PyUnicode_Type || type == &PyBool_Type
           || type == &PyFloat_Type || type == &PyTuple_Type || type == &PyList_Type || type == &PyDict_Type
           || type == &PySet_Type || type == &PyFrozenSet_Type || type == &PyBytes_Type || type == &PyComplex_Type;
}

static inline int
is_writable(GuardSet *self, PyObject *object)
{
    if (is_own_class(self, Py_TYPE(object)) || is_inert(object)) {
        return 1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(safe_types); i++) {
        if (Py_IS_TYPE(object, (PyTypeObject *)PyTuple_GET_ITEM(safe_types, i))) {
            return 1;
        }
    }
    /* `e.args = ...` before raising it again: whoever holds a built-in exception could as well raise another. */
    if (PyExceptionInstance_Check(object) && !(Py_TYPE(object)->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
        return 1;
    }
    return is_own_slow(self, object);
}

/* -- Private names ------------------------------------------------------------------------------------------------- */

enum reach {
    NOT,        /* not an own object */
    FREE,       /* whatever the name leads to is the sandbox's: the interpreter may read it */
    NARROW,     /* the host has something of that name there: only private_get() may read it */
};

static inline int
ends_with_underscore(PyObject *name)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(name);
    return length > 0 && PyUnicode_READ_CHAR(name, length - 1) == '_';
}

/* Whether no class of a type's MRO, apart from the sandbox's, has private names (__special__ ones do not count), or
 * answers for attributes that it does not have. */
static int
is_bare(GuardSet *self, PyTypeObject *type)
{
    PyObject *mro = type->tp_mro;
    if (has(&self->bare, mro)) {
        return 1;
    }
    if (mro == NULL) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); i++) {
        PyObject *cls = PyTuple_GET_ITEM(mro, i);
        if (!is_own_class(self, (PyTypeObject *)cls) && !has(&bare_types, cls)) {
            return 0;
        }
    }
    if (keep(self, &self->bare, mro) < 0) {
        PyErr_Clear();
    }
    return 1;
}

/* Whether a type is an own class that has no private names but the sandbox's. */
static inline int
is_own_and_bare(GuardSet *self, PyTypeObject *type)
{
    Verdict *verdict = verdict_of(self, type);
    if (fits(verdict, type) && verdict->bare) {
        return 1;
    }
    if (!is_own_class(self, type) || !is_bare(self, type)) {
        return 0;
    }
    if (fits(verdict, type)) {      /* judging the bases may have taken the row for one of them */
        verdict->bare = 1;
    }
    return 1;
}

/* New reference to the value of a name in one class's dictionary, or NULL, with or without an exception. */
static PyObject *
class_value(PyObject *cls, PyObject *name)
{
    PyObject *dict = type_dict((PyTypeObject *)cls);
    PyObject *value = dict == NULL ? NULL : Py_XNewRef(PyDict_GetItemWithError(dict, name));
    Py_XDECREF(dict);
    return value;
}

/* Whether a host class of the MRO defines the name, or answers for names that it does not define; -1 with an exception.
 * Runs no code of a guest: looks into dictionaries of the host only. */
static int
host_answers(GuardSet *self, PyTypeObject *type, PyObject *name)
{
    PyObject *mro = Py_XNewRef(type->tp_mro);
    int found = mro == NULL;
    for (Py_ssize_t i = 0; !found && i < PyTuple_GET_SIZE(mro); i++) {
        PyObject *cls = PyTuple_GET_ITEM(mro, i);
        if (is_own_class(self, (PyTypeObject *)cls)) {
            continue;
        }
        PyObject *names[] = {name, name_getattr, name_getattribute};
        for (size_t j = 0; !found && j < sizeof names / sizeof *names; j++) {
            PyObject *value = class_value(cls, names[j]);
            /* A C type's own idea of reading attributes calls nobody. */
            found = value != NULL && (j == 0 || !Py_IS_TYPE(value, &PyWrapperDescr_Type));
            Py_XDECREF(value);
            if (value == NULL && PyErr_Occurred()) {
                found = -1;
            }
        }
    }
    Py_XDECREF(mro);
    return found;
}

/* How far a private or special name may be read from an object; -1 with an exception.  Runs no code of a guest. */
static int
private_reach(GuardSet *self, PyObject *object, PyObject *name)
{
    PyTypeObject *type = Py_TYPE(object), *meta = NULL;
    int bound = 1, answers;
    if (!ends_with_underscore(name) && !PyType_Check(object) && is_own_and_bare(self, type)) {
        return FREE;
    }
    if (is_super(object)) {
        PyObject *behind = is_own(self, object) ? behind_super(object) : NULL;
        if (behind == NULL) {
            return NOT;
        }
        PyObject *start = Py_TYPE(super_self_class)->tp_descr_get(super_self_class, object, (PyObject *)type);
        bound = start != behind;
        Py_DECREF(behind);
        if (start == NULL || !PyType_Check(start)) {
            PyErr_Clear();
            Py_XDECREF(start);
            return NOT;
        }
        answers = host_answers(self, (PyTypeObject *)start, name);
        Py_DECREF(start);
    } else if (PyType_Check(object)) {
        if (!is_own(self, object)) {
            return NOT;
        }
        meta = type;
        type = (PyTypeObject *)object;
        bound = 0;
        if (!ends_with_underscore(name) && is_bare(self, type) && (meta == &PyType_Type || is_bare(self, meta))) {
            return FREE;
        }
        answers = host_answers(self, type, name);
        if (answers == 0) {
            answers = host_answers(self, meta, name);
        }
    } else if (is_own_class(self, type)) {
        answers = host_answers(self, type, name);
    } else if (view_type != NULL && type == view_type) {
        int shown = PyDict_Contains(PyModule_GetDict(object), name);
        return shown < 0 ? -1 : shown ? FREE : NOT;
    } else {
        /* Functions and modules: what they are made of has rows in names.py. */
        return is_own_slow(self, object) || (is_inert(object) && !ends_with_underscore(name)) ? FREE : NOT;
    }
    if (answers <= 0) {
        return answers < 0 ? -1 : FREE;
    }
    PyObject *row = PyDict_GetItemWithError(inherited, name);
    if (row == NULL && PyErr_Occurred()) {
        return -1;
    }
    return row != NULL && (bound || PyLong_AsLong(row) == 2) ? FREE : NARROW;
}

/* New reference to the value that the first class of an MRO, from a place on, has for a name; *own tells whose class.
 * NULL without an exception if there is none.  Keys of own classes may run code of the guest. */
static PyObject *
first_value(GuardSet *self, PyTypeObject *type, PyObject *after, PyObject *name, int *own)
{
    PyObject *mro = Py_XNewRef(type->tp_mro), *value = NULL;
    int seen = after == NULL;
    for (Py_ssize_t i = 0; mro != NULL && value == NULL && i < PyTuple_GET_SIZE(mro); i++) {
        PyObject *cls = PyTuple_GET_ITEM(mro, i);
        if (!seen) {
            seen = cls == after;
            continue;
        }
        *own = is_own_class(self, (PyTypeObject *)cls);
        value = class_value(cls, name);
        if (value == NULL && PyErr_Occurred()) {
            break;
        }
    }
    Py_XDECREF(mro);
    return value;
}

/* Steals value; what reading it as an attribute gives. */
static PyObject *
bound_value(PyObject *value, PyObject *instance, PyObject *type)
{
    descrgetfunc get = Py_TYPE(value)->tp_descr_get;
    if (get != NULL) {
        Py_SETREF(value, get(value, instance, type));
    }
    return value;
}

/* Reads a private name where the host has something of that name as well: what the sandbox defined nearer, or stored in
 * the object.  The value that was judged is the value that is returned.  NULL with *refused and no exception if it
 * would be the host's. */
static PyObject *
private_get(GuardSet *self, PyObject *object, PyObject *name, int *refused)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject *instance = NULL, *after = NULL, *cls = NULL, *value = NULL;
    int own = 0;
    if (is_super(object)) {
        instance = behind_super(object);
        cls = Py_TYPE(super_self_class)->tp_descr_get(super_self_class, object, (PyObject *)type);
        after = Py_TYPE(super_thisclass)->tp_descr_get(super_thisclass, object, (PyObject *)type);
        if (instance == NULL || cls == NULL || after == NULL || !PyType_Check(cls)) {
            PyErr_Clear();
            *refused = 1;
            goto done;
        }
        value = first_value(self, (PyTypeObject *)cls, after, name, &own);
        if (value != NULL) {
            if (own) {
                value = bound_value(value, instance == cls ? NULL : instance, cls);
            } else {
                Py_CLEAR(value);
                *refused = 1;
            }
            goto done;
        }
    } else if (PyType_Check(object)) {
        int meta_own = 0;
        PyObject *outer = first_value(self, type, NULL, name, &meta_own);
        if (outer != NULL && !meta_own) {
            Py_DECREF(outer);
            *refused = 1;
            goto done;
        }
        if (outer != NULL && Py_TYPE(outer)->tp_descr_set != NULL) {
            value = bound_value(outer, object, (PyObject *)type);
            goto done;
        }
        value = PyErr_Occurred() ? NULL : first_value(self, (PyTypeObject *)object, NULL, name, &own);
        if (value != NULL || PyErr_Occurred()) {
            Py_XDECREF(outer);
            if (value == NULL) {
                goto done;
            }
            if (own) {
                value = bound_value(value, NULL, object);
            } else {
                Py_CLEAR(value);
                *refused = 1;
            }
            goto done;
        }
        if (outer != NULL) {
            value = bound_value(outer, object, (PyObject *)type);
            goto done;
        }
    } else {
        value = first_value(self, type, NULL, name, &own);
        if (value == NULL && PyErr_Occurred()) {
            goto done;
        }
        if (value == NULL || Py_TYPE(value)->tp_descr_set == NULL) {
            PyObject *dict = PyObject_GenericGetDict(object, NULL);
            if (dict == NULL) {
                PyErr_Clear();
            } else {
                PyObject *stored = PyDict_CheckExact(dict) ? Py_XNewRef(PyDict_GetItemWithError(dict, name)) : NULL;
                Py_DECREF(dict);
                if (stored != NULL || PyErr_Occurred()) {
                    Py_XDECREF(value);
                    value = stored;
                    goto done;
                }
            }
        }
        if (value != NULL) {
            if (own) {
                value = bound_value(value, object, (PyObject *)type);
            } else {
                Py_CLEAR(value);
                *refused = 1;
            }
            goto done;
        }
    }
    if (!PyErr_Occurred()) {
        PyErr_Format(PyExc_AttributeError, "'%.100s' object has no attribute %R", type->tp_name, name);
    }
done:
    Py_XDECREF(instance);
    Py_XDECREF(after);
    Py_XDECREF(cls);
    return value;
}

/* -- Formatting ---------------------------------------------------------------------------------------------------- */

/* Whether a template has a replacement field with a look-up.  Every "{" counts, escaped or nested, and its name ends at
 * "!", ":" or a brace; this finds more than there are, never less. */
static int
has_lookup(PyObject *template)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(template);
    int form = PyUnicode_KIND(template);
    const void *data = PyUnicode_DATA(template);
    int in_name = 0;
    for (Py_ssize_t i = 0; i < length; i++) {
        switch (PyUnicode_READ(form, data, i)) {
        case '{':
            in_name = 1;
            break;
        case '}': case ':': case '!':
            in_name = 0;
            break;
        case '.': case '[':
            if (in_name) {
                return 1;
            }
            break;
        }
    }
    return 0;
}

/* template.format(*args, **kwargs) or template.format_map(mapping), with look-ups judged. */
static PyObject *
format_safely(GuardSet *self, PyObject *template, PyObject *args, PyObject *kwargs, int map)
{
    if (map && (PyTuple_GET_SIZE(args) != 1 || (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0))) {
        PyErr_SetString(PyExc_TypeError, "str.format_map() takes exactly one argument");
        return NULL;
    }
    PyObject *result = NULL;
    if (!has_lookup(template)) {
        Py_ssize_t count = PyTuple_GET_SIZE(args);
        PyObject *all = PyTuple_New(count + 1);
        if (all == NULL) {
            return NULL;
        }
        PyTuple_SET_ITEM(all, 0, Py_NewRef(template));
        for (Py_ssize_t i = 0; i < count; i++) {
            PyTuple_SET_ITEM(all, i + 1, Py_NewRef(PyTuple_GET_ITEM(args, i)));
        }
        result = PyObject_Call(map ? str_format_map : str_format, all, kwargs);
        Py_DECREF(all);
        return result;
    }
    if (slow_format == NULL) {
        return deny(self, "format", NULL, template);
    }
    PyObject *getter = PyObject_GetAttrString((PyObject *)self, "getattr");
    if (getter == NULL) {
        return NULL;
    }
    if (map) {
        result = PyObject_CallFunctionObjArgs(slow_format, template, Py_None, PyTuple_GET_ITEM(args, 0), getter, NULL);
    } else {
        result = PyObject_CallFunctionObjArgs(slow_format, template, args, kwargs == NULL ? Py_None : kwargs, getter,
                                              NULL);
    }
    Py_DECREF(getter);
    return result;
}

/* Called with (guards, template, is_map) or, taken from the class, (guards, None, is_map). */
static PyObject *
formatter_call(PyObject *bound, PyObject *args, PyObject *kwargs)
{
    GuardSet *self = (GuardSet *)PyTuple_GET_ITEM(bound, 0);
    PyObject *template = PyTuple_GET_ITEM(bound, 1);
    int map = PyTuple_GET_ITEM(bound, 2) == Py_True;
    if (template != Py_None) {
        return format_safely(self, template, args, kwargs, map);
    }
    if (PyTuple_GET_SIZE(args) < 1 || !PyUnicode_Check(PyTuple_GET_ITEM(args, 0))) {
        PyErr_SetString(PyExc_TypeError, "descriptor 'format' requires a 'str' object");
        return NULL;
    }
    PyObject *rest = PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args));
    if (rest == NULL) {
        return NULL;
    }
    PyObject *result = format_safely(self, PyTuple_GET_ITEM(args, 0), rest, kwargs, map);
    Py_DECREF(rest);
    return result;
}

static PyMethodDef formatter_def = {
    "format", (PyCFunction)(void (*)(void))formatter_call, METH_VARARGS | METH_KEYWORDS, NULL};

/* Steals the value that "format" or "format_map" led to; str's own become the judged ones. */
static PyObject *
safe_formatter(GuardSet *self, PyObject *value, PyObject *name)
{
    PyObject *template;
    if (PyCFunction_Check(value)) {
        template = PyCFunction_GET_SELF(value);
        if (template == NULL || !PyUnicode_Check(template)) {
            return value;
        }
    } else if (value == str_format || value == str_format_map) {
        template = Py_None;
    } else {
        return value;
    }
    int map = PyUnicode_Compare(name, name_format_map) == 0;
    PyObject *bound = PyTuple_Pack(3, self, template, map ? Py_True : Py_False);
    Py_DECREF(value);
    if (bound == NULL) {
        return NULL;
    }
    PyObject *formatter = PyCFunction_New(&formatter_def, bound);
    Py_DECREF(bound);
    return formatter;
}

/* -- Reading ------------------------------------------------------------------------------------------------------- */

/* Whether the object is, stands for, or is a class of one of these types. */
static int
concerns(PyObject *object, PyObject *types)
{
    if (subtype_of_any(Py_TYPE(object), types) || subtype_of_any(Py_TYPE(object), transparent)) {
        return 1;
    }
    if (PyType_Check(object) && subtype_of_any((PyTypeObject *)object, types)) {
        return 1;
    }
    if (is_super(object)) {
        PyObject *behind = behind_super(object);
        int found = behind == NULL || is_super(behind) || subtype_of_any(Py_TYPE(behind), types)
                    || (PyType_Check(behind) && subtype_of_any((PyTypeObject *)behind, types));
        Py_XDECREF(behind);
        return found;
    }
    return 0;
}

/* Whether it is what functools.singledispatch() returns, or a method of it: a function that everybody shares, with a
 * register of implementations that everybody can add to. */
static int
is_dispatcher(PyObject *object)
{
    if (PyMethod_Check(object)) {
        object = PyMethod_GET_FUNCTION(object);
    }
    if (!PyFunction_Check(object) || dispatchers == NULL) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(dispatchers); i++) {
        if (PyTuple_GET_ITEM(dispatchers, i) == PyFunction_GET_CODE(object)) {
            return 1;
        }
    }
    return 0;
}

static PyObject *
checked_new(GuardSet *self, PyObject *name, PyObject *real, PyObject *target, int prepend)
{
    Checked *checked = PyObject_GC_New(Checked, &Checked_Type);
    if (checked == NULL) {
        return NULL;
    }
    checked->guards = (GuardSet *)Py_NewRef(self);
    checked->name = Py_NewRef(name);
    checked->real = Py_NewRef(real);
    checked->target = Py_XNewRef(target);
    checked->prepend = prepend;
    PyObject_GC_Track(checked);
    return (PyObject *)checked;
}

/* __init__, __setattr__, __delattr__, __getattribute__, __getattr__: methods that change or read whatever they are
 * called on.  Steals value.  The sandbox's own functions are given as they are; all others so that each call is judged
 * by its target.  NULL with *denied and no exception if the method may not be had. */
static PyObject *
judged_method(GuardSet *self, PyObject *object, PyObject *name, PyObject *value, int kind, int *denied)
{
    PyObject *function = PyMethod_Check(value) ? PyMethod_GET_FUNCTION(value) : value;
    if (PyFunction_Check(function) && is_own_code(self, PyFunction_GET_CODE(function))) {
        return value;
    }
    if (Py_IS_TYPE(value, &Checked_Type)) {
        return value;
    }
    PyObject *result = NULL;
    if (PyType_Check(object)) {
        /* The class's own idea of the method, not bound to anything: the first argument is the target. */
        if (PyFunction_Check(value) || Py_IS_TYPE(value, &PyWrapperDescr_Type)
            || Py_IS_TYPE(value, &PyMethodDescr_Type)) {
            result = checked_new(self, name, value, NULL, 0);
        } else {
            *denied = 1;
        }
    } else if (!is_own(self, object)) {
        *denied = 1;
    } else if (kind == MUTATOR && PyUnicode_Compare(name, name_init) == 0) {
        return value;
    } else {
        PyObject *target = is_super(object) ? behind_super(object) : Py_NewRef(object);
        if (target != NULL) {
            result = checked_new(self, name, value, target, 0);
            Py_DECREF(target);
        } else {
            *denied = 1;
        }
    }
    Py_DECREF(value);
    return result;
}

/* Steals value; a copy of a dictionary or of a mapping proxy, NULL without an exception if it is neither.  A proxy
 * itself is not read-only: `proxy == evil` shows `evil` what is behind it. */
static PyObject *
copy_of_mapping(PyObject *value)
{
    PyObject *copy = NULL;
    if (PyDict_CheckExact(value)) {
        copy = PyDict_Copy(value);
    } else if (Py_IS_TYPE(value, &PyDictProxy_Type)) {
        copy = PyDict_New();
        if (copy != NULL && PyDict_Update(copy, value) < 0) {
            Py_CLEAR(copy);
        }
    }
    Py_DECREF(value);
    return copy;
}

/* Reads an attribute, or lets real(*args) read it, if the object allows that.
 * With refused, a refusal sets *refused and no exception.  May run any Python code. */
static PyObject *
read_through(GuardSet *self, PyObject *object, PyObject *name, PyObject *real, PyObject *args, int *refused)
{
    if (!PyUnicode_CheckExact(name)) {
        PyErr_SetString(PyExc_TypeError, "attribute name must be exactly str");
        return NULL;
    }
    int kind = classify(name);
    if (kind < 0) {
        return NULL;
    }
    if (self->denied == NULL) {
        return deny(self, "", NULL, NULL);
    }
#define GET() (real == NULL ? PyObject_GetAttr(object, name) : PyObject_Call(real, args, NULL))
    PyObject *value = NULL;
    switch (kind) {
    case PLAIN:
        return GET();
    case OWN: {
        int reach = private_reach(self, object, name), hidden = 0;
        if (reach < 0 || reach == FREE) {
            return reach < 0 ? NULL : GET();
        }
        if (reach == NARROW && real == NULL) {
            value = private_get(self, object, name, &hidden);
            if (!hidden) {
                return value;
            }
        }
        break;
    }
    case CLASS:
        if (is_own(self, object) || PyExceptionInstance_Check(object)) {
            return GET();
        }
        break;
    case VALUE: {
        PyObject *types = PyDict_GetItemWithError(value_of, name);
        if (types == NULL) {
            if (PyErr_Occurred()) {
                return NULL;
            }
        } else if (PyUnicode_Compare(name, name_registry) == 0 ? !is_dispatcher(object) : !concerns(object, types)) {
            if (PyUnicode_READ_CHAR(name, 0) == '_' && !is_own(self, object)) {
                break;
            }
            return GET();
        }
        /* What an own exception was raised *from* is the guest's choice.  Not so its __context__: the host may have been
         * handling something when it called the guest. */
        int trusted = PyExceptionInstance_Check(object) && is_own(self, object)
                      && PyUnicode_Compare(name, name_cause) == 0;
        value = GET();
        if (value == NULL) {
            return NULL;
        }
        if (trusted || is_own_value(self, value)) {
            return value;
        }
        PyObject *maker = stand_ins == NULL ? NULL : PyDict_GetItemWithError(stand_ins, name);
        PyObject *stand_in = maker == NULL ? NULL : PyObject_CallFunctionObjArgs(maker, object, value, NULL);
        Py_DECREF(value);
        if (stand_in != NULL && stand_in != Py_None) {
            return stand_in;
        }
        if (stand_in == NULL && PyErr_Occurred()) {
            return NULL;
        }
        Py_XDECREF(stand_in);
        break;
    }
    case FORMAT:
        value = GET();
        if (value == NULL) {
            return NULL;
        }
        if (concerns(object, formatters) && !is_own_value(self, value) && !PyCFunction_Check(value)
            && value != str_format && value != str_format_map) {
            Py_DECREF(value);
            break;
        }
        return safe_formatter(self, value, name);
    case COPY:
        /* Because an own class inherits the host's.  The annotations of an own function or class are never a base's. */
        value = GET();
        if (value == NULL) {
            return NULL;
        }
        if (PyUnicode_Compare(name, name_annotations) == 0 && (PyFunction_Check(object) || PyType_Check(object))
            && is_own(self, object)) {
            return value;
        }
        if (PyList_CheckExact(value)) {
            Py_SETREF(value, PyList_GetSlice(value, 0, PyList_GET_SIZE(value)));
            return value;
        }
        if (PyTuple_CheckExact(value)) {
            return value;
        }
        value = copy_of_mapping(value);
        if (value != NULL || PyErr_Occurred()) {
            return value;
        }
        break;
    case DICT: {
        if (!is_own(self, object) || is_super(object)) {
            break;
        }
        value = GET();
        if (value == NULL || !(PyType_Check(object) || PyModule_Check(object))) {
            return value;
        }
        value = copy_of_mapping(value);
        if (value != NULL && PyDict_Contains(value, name_builtins) == 1
            && PyDict_DelItem(value, name_builtins) < 0) {
            Py_CLEAR(value);
        }
        if (value != NULL || PyErr_Occurred()) {
            return value;
        }
        break;
    }
    case CHANGER: {
        if (is_dispatcher(object)) {
            break;
        }
        PyObject *types = PyDict_GetItemWithError(value_of, name);
        if (types == NULL && PyErr_Occurred()) {
            return NULL;
        }
        value = GET();
        if (value == NULL || types == NULL || is_own_value(self, value)) {
            return value;
        }
        if (PyTuple_GET_SIZE(types) == 0) {
            if (!PyFunction_Check(value)) {
                return value;
            }
            Py_DECREF(value);
            break;
        }
        if (!concerns(object, types)) {
            return value;
        }
        if (PyMethod_Check(value) && is_own(self, PyMethod_GET_SELF(value))) {
            return value;
        }
        if (PyFunction_Check(value) || Py_IS_TYPE(value, &PyMethodDescr_Type)) {
            Py_SETREF(value, checked_new(self, name, value, NULL, 0));
            return value;
        }
        Py_DECREF(value);
        break;
    }
    case MUTATOR:
    case READER: {
        int denied = 0;
        value = GET();
        if (value == NULL) {
            return NULL;
        }
        value = judged_method(self, object, name, value, kind, &denied);
        if (!denied) {
            return value;
        }
        break;
    }
    default:
        break;
    }
#undef GET
    /* What may not be handed out can have a stand-in, which says as much as a sandbox may know. */
    if (self->stand_ins != NULL) {
        value = PyObject_CallMethodObjArgs(self->stand_ins, name_read, object, name, NULL);
        if (value != Py_NotImplemented) {
            return value;
        }
        Py_DECREF(value);
    }
    const char *reason = kind == NEVER ? "never" : "read";
    if (refused == NULL) {
        return deny(self, reason, name, object);
    }
    /* To the guest it is missing; the host is told all the same, because making the denial records it. */
    PyObject *recorded = make_denial(self, reason, name, object);
    if (recorded != NULL) {
        *refused = 1;
        Py_DECREF(recorded);
    }
    return NULL;
}

/* -- The guards ---------------------------------------------------------------------------------------------------- */

PyDoc_STRVAR(write_doc, "write(object, /): return the object if its attributes may be assigned, raise otherwise.");

static PyObject *
guards_write(GuardSet *self, PyObject *object)
{
    if (is_writable(self, object)) {
        return Py_NewRef(object);
    }
    return deny(self, "write", NULL, object);
}

/* The stand-in for an object whose attributes have to be judged one by one. */
static PyObject *
refuser_new(GuardSet *self, PyObject *object)
{
    Refuser *refuser = PyObject_GC_New(Refuser, &Refuser_Type);
    if (refuser == NULL) {
        return NULL;
    }
    refuser->guards = (GuardSet *)Py_NewRef(self);
    refuser->target = Py_NewRef(object);
    PyObject_GC_Track(refuser);
    return (PyObject *)refuser;
}

PyDoc_STRVAR(late_doc, "late(object, /): a stand-in for it that judges what is assigned or deleted when that happens.");

static PyObject *
guards_late(GuardSet *self, PyObject *object)
{
    return refuser_new(self, object);
}

PyDoc_STRVAR(augment_doc, "augment(object, name, /): as write(), if the attribute may be read as well.");

static PyObject *
guards_augment(GuardSet *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !PyUnicode_CheckExact(args[1])) {
        PyErr_SetString(PyExc_TypeError, "augment expected an object and a name");
        return NULL;
    }
    int kind = classify(args[1]), allowed = 0;
    if (kind == OWN) {
        int reach = private_reach(self, args[0], args[1]);
        if (reach < 0) {
            return NULL;
        }
        if (reach == NARROW && !is_super(args[0])) {
            return refuser_new(self, args[0]);
        }
        allowed = reach == FREE;
    } else if (kind == VALUE) {
        PyObject *types = PyDict_GetItemWithError(value_of, args[1]);
        allowed = types != NULL && !concerns(args[0], types);
    }
    if (PyErr_Occurred()) {
        return NULL;
    }
    if (!allowed || !is_writable(self, args[0])) {
        return deny(self, "write", args[1], args[0]);
    }
    return Py_NewRef(args[0]);
}

PyDoc_STRVAR(private_doc, "private(object, name, /): what the private or special name may be read from.\n\n"
                          "Raises if there is nothing: the object is not the sandbox's own.");

static PyObject *
guards_private(GuardSet *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !PyUnicode_CheckExact(args[1])) {
        PyErr_SetString(PyExc_TypeError, "private expected an object and a name");
        return NULL;
    }
    switch (private_reach(self, args[0], args[1])) {
    case FREE:
        return Py_NewRef(args[0]);
    case NARROW:
        return refuser_new(self, args[0]);
    case NOT:
        return deny(self, "private", args[1], args[0]);
    default:
        return NULL;
    }
}

PyDoc_STRVAR(view_doc, "view(object, /): the object if its attributes may be assigned, else a stand-in that judges each access.");

static PyObject *
guards_view(GuardSet *self, PyObject *object)
{
    return is_writable(self, object) ? Py_NewRef(object) : refuser_new(self, object);
}

PyDoc_STRVAR(view_private_doc, "view_private(object, names, /): the object if it is the sandbox's own and all these\n"
                               "private names may be read from it, else as view().  No name may end in an underscore.");

static PyObject *
guards_view_private(GuardSet *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !PyTuple_CheckExact(args[1])) {
        PyErr_SetString(PyExc_TypeError, "view_private expected an object and names");
        return NULL;
    }
    PyObject *object = args[0], *names = args[1];
    if ((is_own_and_bare(self, Py_TYPE(object)) && !PyType_Check(object)) || is_inert(object)) {
        return Py_NewRef(object);
    }
    int free = is_own(self, object);
    for (Py_ssize_t i = 0; free && i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        int reach = PyUnicode_CheckExact(name) ? private_reach(self, object, name) : NOT;
        if (reach < 0) {
            return NULL;
        }
        free = reach == FREE;
    }
    return free ? Py_NewRef(object) : refuser_new(self, object);
}

PyDoc_STRVAR(format_doc, "format(object, /, *args, **kwargs): object.format(*args, **kwargs), look-ups judged.");

static PyObject *
guards_format(GuardSet *self, PyObject *const *args, Py_ssize_t count, PyObject *kwnames)
{
    if (count < 1) {
        PyErr_SetString(PyExc_TypeError, "format expected an object");
        return NULL;
    }
    if (self->denied != NULL && PyUnicode_CheckExact(args[0]) && !has_lookup(args[0])) {
        return PyObject_Vectorcall(str_format, args, (size_t)count, kwnames);
    }
    PyObject *method = read_through(self, args[0], name_format, NULL, NULL, NULL);
    if (method == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_Vectorcall(method, args + 1, (size_t)(count - 1), kwnames);
    Py_DECREF(method);
    return result;
}

PyDoc_STRVAR(getattr_doc, "getattr(object, name[, default]): as the built-in, for what the object allows.\n\n"
                          "What is refused counts as missing where there is a default.");

static PyObject *
guards_getattr(GuardSet *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 && count != 3) {
        PyErr_Format(PyExc_TypeError, "getattr expected 2 or 3 arguments, got %zd", count);
        return NULL;
    }
    int refused = 0;
    PyObject *value = read_through(self, args[0], args[1], NULL, NULL, count == 3 ? &refused : NULL);
    if (value != NULL || count == 2) {
        return value;
    }
    if (!refused) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) {
            return NULL;
        }
        PyErr_Clear();
    }
    return Py_NewRef(args[2]);
}

PyDoc_STRVAR(hasattr_doc, "hasattr(object, name): as the built-in; what is refused counts as missing.");

static PyObject *
guards_hasattr(GuardSet *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2) {
        PyErr_Format(PyExc_TypeError, "hasattr expected 2 arguments, got %zd", count);
        return NULL;
    }
    int refused = 0;
    PyObject *value = read_through(self, args[0], args[1], NULL, NULL, &refused);
    if (value != NULL) {
        Py_DECREF(value);
        Py_RETURN_TRUE;
    }
    if (!refused) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) {
            return NULL;
        }
        PyErr_Clear();
    }
    Py_RETURN_FALSE;
}

/* Assigns or deletes an attribute that no program may store as it stands: 1 if a stand-in did it, 0 if there is none for
 * this object, -1 with an exception. */
static int
store_by_stand_in(GuardSet *self, PyObject *object, PyObject *name, PyObject *value)
{
    if (self->stand_ins == NULL || value == NULL || !PyUnicode_CheckExact(name) || storable(name) != 0) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *done = PyObject_CallMethodObjArgs(self->stand_ins, name_store, object, name, value, NULL);
    if (done == NULL) {
        return -1;
    }
    int status = done == Py_True;
    Py_DECREF(done);
    return status;
}

/* 0 if an attribute of that name may be set on that object, else -1 with an exception. */
static int
check_store(GuardSet *self, PyObject *object, PyObject *name)
{
    if (!PyUnicode_CheckExact(name)) {
        PyErr_SetString(PyExc_TypeError, "attribute name must be exactly str");
        return -1;
    }
    int allowed = storable(name);
    if (allowed < 0) {
        return -1;
    }
    if (!allowed) {
        deny(self, "never", name, object);
        return -1;
    }
    if (!is_writable(self, object)) {
        deny(self, "write", name, object);
        return -1;
    }
    return 0;
}

PyDoc_STRVAR(setattr_doc, "setattr(object, name, value): as the built-in, on the sandbox's own objects.");

static PyObject *
guards_setattr(GuardSet *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 3) {
        PyErr_Format(PyExc_TypeError, "setattr expected 3 arguments, got %zd", count);
        return NULL;
    }
    int done = store_by_stand_in(self, args[0], args[1], args[2]);
    if (done < 0 || (done == 0 && (check_store(self, args[0], args[1]) < 0
                                   || PyObject_SetAttr(args[0], args[1], args[2]) < 0))) {
        return NULL;
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(delattr_doc, "delattr(object, name): as the built-in, on the sandbox's own objects.");

static PyObject *
guards_delattr(GuardSet *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2) {
        PyErr_Format(PyExc_TypeError, "delattr expected 2 arguments, got %zd", count);
        return NULL;
    }
    if (check_store(self, args[0], args[1]) < 0 || PyObject_SetAttr(args[0], args[1], NULL) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* -- Classes ------------------------------------------------------------------------------------------------------- */

/* New tuple of the bases, with __mro_entries__ applied (PEP 560); *changed tells whether that did anything. */
static PyObject *
resolve_bases(PyObject *const *bases, Py_ssize_t count, PyObject *original, int *changed)
{
    PyObject *list = PyList_New(0);
    if (list == NULL) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *base = bases[i], *method = NULL;
        if (!PyType_Check(base)) {
            method = PyObject_GetAttr(base, name_mro_entries);
            if (method == NULL) {
                if (!PyErr_ExceptionMatches(PyExc_AttributeError)) {
                    goto error;
                }
                PyErr_Clear();
            }
        }
        if (method == NULL) {
            if (PyList_Append(list, base) < 0) {
                goto error;
            }
            continue;
        }
        PyObject *entries = PyObject_CallOneArg(method, original);
        Py_DECREF(method);
        if (entries == NULL) {
            goto error;
        }
        if (!PyTuple_Check(entries)) {
            Py_DECREF(entries);
            PyErr_SetString(PyExc_TypeError, "__mro_entries__ must return a tuple");
            goto error;
        }
        *changed = 1;
        int status = PyList_SetSlice(list, PyList_GET_SIZE(list), PyList_GET_SIZE(list), entries);
        Py_DECREF(entries);
        if (status < 0) {
            goto error;
        }
    }
    PyObject *tuple = PyList_AsTuple(list);
    Py_DECREF(list);
    return tuple;
error:
    Py_DECREF(list);
    return NULL;
}

/* Borrowed: the most derived of a metaclass and the bases' types, as type.__new__ computes it. */
static PyTypeObject *
most_derived(PyTypeObject *winner, PyObject *bases)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); i++) {
        PyTypeObject *type = Py_TYPE(PyTuple_GET_ITEM(bases, i));
        if (PyType_IsSubtype(winner, type)) {
            continue;
        }
        if (!PyType_IsSubtype(type, winner)) {
            PyErr_SetString(PyExc_TypeError,
                            "metaclass conflict: the metaclass of a derived class must be a (non-strict) subclass of "
                            "the metaclasses of all its bases");
            return NULL;
        }
        winner = type;
    }
    return winner;
}

/* New reference: (object,) made now for an empty tuple, otherwise a copy made now. */
static PyObject *
fresh_bases(PyObject *bases)
{
    Py_ssize_t count = PyTuple_GET_SIZE(bases);
    PyObject *fresh = PyTuple_New(count == 0 ? 1 : count);
    if (fresh == NULL) {
        return NULL;
    }
    if (count == 0) {
        PyTuple_SET_ITEM(fresh, 0, Py_NewRef((PyObject *)&PyBaseObject_Type));
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyTuple_SET_ITEM(fresh, i, Py_NewRef(PyTuple_GET_ITEM(bases, i)));
    }
    return fresh;
}

/* -1 with an exception if a metaclass of the host would call one of the sandbox's by super(): ABCMeta.__new__ and
 * EnumType.__new__ write to what super().__new__() returns, which has to be a new class. */
static int
check_metaclass(GuardSet *self, PyTypeObject *meta)
{
    int host = 0;
    for (Py_ssize_t i = 0; meta->tp_mro != NULL && i < PyTuple_GET_SIZE(meta->tp_mro); i++) {
        PyObject *cls = PyTuple_GET_ITEM(meta->tp_mro, i);
        if (!is_own_class(self, (PyTypeObject *)cls)) {
            host = 1;
        } else if (host) {
            deny(self, "metaclass", NULL, (PyObject *)meta);
            return -1;
        } else {
            /* mro() decides where look-up goes and can crash the interpreter; the others let a class pass for another
             * in the caches that host and sandboxes share. */
            static const char *const refused[] = {"mro", "__eq__", "__hash__"};
            PyObject *dict = type_dict((PyTypeObject *)cls);
            for (size_t j = 0; dict != NULL && j < sizeof(refused) / sizeof(*refused); j++) {
                PyObject *name = PyUnicode_FromString(refused[j]);
                int found = name == NULL ? -1 : PyDict_Contains(dict, name);
                if (found != 0) {
                    if (found > 0) {
                        deny(self, "metaclass method", name, (PyObject *)meta);
                    }
                    Py_XDECREF(name);
                    Py_DECREF(dict);
                    return -1;
                }
                Py_DECREF(name);
            }
            Py_XDECREF(dict);
        }
    }
    return 0;
}

/* -1 with an exception if a class defines what the host's pickle and copy would obey.  A class statement cannot, its
 * __reduce__ gets another name; this is for namespaces that were put together.  Enum writes functions of its own there. */
static int
check_inert(GuardSet *self, PyObject *cls)
{
    static const char *const refused[] = {"__reduce__", "__reduce_ex__"};
    PyObject *dict = type_dict((PyTypeObject *)cls);
    for (size_t i = 0; dict != NULL && i < sizeof(refused) / sizeof(*refused); i++) {
        PyObject *value = PyDict_GetItemString(dict, refused[i]);
        if (value == NULL || Py_IS_TYPE(value, &PyMethodDescr_Type)
            || (PyFunction_Check(value) && !is_own_code(self, PyFunction_GET_CODE(value)))) {
            continue;
        }
        PyObject *name = PyUnicode_FromString(refused[i]);
        if (name != NULL) {
            deny(self, "never", name, cls);
        }
        Py_XDECREF(name);
        Py_DECREF(dict);
        return -1;
    }
    Py_XDECREF(dict);
    return 0;
}

PyDoc_STRVAR(build_class_doc, "build_class(function, name, /, *bases, metaclass=None, **kwargs): as __build_class__.\n\n"
                              "The class is the sandbox's own from the moment it exists.");

/* Bltinmodule.c's builtin___build_class__, but the tuple of bases is always a new one and is registered first. */
static PyObject *
guards_build_class(GuardSet *self, PyObject *const *args, Py_ssize_t count, PyObject *kwnames)
{
    if (count < 2 || !PyFunction_Check(args[0]) || !PyUnicode_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "__build_class__: expected a function and a name");
        return NULL;
    }
    PyObject *function = args[0], *name = args[1];
    PyObject *original = NULL, *bases = NULL, *meta = NULL, *kwargs = NULL, *prepare = NULL, *namespace = NULL;
    PyObject *cell = NULL, *cls = NULL;
    int changed = 0, is_type = 1;

    original = PyTuple_New(count - 2);
    if (original == NULL) {
        goto done;
    }
    for (Py_ssize_t i = 2; i < count; i++) {
        PyTuple_SET_ITEM(original, i - 2, Py_NewRef(args[i]));
    }
    bases = resolve_bases(args + 2, count - 2, original, &changed);
    if (bases == NULL || check_sealed(self, bases) < 0) {
        goto done;
    }
    kwargs = PyDict_New();
    if (kwargs == NULL) {
        goto done;
    }
    for (Py_ssize_t i = 0; kwnames != NULL && i < PyTuple_GET_SIZE(kwnames); i++) {
        PyObject *key = PyTuple_GET_ITEM(kwnames, i);
        if (PyUnicode_Compare(key, name_metaclass) == 0) {
            meta = Py_NewRef(args[count + i]);
        } else if (PyDict_SetItem(kwargs, key, args[count + i]) < 0) {
            goto done;
        }
    }
    if (meta == NULL) {
        meta = PyTuple_GET_SIZE(bases) == 0 ? Py_NewRef((PyObject *)&PyType_Type)
                                            : Py_NewRef((PyObject *)Py_TYPE(PyTuple_GET_ITEM(bases, 0)));
    } else {
        is_type = PyType_Check(meta);
    }
    if (is_type) {
        PyTypeObject *winner = most_derived((PyTypeObject *)meta, bases);
        if (winner == NULL) {
            goto done;
        }
        Py_SETREF(meta, Py_NewRef((PyObject *)winner));
    }
    /* A metaclass may tell a root class by its empty bases, so only type itself is given (object,) instead. */
    if (PyTuple_GET_SIZE(bases) > 0 || meta == (PyObject *)&PyType_Type) {
        PyObject *fresh = fresh_bases(bases);
        if (fresh == NULL) {
            goto done;
        }
        Py_SETREF(bases, fresh);
        if (may_own(bases) && add_bases(self, bases) < 0) {
            goto done;
        }
    }
    prepare = PyObject_GetAttr(meta, name_prepare);
    if (prepare == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) {
            goto done;
        }
        PyErr_Clear();
        namespace = PyDict_New();
    } else {
        PyObject *pair[] = {name, bases};
        namespace = PyObject_VectorcallDict(prepare, pair, 2, kwargs);
    }
    if (namespace == NULL) {
        goto done;
    }
    if (!PyMapping_Check(namespace)) {
        PyErr_Format(PyExc_TypeError, "__prepare__() must return a mapping, not %.200s", Py_TYPE(namespace)->tp_name);
        goto done;
    }
    cell = PyEval_EvalCodeEx(PyFunction_GET_CODE(function), PyFunction_GET_GLOBALS(function), namespace, NULL, 0, NULL,
                             0, NULL, 0, NULL, PyFunction_GET_CLOSURE(function));
    if (cell == NULL) {
        goto done;
    }
    if (changed && PyMapping_SetItemString(namespace, "__orig_bases__", original) < 0) {
        goto done;
    }
    PyObject *triple[] = {name, bases, namespace};
    cls = PyObject_VectorcallDict(meta, triple, 3, kwargs);
    if (cls == NULL || !PyType_Check(cls)) {
        goto done;
    }
    if (PyCell_Check(cell) && PyCell_GET(cell) != cls) {
        PyObject *other = PyCell_GET(cell);
        if (other == NULL) {
            PyErr_Format(PyExc_RuntimeError,
                         "__class__ not set defining %.200R as %.200R. Was __classcell__ propagated to type.__new__?",
                         name, cls);
        } else {
            PyErr_Format(PyExc_TypeError, "__class__ set to %.200R defining %.200R as %.200R", other, name, cls);
        }
        Py_CLEAR(cls);
        goto done;
    }
    if (check_inert(self, cls) < 0
        || (PyType_IsSubtype((PyTypeObject *)cls, &PyType_Type) && check_metaclass(self, (PyTypeObject *)cls) < 0)) {
        Py_CLEAR(cls);
        goto done;
    }
    /* A root class of another metaclass, made just now by that metaclass: nobody else holds its bases. */
    PyTypeObject *made = (PyTypeObject *)cls;
    int fresh = PyTuple_GET_SIZE(bases) == 0 && is_type && (PyObject *)Py_TYPE(made) == meta;
    /* typing.NamedTuple makes a new class with new bases and leaves the ones it was given. */
    fresh = fresh || (meta == (PyObject *)replacing && Py_IS_TYPE(made, &PyType_Type));
    if (fresh && made->tp_bases != NULL && PyTuple_CheckExact(made->tp_bases) && Py_REFCNT(made->tp_bases) == 1
        && (made->tp_flags & Py_TPFLAGS_HEAPTYPE) && may_own(made->tp_bases)
        && add_bases(self, made->tp_bases) < 0) {
        Py_CLEAR(cls);
    }
done:
    Py_XDECREF(original);
    Py_XDECREF(bases);
    Py_XDECREF(meta);
    Py_XDECREF(kwargs);
    Py_XDECREF(prepare);
    Py_XDECREF(namespace);
    Py_XDECREF(cell);
    return cls;
}

PyDoc_STRVAR(new_type_doc, "new_type(callee, /, *args, **kwargs): call it; a class made by type() is the sandbox's own.");

static PyObject *
guards_new_type(GuardSet *self, PyObject *const *args, Py_ssize_t count, PyObject *kwnames)
{
    if (count < 1) {
        PyErr_SetString(PyExc_TypeError, "expected a callable");
        return NULL;
    }
    if (args[0] != (PyObject *)&PyType_Type || count != 4 || !PyTuple_CheckExact(args[2])) {
        return PyObject_Vectorcall(args[0], args + 1, (size_t)(count - 1), kwnames);
    }
    PyObject *bases = fresh_bases(args[2]);
    if (bases == NULL || check_sealed(self, bases) < 0 || (may_own(bases) && add_bases(self, bases) < 0)) {
        Py_XDECREF(bases);
        return NULL;
    }
    Py_ssize_t keywords = kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames);
    PyObject **all = PyMem_New(PyObject *, (size_t)(3 + keywords));
    PyObject *cls = NULL;
    if (all == NULL) {
        PyErr_NoMemory();
    } else {
        memcpy(all, args + 1, sizeof(PyObject *) * (size_t)(3 + keywords));
        all[1] = bases;
        cls = PyObject_Vectorcall(args[0], all, 3, kwnames);
        PyMem_Free(all);
    }
    Py_DECREF(bases);
    if (cls != NULL && PyType_Check(cls)
        && (check_inert(self, cls) < 0 || (PyType_IsSubtype((PyTypeObject *)cls, &PyType_Type)
                                           && check_metaclass(self, (PyTypeObject *)cls) < 0))) {
        Py_CLEAR(cls);
    }
    return cls;
}

/* -- Class patterns ------------------------------------------------------------------------------------------------ */

/* New reference to the value of a name in the class's dictionaries, without descriptors and without running code. */
static PyObject *
raw_lookup(PyTypeObject *type, PyObject *name)
{
    PyObject *mro = type->tp_mro;
    for (Py_ssize_t i = 0; mro != NULL && i < PyTuple_GET_SIZE(mro); i++) {
        PyObject *dict = type_dict((PyTypeObject *)PyTuple_GET_ITEM(mro, i));
        PyObject *value = dict == NULL ? NULL : Py_XNewRef(PyDict_GetItemWithError(dict, name));
        Py_XDECREF(dict);
        if (value != NULL || PyErr_Occurred()) {
            return value;
        }
    }
    return NULL;
}

/* isinstance(object, stand-in) asks the class it stands for. */
static PyObject *
pattern_instancecheck(PyObject *cls, PyObject *object)
{
    int result = PyObject_IsInstance(object, cls);
    return result < 0 ? NULL : PyBool_FromLong(result);
}

static PyMethodDef pattern_instancecheck_def = {"__instancecheck__", pattern_instancecheck, METH_O, NULL};

/* New reference: a class with these match args (or none, and the base's idea of them) and a metaclass of its own, where
 * __instancecheck__ is a function that is bound already.  That takes a third of the time of a method. */
static PyObject *
stand_in_new(PyTypeObject *cls, PyObject *names, PyObject *base)
{
    PyObject *check = PyCFunction_New(&pattern_instancecheck_def, (PyObject *)cls);
    PyObject *meta = check == NULL ? NULL : PyObject_CallFunction((PyObject *)&PyType_Type, "s(O){sN}", "Pattern",
                                                                  (PyObject *)&PyType_Type, "__instancecheck__", check);
    PyObject *namespace = meta == NULL ? NULL : PyDict_New(), *result = NULL;
    if (namespace != NULL && (names == NULL || PyDict_SetItem(namespace, name_match_args, names) == 0)) {
        result = PyObject_CallFunction(meta, "s(O)O", cls->tp_name, base, namespace);
    }
    Py_XDECREF(meta);
    Py_XDECREF(namespace);
    return result;
}

PyDoc_STRVAR(pattern_doc, "pattern(class, /): what a class pattern with positional sub-patterns may match against.");

/* `case C(a, b)` reads the attributes that C.__match_args__ names, by getattr, whatever their names.  __match_args__ is
 * the guest's: any strings, from any descriptor or metaclass, and isinstance() runs guest code between a check and the
 * use.  So the match is done against a stand-in, whose __match_args__ is the tuple that was judged and never changes. */
static PyObject *
guards_pattern(GuardSet *self, PyObject *cls)
{
    if (self->denied == NULL) {
        return deny(self, "", NULL, NULL);
    }
    /* A static type is immutable; what is no type is refused by the interpreter. */
    if (!PyType_Check(cls) || (!(((PyTypeObject *)cls)->tp_flags & Py_TPFLAGS_HEAPTYPE)
                               && Py_IS_TYPE(cls, &PyType_Type))) {
        return Py_NewRef(cls);
    }
    unsigned int version = type_version((PyTypeObject *)cls);
    Judged *place = &self->judged[place_of(cls) % JUDGED];
    if (version != 0 && place->type == (PyTypeObject *)cls && place->version == version) {
        return Py_NewRef(place->stand_in);
    }
    PyObject *result = NULL, *row = NULL, *names = NULL, *allowed = NULL;
    PyObject *key = PyLong_FromVoidPtr(cls);
    if (key == NULL) {
        return NULL;
    }
    names = raw_lookup((PyTypeObject *)cls, name_match_args);
    if (names == NULL && PyErr_Occurred()) {
        goto done;
    }
    row = Py_XNewRef(PyDict_GetItemWithError(self->patterns, key));
    if (row != NULL && PyTuple_GET_ITEM(row, 0) == cls
        && PyTuple_GET_ITEM(row, 1) == (names == NULL ? Py_None : names)) {
        result = Py_NewRef(PyTuple_GET_ITEM(row, 2));
        goto done;
    }
    if (PyErr_Occurred()) {
        goto done;
    }
    if (names != NULL && !PyTuple_CheckExact(names)) {
        deny(self, "match", name_match_args, cls);
        goto done;
    }
    /* Only up to the first name that a pattern may not read: dataclasses name their private fields there, and nobody
     * uses that in a pattern.  If somebody does, the interpreter says how many there are. */
    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        if (PyUnicode_CheckExact(name) && classify(name) == PLAIN) {
            continue;
        }
        allowed = i == 0 ? NULL : PyTuple_GetSlice(names, 0, i);
        if (allowed == NULL) {
            if (!PyErr_Occurred()) {
                deny(self, "match", PyUnicode_CheckExact(name) ? name : NULL, cls);
            }
            goto done;
        }
        break;
    }
    PyObject *base = (PyObject *)&PyBaseObject_Type;
    if (names == NULL) {
        /* int(x), str(x), ...: a class derived from a built-in one matches its subject itself.  So does the stand-in,
         * if it derives from the same. */
        PyObject *mro = ((PyTypeObject *)cls)->tp_mro;
        for (Py_ssize_t i = 0; mro != NULL && i < PyTuple_GET_SIZE(mro); i++) {
            PyTypeObject *type = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
            if (type == &PyLong_Type || type == &PyUnicode_Type || type == &PyFloat_Type || type == &PyBytes_Type
                || type == &PyByteArray_Type || type == &PyDict_Type || type == &PyList_Type || type == &PyTuple_Type
                || type == &PySet_Type || type == &PyFrozenSet_Type) {
                base = (PyObject *)type;
                break;
            }
        }
    }
    result = stand_in_new((PyTypeObject *)cls, allowed == NULL ? names : allowed, base);
    if (result == NULL) {
        goto done;
    }
    /* Rows keep their classes alive, so there are few. */
    if (PyDict_GET_SIZE(self->patterns) >= 256) {
        PyDict_Clear(self->patterns);
    }
    Py_XSETREF(row, PyTuple_Pack(3, cls, names == NULL ? Py_None : names, result));
    if (row == NULL || PyDict_SetItem(self->patterns, key, row) < 0) {
        Py_CLEAR(result);
    }
done:
    /* Taken before the look at the names; if the class changed meanwhile, it has another by now. */
    if (result != NULL && version != 0 && version == type_version((PyTypeObject *)cls) && self->denied != NULL) {
        PyObject *old = place->stand_in;
        *place = (Judged){(PyTypeObject *)cls, version, Py_NewRef(result)};
        Py_XDECREF(old);
    }
    Py_DECREF(key);
    Py_XDECREF(row);
    Py_XDECREF(allowed);
    Py_XDECREF(names);
    return result;
}

/* -- What an except clause catches --------------------------------------------------------------------------------- */

PyDoc_STRVAR(caught_doc, "caught(classes, /): what `except classes` catches.\n\n"
                         "A denied import too, where ImportError or ModuleNotFoundError stands: the exception of the\n"
                         "denial cannot be one of these.");

/* Identity only: anything else is the guest's business, and the interpreter judges it.  Runs no Python code. */
static PyObject *
guards_caught(GuardSet *Py_UNUSED(self), PyObject *classes)
{
    if (classes == PyExc_ImportError || classes == PyExc_ModuleNotFoundError) {
        return PyTuple_Pack(2, classes, import_denied);
    }
    if (!PyTuple_CheckExact(classes)) {
        return Py_NewRef(classes);
    }
    Py_ssize_t count = PyTuple_GET_SIZE(classes);
    int found = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *one = PyTuple_GET_ITEM(classes, i);
        found = found || one == PyExc_ImportError || one == PyExc_ModuleNotFoundError;
    }
    PyObject *all = found ? PyTuple_New(count + 1) : Py_NewRef(classes);
    if (all == NULL || !found) {
        return all;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyTuple_SET_ITEM(all, i, Py_NewRef(PyTuple_GET_ITEM(classes, i)));
    }
    PyTuple_SET_ITEM(all, count, Py_NewRef(import_denied));
    return all;
}

/* -- For the host -------------------------------------------------------------------------------------------------- */

PyDoc_STRVAR(caller_doc, "caller(): globals and locals of the guest function that called the calling function.\n\n"
                         "Locals are the namespace itself at module and class level and a copy in a function.\n"
                         "Raises RuntimeError if the caller is not code of this sandbox.");

static PyObject *
guards_caller(GuardSet *self, PyObject *Py_UNUSED(ignored))
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    PyFrameObject *back = frame == NULL ? NULL : PyFrame_GetBack(frame);
    PyObject *result = NULL;
    Py_XDECREF(frame);
    if (back != NULL) {
        PyCodeObject *code = PyFrame_GetCode(back);
        if (is_own_code(self, (PyObject *)code)) {
            PyObject *globals = PyFrame_GetGlobals(back);
            PyObject *locals = PyFrame_GetLocals(back);
            if (locals != NULL && (code->co_flags & CO_OPTIMIZED)) {
                /* 3.13: a proxy that writes through to the frame (PEP 667). */
                PyObject *copy = PyDict_New();
                if (copy != NULL && PyDict_Update(copy, locals) < 0) {
                    Py_CLEAR(copy);
                }
                Py_SETREF(locals, copy);
            }
            if (locals != NULL) {
                result = PyTuple_Pack(2, globals, locals);
            }
            Py_XDECREF(globals);
            Py_XDECREF(locals);
        }
        Py_DECREF(code);
        Py_DECREF(back);
    }
    if (result == NULL && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_RuntimeError, "only sandboxed code itself can ask for its namespace");
    }
    return result;
}

PyDoc_STRVAR(own_doc, "own(object, /): whether the object is the sandbox's own.");

static PyObject *
guards_own(GuardSet *self, PyObject *object)
{
    return PyBool_FromLong(is_own(self, object));
}

PyDoc_STRVAR(own_module_doc, "own_module(module, /): from now on the module is the sandbox's own (held weakly).");

static PyObject *
guards_own_module(GuardSet *self, PyObject *module)
{
    if (!PyModule_Check(module)) {
        PyErr_SetString(PyExc_TypeError, "a module is needed");
        return NULL;
    }
    PyObject *key = PyLong_FromVoidPtr(module), *reference = PyWeakref_NewRef(module, NULL);
    int status = key == NULL || reference == NULL || self->modules == NULL
                     ? -1 : PyDict_SetItem(self->modules, key, reference);
    Py_XDECREF(key);
    Py_XDECREF(reference);
    if (status < 0) {
        return PyErr_Occurred() ? NULL : deny(self, "", NULL, NULL);
    }
    Py_RETURN_NONE;
}

static int
guards_clear(GuardSet *self)
{
    memset(self->verdicts, 0, sizeof self->verdicts);
    for (size_t i = 0; i < JUDGED; i++) {
        PyObject *stand_in = self->judged[i].stand_in;
        self->judged[i] = (Judged){0};
        Py_XDECREF(stand_in);
    }
    forget(&self->bases);
    forget(&self->bare);
    forget(&self->honest);
    Py_CLEAR(self->owner);
    Py_CLEAR(self->code_owner);
    Py_CLEAR(self->denied);
    Py_CLEAR(self->stand_ins);
    Py_CLEAR(self->modules);
    Py_CLEAR(self->patterns);
    return 0;
}

PyDoc_STRVAR(own_bases_doc, "own_bases(class, /): a copy of the bases of an own class.  A class made with it is own, too.");

/* What a metaclass is given as well: attrs and six make a class again by `type(c)(name, c.__bases__, namespace)`. */
static PyObject *
guards_own_bases(GuardSet *self, PyObject *cls)
{
    if (!PyType_Check(cls) || !is_own_class(self, (PyTypeObject *)cls)) {
        PyErr_SetString(PyExc_TypeError, "a class of the sandbox is needed");
        return NULL;
    }
    PyObject *bases = fresh_bases(((PyTypeObject *)cls)->tp_bases);
    if (bases != NULL && may_own(bases) && add_bases(self, bases) < 0) {
        Py_CLEAR(bases);
    }
    return bases;
}

PyDoc_STRVAR(close_doc, "close(): own nothing any more; every guard refuses from now on.\n\n"
                        "Guards are constants of code objects, which the cyclic collector does not look into: without\n"
                        "this call a sandbox's domain would live as long as any code of it.");

static PyObject *
guards_close(GuardSet *self, PyObject *Py_UNUSED(ignored))
{
    guards_clear(self);
    Py_RETURN_NONE;
}

static PyMethodDef guards_methods[] = {
    {"write", (PyCFunction)guards_write, METH_O, write_doc},
    {"late", (PyCFunction)guards_late, METH_O, late_doc},
    {"augment", (PyCFunction)(void (*)(void))guards_augment, METH_FASTCALL, augment_doc},
    {"private", (PyCFunction)(void (*)(void))guards_private, METH_FASTCALL, private_doc},
    {"view", (PyCFunction)guards_view, METH_O, view_doc},
    {"view_private", (PyCFunction)(void (*)(void))guards_view_private, METH_FASTCALL, view_private_doc},
    {"format", (PyCFunction)(void (*)(void))guards_format, METH_FASTCALL | METH_KEYWORDS, format_doc},
    {"getattr", (PyCFunction)(void (*)(void))guards_getattr, METH_FASTCALL, getattr_doc},
    {"hasattr", (PyCFunction)(void (*)(void))guards_hasattr, METH_FASTCALL, hasattr_doc},
    {"setattr", (PyCFunction)(void (*)(void))guards_setattr, METH_FASTCALL, setattr_doc},
    {"delattr", (PyCFunction)(void (*)(void))guards_delattr, METH_FASTCALL, delattr_doc},
    {"build_class", (PyCFunction)(void (*)(void))guards_build_class, METH_FASTCALL | METH_KEYWORDS, build_class_doc},
    {"new_type", (PyCFunction)(void (*)(void))guards_new_type, METH_FASTCALL | METH_KEYWORDS, new_type_doc},
    {"pattern", (PyCFunction)guards_pattern, METH_O, pattern_doc},
    {"caught", (PyCFunction)guards_caught, METH_O, caught_doc},
    {"caller", (PyCFunction)guards_caller, METH_NOARGS, caller_doc},
    {"own", (PyCFunction)guards_own, METH_O, own_doc},
    {"own_module", (PyCFunction)guards_own_module, METH_O, own_module_doc},
    {"own_bases", (PyCFunction)guards_own_bases, METH_O, own_bases_doc},
    {"close", (PyCFunction)guards_close, METH_NOARGS, close_doc},
    {NULL, NULL, 0, NULL},
};

static int
guards_traverse(GuardSet *self, visitproc visit, void *arg)
{
    for (size_t i = 0; self->bases.table != NULL && i <= self->bases.mask; i++) {
        Py_VISIT(self->bases.table[i]);
    }
    for (size_t i = 0; self->bare.table != NULL && i <= self->bare.mask; i++) {
        Py_VISIT(self->bare.table[i]);
    }
    for (size_t i = 0; self->honest.table != NULL && i <= self->honest.mask; i++) {
        Py_VISIT(self->honest.table[i]);
    }
    for (size_t i = 0; i < JUDGED; i++) {
        Py_VISIT(self->judged[i].stand_in);
    }
    Py_VISIT(self->owner);
    Py_VISIT(self->code_owner);
    Py_VISIT(self->denied);
    Py_VISIT(self->stand_ins);
    Py_VISIT(self->modules);
    Py_VISIT(self->patterns);
    return 0;
}

static void
guards_dealloc(GuardSet *self)
{
    PyObject_GC_UnTrack(self);
    if (self->weakrefs != NULL) {
        PyObject_ClearWeakRefs((PyObject *)self);
    }
    guards_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *
guards_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"owner", "code_owner", "denied", "stand_ins", NULL};
    PyObject *owner, *code_owner, *denied, *stand_ins = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO|O:GuardSet", names, &owner, &code_owner, &denied,
                                     &stand_ins)) {
        return NULL;
    }
    if (kinds == NULL || !PyCallable_Check(code_owner) || !PyCallable_Check(denied)) {
        PyErr_SetString(PyExc_TypeError, "GuardSet: code_owner and denied must be callable, and names configured");
        return NULL;
    }
    GuardSet *self = (GuardSet *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->owner = Py_NewRef(owner);
    self->code_owner = Py_NewRef(code_owner);
    self->denied = Py_NewRef(denied);
    self->stand_ins = stand_ins == Py_None ? NULL : Py_NewRef(stand_ins);
    self->modules = PyDict_New();
    self->patterns = PyDict_New();
    if (self->modules == NULL || self->patterns == NULL) {
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

PyDoc_STRVAR(guards_doc, "GuardSet(owner, code_owner, denied, stand_ins=None): what one sandbox owns, and its guards.\n\n"
                         "Args:\n"
                         "    owner: What code_owner answers for this sandbox's code; compared by identity.\n"
                         "    code_owner: code object -> its owner, or None.\n"
                         "    denied: (reason, attribute name or None, type name) -> the exception to raise.\n"
                         "    stand_ins: Its read(object, name) gives what a refused attribute has instead, or\n"
                         "        NotImplemented; its store(object, name, value) says whether it did it.");

static PyTypeObject GuardSet_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "pycage.language._guards.GuardSet",
    .tp_basicsize = sizeof(GuardSet),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_doc = guards_doc,
    .tp_new = guards_new,
    .tp_dealloc = (destructor)guards_dealloc,
    .tp_traverse = (traverseproc)guards_traverse,
    .tp_clear = (inquiry)guards_clear,
    .tp_weaklistoffset = offsetof(GuardSet, weakrefs),
    .tp_methods = guards_methods,
};

/* -- Methods that are judged when they are called ------------------------------------------------------------------ */

static PyObject *
checked_call(Checked *self, PyObject *args, PyObject *kwargs)
{
    GuardSet *guards = self->guards;
    PyObject *target = self->target, *all = NULL, *result = NULL;
    Py_ssize_t next = 0;    /* where the name stands, if the method takes one */
    if (target == NULL || self->prepend) {
        if (target == NULL) {
            if (PyTuple_GET_SIZE(args) < 1) {
                PyErr_Format(PyExc_TypeError, "%U needs an argument", self->name);
                return NULL;
            }
            target = PyTuple_GET_ITEM(args, 0);
            all = Py_NewRef(args);
        } else {
            PyObject *first = PyTuple_Pack(1, target);
            all = first == NULL ? NULL : PySequence_Concat(first, args);
            Py_XDECREF(first);
            if (all == NULL) {
                return NULL;
            }
        }
        next = 1;
    } else {
        all = Py_NewRef(args);
    }
    int kind = classify(self->name);
    PyObject *name = PyTuple_GET_SIZE(all) > next ? PyTuple_GET_ITEM(all, next) : NULL;
    if (kind == CHANGER || (kind == MUTATOR && PyUnicode_Compare(self->name, name_init) == 0)) {
        if (is_own(guards, target)) {
            result = PyObject_Call(self->real, all, kwargs);
        } else {
            deny(guards, "write", self->name, target);
        }
    } else if (name == NULL || (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0)) {
        PyErr_Format(PyExc_TypeError, "%U needs the attribute name, by position", self->name);
    } else if (kind == MUTATOR) {
        if (check_store(guards, target, name) == 0) {
            result = PyObject_Call(self->real, all, NULL);
        }
    } else {
        result = read_through(guards, target, name, self->real, all, NULL);
    }
    Py_DECREF(all);
    return result;
}

/* A class may keep the method: `__setattr__ = object.__setattr__`. */
static PyObject *
checked_get(Checked *self, PyObject *object, PyObject *Py_UNUSED(type))
{
    if (self->target != NULL || object == NULL || object == Py_None) {
        return Py_NewRef(self);
    }
    return checked_new(self->guards, self->name, self->real, object, 1);
}

static int
checked_traverse(Checked *self, visitproc visit, void *arg)
{
    Py_VISIT(self->guards);
    Py_VISIT(self->real);
    Py_VISIT(self->target);
    return 0;
}

static void
checked_dealloc(Checked *self)
{
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->guards);
    Py_XDECREF(self->name);
    Py_XDECREF(self->real);
    Py_XDECREF(self->target);
    PyObject_GC_Del(self);
}

static PyTypeObject Checked_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "pycage.language._guards.checked_method",
    .tp_basicsize = sizeof(Checked),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_call = (ternaryfunc)checked_call,
    .tp_descr_get = (descrgetfunc)checked_get,
    .tp_dealloc = (destructor)checked_dealloc,
    .tp_traverse = (traverseproc)checked_traverse,
};

/* -- What view() gives for an object that is not own ---------------------------------------------------------------- */

/* Only names that are private, or are stored to, are asked of it. */
static PyObject *
refuser_getattro(Refuser *self, PyObject *name)
{
    int kind = PyUnicode_CheckExact(name) ? classify(name) : NEVER;
    if (kind == PLAIN && is_writable(self->guards, self->target)) {
        return PyObject_GetAttr(self->target, name);    /* the read of `x.a += 1` */
    }
    int reach = kind == OWN ? private_reach(self->guards, self->target, name) : NOT, hidden = 0;
    if (reach < 0 || reach == FREE) {
        return reach < 0 ? NULL : PyObject_GetAttr(self->target, name);
    }
    if (reach == NARROW) {
        PyObject *value = private_get(self->guards, self->target, name, &hidden);
        if (!hidden) {
            return value;
        }
    }
    return kind < 0 ? NULL : deny(self->guards, "private", name, self->target);
}

/* What is not own may still be writable: a plain container of attributes. */
static int
refuser_setattro(Refuser *self, PyObject *name, PyObject *value)
{
    int done = store_by_stand_in(self->guards, self->target, name, value);
    if (done != 0) {
        return done < 0 ? -1 : 0;
    }
    if (check_store(self->guards, self->target, name) < 0) {
        return -1;
    }
    return PyObject_SetAttr(self->target, name, value);
}

static int
refuser_traverse(Refuser *self, visitproc visit, void *arg)
{
    Py_VISIT(self->guards);
    Py_VISIT(self->target);
    return 0;
}

static void
refuser_dealloc(Refuser *self)
{
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->guards);
    Py_XDECREF(self->target);
    PyObject_GC_Del(self);
}

static PyTypeObject Refuser_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "pycage.language._guards.refuser",
    .tp_basicsize = sizeof(Refuser),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_getattro = (getattrofunc)refuser_getattro,
    .tp_setattro = (setattrofunc)refuser_setattro,
    .tp_dealloc = (destructor)refuser_dealloc,
    .tp_traverse = (traverseproc)refuser_traverse,
};

/* -- The module ---------------------------------------------------------------------------------------------------- */

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

PyDoc_STRVAR(fill_doc, "fill(code, table, visit, filename): put the table's values where its keys are constants, in place.\n\n"
                       "For code that nobody else has and that never ran.  Calls visit(code) for each code object,\n"
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

PyDoc_STRVAR(configure_doc, "configure(*, kinds, unstorable, value_of, formatters, transparent, safe_types, sealed,\n"
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

static PyMethodDef module_methods[] = {
    {"classify", module_classify, METH_O, "classify(name, /): the kind of an attribute name."},
    {"storable", module_storable, METH_O, "storable(name, /): whether own objects may have it assigned."},
    {"fill", module_fill, METH_VARARGS, fill_doc},
    {"configure", (PyCFunction)(void (*)(void))module_configure, METH_VARARGS | METH_KEYWORDS, configure_doc},
    {"set_formatter", module_set_formatter, METH_O, "set_formatter(callable, /): who formats templates with look-ups."},
    {"add_safe_type", module_add_safe_type, METH_O,
     "add_safe_type(type, /): attributes of instances of exactly this type may be assigned by every sandbox."},
    {"set_stand_in", module_set_stand_in, METH_VARARGS,
     "set_stand_in(name, callable, /): what callable(object, value) returns is handed out in place of a value that is\n"
     "not the sandbox's own; None refuses.  It must run no code of a guest."},
    {"set_view_type", module_set_view_type, METH_O,
     "set_view_type(type, /): modules of this type hold only what a sandbox may see, private names included."},
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
            return NULL;
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
        return NULL;
    }
    PyObject *module = PyModule_Create(&module_def);
    if (module == NULL || PyModule_AddObjectRef(module, "GuardSet", (PyObject *)&GuardSet_Type) < 0
        || PyModule_AddIntMacro(module, PLAIN) < 0 || PyModule_AddIntMacro(module, NEVER) < 0
        || PyModule_AddIntMacro(module, OWN) < 0 || PyModule_AddIntMacro(module, CLASS) < 0
        || PyModule_AddIntMacro(module, FORMAT) < 0 || PyModule_AddIntMacro(module, VALUE) < 0
        || PyModule_AddIntMacro(module, COPY) < 0 || PyModule_AddIntMacro(module, DICT) < 0
        || PyModule_AddIntMacro(module, MUTATOR) < 0 || PyModule_AddIntMacro(module, READER) < 0
        || PyModule_AddIntMacro(module, CHANGER) < 0) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
