/* Guards: the functions that rewritten source calls.  What their parts share.
 *
 *     names.c         what names.py decided about names and types
 *     ownership.c     whose an object is, on top of addresses.c, a set of addresses
 *     private.c       private names of own objects
 *     reading.c       attributes that are judged when they are read; formatting.c: "{0.x}".format(y)
 *     checked.c       methods that are judged when they are called
 *     attributes.c    the guards of reading, assigning and deleting attributes
 *     classes.c       the class statement and type(); making.c: classes that are made without a class statement
 *     patterns.c      class patterns and except clauses
 *     keepers.c       types whose objects keep something to call: map, partial, property
 *     special_methods.c  what classes have under names that the interpreter calls by itself
 *     binding.c       what those two bind to the context of the stack, and what stays as it is
 *     exact_names.c   dictionaries whose keys are exactly str
 *     guard_set.c     the type that has all the guards of one sandbox; module.c: the module
 *
 * Guards are constants of code objects and are not found by name: every dictionary and every scope between the code and
 * the guard could shadow it (CVE-2026-55830).  See compiler.py.
 *
 * Which functions can run Python code: is_own() asks only exact built-in things and the injected code_owner;
 * read_through() and everything that gets or sets an attribute may run anything.  No borrowed reference is kept across
 * those.
 */

#ifndef PYCAGE_GUARDS_H
#define PYCAGE_GUARDS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../../_core.h"

/* Nothing of ours is seen outside but the function that makes the module. */
#pragma GCC visibility push(hidden)

/* -- Version dependent, and struct fields of the full C API: reviewed for 3.11, 3.12, 3.13 ------------------------- */

#if PY_VERSION_HEX < 0x030B0000
#error "CPython 3.11 or later"
#endif

/* New reference to a class's own dictionary, or NULL without an exception. */
static inline PyObject *
type_dict(PyTypeObject *type)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyType_GetDict(type);
#else
    return Py_XNewRef(type->tp_dict);
#endif
}

/* New reference to what a weak reference points to, or NULL without an exception. */
static inline PyObject *
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

/* -- Types --------------------------------------------------------------------------------------------------------- */

enum kind { PLAIN, NEVER, OWN, CLASS, FORMAT, VALUE, COPY, DICT, MUTATOR, READER, CHANGER };

/* A set of objects by address, which it keeps alive: a tuple of bases, a tuple of classes, a class. */
typedef struct {
    PyObject **table;       /* open addressing */
    size_t mask, used;
    void *last;             /* the one found last */
} Addresses;

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

enum reach {
    NOT,        /* not an own object */
    FREE,       /* whatever the name leads to is the sandbox's: the interpreter may read it */
    NARROW,     /* the host has something of that name there: only private_get() may read it */
};

/* -- What names.py decided; set once, before any guest exists ------------------------------------------------------ */

extern PyObject *kinds;         /* dict: name -> kind */
extern PyObject *unstorable;    /* frozenset of names */
extern PyObject *value_of;      /* dict: name -> tuple of types */
extern PyObject *formatters;    /* tuple of types whose format() reads attributes by itself */
extern PyObject *transparent;   /* tuple of types that stand in for another object */
extern PyObject *write_rule;    /* (type) -> whether its instances are plain containers, too; or NULL */
int is_metaclass_method(PyObject *name);
int has_metaclass(PyTypeObject *type);
PyObject *module_judge_sealed(PyObject *module, PyObject *judge);
extern PyObject *safe_types;    /* tuple of types whose instances are plain containers of attributes */
extern PyObject *sealed;        /* tuple of types that no class of a sandbox may have as a base */
extern PyObject *inherited;     /* dict: a host's private name -> 1: read off own instances, 2: off own classes too */
extern Addresses shared_objects;  /* of safe types, but everybody has the same one: nobody writes to them */
extern Addresses bare_types;    /* built-in types without private names */
extern PyTypeObject *view_type; /* modules whose dictionary holds only what a sandbox may see */
extern PyObject *slow_format;   /* callable: template, args, kwargs, getattr -> str */
extern PyObject *stand_ins;     /* dict: name of kind VALUE -> callable: object, value -> what is handed out, or None */
extern PyObject *import_denied; /* the class of what a denied import raises */
extern PyObject *dispatchers;   /* tuple of code objects: functions with a register of implementations */
extern PyTypeObject *replacing; /* a metaclass that answers with another new class than type.__new__ made */

/* Interned names, and descriptors of built-in types. */
extern PyObject *super_self;    /* the descriptor super.__self__ */
extern PyObject *str_format, *str_format_map, *name_init, *name_match_args, *name_prepare, *name_mro_entries;
extern PyObject *name_registry;
extern PyObject *name_builtins, *name_metaclass, *name_format_map, *name_format, *name_cause;
extern PyObject *name_getattr, *name_getattribute, *super_thisclass, *super_self_class;
extern PyObject *name_annotations, *name_read, *name_store;

/* The documentation of a guard, for the table in guard_set.c. */
#define DOC(name, text) const char name[] = PyDoc_STR(text)

/* -- What the files offer each other; what each does, and whether it can run Python code, stands there -------------- */

/* names.c */
int classify(PyObject *name);
int storable(PyObject *name);
int names_ready(PyObject *module);

/* addresses.c */
int add(Addresses *set, PyObject *object);
void forget(Addresses *set);

/* ownership.c */
int judge_class(GuardSet *self, PyTypeObject *type);
int keep(GuardSet *self, Addresses *set, PyObject *object);
int add_bases(GuardSet *self, PyObject *bases);
int subtype_of_any(PyTypeObject *type, PyObject *types);
int may_own(PyObject *bases);
int check_sealed(GuardSet *self, PyObject *bases);
int is_own_code(GuardSet *self, PyObject *code);
PyObject *behind_super(PyObject *object);
int is_own_slow(GuardSet *self, PyObject *object);
int is_own_value(GuardSet *self, PyObject *value);
int is_inert(PyObject *object);
int is_writable_slow(GuardSet *self, PyObject *object);

/* private.c */
int is_bare(GuardSet *self, PyTypeObject *type);
int private_reach(GuardSet *self, PyObject *object, PyObject *name);
PyObject *private_get(GuardSet *self, PyObject *object, PyObject *name, int *refused);

/* reading.c */
int concerns(PyObject *object, PyObject *types);
PyObject *read_through(GuardSet *self, PyObject *object, PyObject *name, PyObject *real, PyObject *args,
                       int *refused);

/* formatting.c */
PyObject *safe_formatter(GuardSet *self, PyObject *value, PyObject *name);
PyObject *guards_format(GuardSet *self, PyObject *const *args, Py_ssize_t count, PyObject *kwnames);
extern const char format_doc[];

/* checked.c */
PyObject *checked_new(GuardSet *self, PyObject *name, PyObject *real, PyObject *target, int prepend);
PyObject *judged_method(GuardSet *self, PyObject *object, PyObject *name, PyObject *value, int kind, int *denied);
extern PyTypeObject Checked_Type;

/* attributes.c */
PyObject *guards_write(GuardSet *self, PyObject *object);
PyObject *guards_late(GuardSet *self, PyObject *object);
PyObject *guards_augment(GuardSet *self, PyObject *const *args, Py_ssize_t count);
PyObject *guards_private(GuardSet *self, PyObject *const *args, Py_ssize_t count);
PyObject *guards_view(GuardSet *self, PyObject *object);
PyObject *guards_view_private(GuardSet *self, PyObject *const *args, Py_ssize_t count);
PyObject *guards_getattr(GuardSet *self, PyObject *const *args, Py_ssize_t count);
PyObject *guards_hasattr(GuardSet *self, PyObject *const *args, Py_ssize_t count);
int check_store(GuardSet *self, PyObject *object, PyObject *name);
PyObject *guards_setattr(GuardSet *self, PyObject *const *args, Py_ssize_t count);
PyObject *guards_delattr(GuardSet *self, PyObject *const *args, Py_ssize_t count);
extern PyTypeObject Refuser_Type;
extern const char augment_doc[], delattr_doc[], getattr_doc[], hasattr_doc[], late_doc[], private_doc[],
    setattr_doc[], view_doc[], view_private_doc[], write_doc[];

/* exact_names.c */
int has_exact_names(PyObject *dict);
PyObject *exact_names(PyObject *dict);

/* binding.c */
enum { STRICT = 1, DEEP = 2, CLASSES = 4 };    /* no exceptions for what works on data; down the whole stack; classes stay */
extern const core_api *core;    /* NULL until the first sandbox is made */
PyObject *domain_of(PyObject *function);
PyObject *kept_callable(PyObject *thing, int how);
int is_of_sandbox(PyObject *value);
int binding_ready(PyObject *bind, PyObject *callables, PyObject *types);
PyObject *module_iter(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *module_keep(PyObject *module, PyObject *function);

/* keepers.c */
int keeps_factory(PyObject *object);
PyObject *module_set_keepers(PyObject *module, PyObject *args, PyObject *kwargs);

/* special_methods.c */
int keep_slots(PyObject *cls);
PyObject *kept_namespace(PyObject *namespace, int in_place);
PyObject *kept_attribute(PyObject *object, PyObject *name, PyObject *value);
void special_methods_ready(PyObject *bind_method, PyObject *bind_special, PyObject *names);

/* classes.c */
PyObject *fresh_bases(PyObject *bases);
PyObject *guards_build_class(GuardSet *self, PyObject *const *args, Py_ssize_t count, PyObject *kwnames);
PyObject *guards_new_type(GuardSet *self, PyObject *const *args, Py_ssize_t count, PyObject *kwnames);
extern const char build_class_doc[], new_type_doc[];

/* patterns.c */
PyObject *guards_pattern(GuardSet *self, PyObject *cls);
PyObject *guards_caught(GuardSet *self, PyObject *classes);
PyObject *guards_handled(GuardSet *self, PyObject *ignored);
PyObject *guards_reraise(GuardSet *self, PyObject *ignored);
extern const char caught_doc[], handled_doc[], pattern_doc[], reraise_doc[];

/* guard_set.c */
PyObject *make_denial(GuardSet *self, const char *reason, PyObject *name, PyObject *object);
void *deny(GuardSet *self, const char *reason, PyObject *name, PyObject *object);
extern PyTypeObject GuardSet_Type;

/* -- Whose is it?  In line, because every guard asks ---------------------------------------------------------------- */

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

static inline int
is_full(const Addresses *set)
{
    return set->table == NULL || (set->used + 1) * 3 > (set->mask + 1) * 2;
}

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

/* Whether a class is the sandbox's own; see judge_class().  Runs no code of a guest. */
static inline int
is_own_class(GuardSet *self, PyTypeObject *type)
{
    return fits(verdict_of(self, type), type) || judge_class(self, type);
}

static inline int
is_super(PyObject *object)
{
    return Py_IS_TYPE(object, &PySuper_Type) || PyType_IsSubtype(Py_TYPE(object), &PySuper_Type);
}

/* Whether the object is the sandbox's own.  Runs no code of a guest. */
static inline int
is_own(GuardSet *self, PyObject *object)
{
    return is_own_class(self, Py_TYPE(object)) || is_own_slow(self, object);
}

/* Whether attributes of the object may be assigned.  Runs no code of a guest. */
static inline int
is_writable(GuardSet *self, PyObject *object)
{
    return is_own_class(self, Py_TYPE(object)) || is_writable_slow(self, object);
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

#pragma GCC visibility pop

#endif
