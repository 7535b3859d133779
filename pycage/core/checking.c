/* check_permission(), and the answers that it remembers: a domain keeps the tally of each permission that it implies. */

#include "core.h"

#include <time.h>

/* ---- Tallies ----------------------------------------------------------------------------------------------------- */

/* A remembered answer, and how often it was given: counting here is what makes recording an allow cheap. */
typedef struct {
    PyObject_HEAD
    void *owner;               /* the domain it counts for; compared, never followed */
    PyObject *epoch;           /* the epoch in which the answer was found; NULL: not remembered, or retired */
    unsigned long long count;
    double last;               /* seconds since the epoch of the clock; of the newest answer */
} tally_object;

/* The clock of the kernel's last tick: a few nanoseconds, and exact enough for a record. */
static inline void
tally_add(tally_object *tally)
{
#ifdef CLOCK_REALTIME_COARSE
    const clockid_t clock = CLOCK_REALTIME_COARSE;
#else
    const clockid_t clock = CLOCK_REALTIME;
#endif
    struct timespec now;
    tally->count++;
    if (clock_gettime(clock, &now) == 0) {
        tally->last = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    }
}

static tally_object *
tally_new(void *owner)
{
    tally_object *tally = PyObject_New(tally_object, core.tally_type);
    if (tally != NULL) {
        tally->owner = owner;
        tally->epoch = NULL;
        tally->count = 0;
        tally->last = 0;
    }
    return tally;
}

static void
tally_dealloc(tally_object *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_CLEAR(self->epoch);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *
tally_make(PyTypeObject *Py_UNUSED(type), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"domain", NULL};
    PyObject *domain;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!:Tally", names, core.domain_type, &domain)) {
        return NULL;
    }
    return (PyObject *)tally_new(domain);
}

PyDoc_STRVAR(tally_add_doc, "add($self, /)\n--\n\nCount one answer given now.");

static PyObject *
tally_add_one(tally_object *self, PyObject *Py_UNUSED(ignored))
{
    tally_add(self);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(tally_retire_doc, "retire($self, /)\n--\n\nForget the answer, so that nothing is counted here any more.");

static PyObject *
tally_retire(tally_object *self, PyObject *Py_UNUSED(ignored))
{
    Py_CLEAR(self->epoch);
    Py_RETURN_NONE;
}

static PyMethodDef tally_methods[] = {
    {"add", (PyCFunction)tally_add_one, METH_NOARGS, tally_add_doc},
    {"retire", (PyCFunction)tally_retire, METH_NOARGS, tally_retire_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef tally_members[] = {
    {"count", T_ULONGLONG, offsetof(tally_object, count), READONLY, "How often."},
    {"last", T_DOUBLE, offsetof(tally_object, last), READONLY, "When last, in seconds since 1970."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot tally_slots[] = {
    {Py_tp_doc, "How often a domain was found to have a permission; also the memory of the answer."},
    {Py_tp_new, tally_make},
    {Py_tp_dealloc, tally_dealloc},
    {Py_tp_methods, tally_methods},
    {Py_tp_members, tally_members},
    {0, NULL},
};

PyType_Spec tally_spec = {
    .name = "pycage._core.Tally",
    .basicsize = sizeof(tally_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = tally_slots,
};

/* ---- Checking ---------------------------------------------------------------------------------------------------- */

/* 1: remembered as allowed in this epoch, with its tally (owned) in *tally; 0: not; -1: error.  May run __hash__ and
 * __eq__ of a permission type. */
static int
domain_remembers(PyObject *domain, PyObject *permission, tally_object **tally)
{
    domain_object *self = (domain_object *)domain;
    if (self->recording || self->allowed == NULL) {
        return 0;
    }
    tally_object *found = (tally_object *)PyDict_GetItemWithError(self->allowed, permission);
    if (found == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    if (found->epoch != core.epoch) {
        return 0;
    }
    *tally = (tally_object *)Py_NewRef(found);
    return 1;
}

#define REMEMBERED_AT_MOST 1024

/* `given`: what the decision returned for this domain.  Anything but a tally of this very domain (it would be void or
 * valid together with another answer) is replaced by one that nobody reads. */
static int
domain_remember(PyObject *domain, PyObject *permission, PyObject *epoch, PyObject *given)
{
    domain_object *self = (domain_object *)domain;
    if (self->allowed == NULL && (self->allowed = PyDict_New()) == NULL) {
        return -1;
    }
    if (PyDict_GET_SIZE(self->allowed) >= REMEMBERED_AT_MOST) {
        PyDict_Clear(self->allowed); /* whoever records holds the tallies */
    }
    tally_object *tally;
    if (given != NULL && Py_IS_TYPE(given, core.tally_type) && ((tally_object *)given)->owner == (void *)domain) {
        tally = (tally_object *)Py_NewRef(given);
    }
    else if ((tally = tally_new(domain)) == NULL) {
        return -1;
    }
    Py_XSETREF(tally->epoch, Py_NewRef(epoch));
    int result = PyDict_SetItem(self->allowed, permission, (PyObject *)tally);
    Py_DECREF(tally);
    return result;
}

/* -1 with a TypeError unless it is of a registered type. */
int
require_permission(PyObject *permission)
{
    /* Types with a metaclass are never registered, and their __hash__ and __eq__ must not run here. */
    int known = core.permission_types == NULL || !Py_IS_TYPE(Py_TYPE(permission), &PyType_Type) ? 0
                : PyDict_Contains(core.permission_types, (PyObject *)Py_TYPE(permission));
    if (known == 0) {
        PyErr_Format(PyExc_TypeError,
                     "expected an instance of a registered permission type, got %.100s; "
                     "a host registers its own types with register_permission_type()",
                     Py_TYPE(permission)->tp_name);
    }
    return known == 1 ? 0 : -1;
}

PyDoc_STRVAR(check_permission_doc,
             "check_permission(permission, /)\n--\n\n"
             "Return if everything on the stack implies permission, raise AccessDenied otherwise.\n\n"
             "Example:\n"
             "    >>> def shout():\n"
             "    ...     pycage.check_permission(pycage.RuntimePermission('shout'))\n"
             "    >>> shout()  # nobody but the host is on the stack\n"
             "    >>> with pycage.Sandbox('quiet') as sandbox:\n"
             "    ...     sandbox.expose('shout', shout)\n"
             "    ...     sandbox.run('from host import shout; shout()')\n"
             "    Traceback (most recent call last):\n"
             "        ...\n"
             "    pycage.errors.AccessDenied: access denied (\"RuntimePermission\" \"shout\")");

static PyObject *
core_check_permission(PyObject *Py_UNUSED(module), PyObject *permission)
{
    if (require_permission(permission) < 0) {
        return NULL;
    }
    PyThreadState *thread = PyThreadState_Get();
    walk_result walk;
    PyObject *raw = NULL, *answer = NULL, *result = NULL, *epoch = NULL;
    PyObject *held[INLINE_DOMAINS];
    Py_ssize_t held_count = 0;
    tally_object *newest = NULL; /* of the newest domain, which is whom a record names */

    if (walk_stack(&walk, thread) < 0) {
        return NULL;
    }
    if (walk_is_trivial(&walk)) {
        walk_clear(&walk);
        Py_RETURN_NONE;
    }
    if (walk.host && !core.host_unrestricted && walk_add(&walk, core.host) < 0) {
        goto done;
    }
    /* Every domain that the walk passed, those beyond a limit included, is remembered to imply: so is the chain. */
    epoch = Py_NewRef(core.epoch); /* taken before anything is evaluated: a revoke in between makes the memory void */
    if (walk.context == NULL && walk.count <= INLINE_DOMAINS) {
        for (; held_count < walk.count; held_count++) {
            held[held_count] = Py_NewRef(walk.domains[held_count]); /* __eq__ may run; the frames stay, but be sure */
        }
        Py_ssize_t i = 0;
        for (; i < held_count; i++) {
            tally_object *tally = NULL;
            int known = domain_remembers(held[i], permission, &tally);
            if (known < 0) {
                goto done;
            }
            if (!known) {
                break;
            }
            if (i == 0) {
                newest = tally;
            }
            else {
                Py_DECREF(tally);
            }
        }
        if (i == held_count && epoch == core.epoch) {
            if (newest != NULL) {
                tally_add(newest);
            }
            result = Py_NewRef(Py_None);
            goto done;
        }
    }
    raw = raw_stack(thread);
    if (raw == NULL) {
        goto done;
    }
    PyObject *call[] = {permission, raw};
    answer = PyObject_Vectorcall(core.decide, call, 2, NULL);
    if (answer == NULL) {
        goto done;
    }
    if (PyTuple_CheckExact(answer) && !walk.limited && walk.context == NULL) {
        for (Py_ssize_t i = 0; i < held_count; i++) {
            PyObject *tally = i < PyTuple_GET_SIZE(answer) ? PyTuple_GET_ITEM(answer, i) : NULL;
            if (domain_remember(held[i], permission, epoch, tally) < 0) {
                goto done;
            }
        }
    }
    result = Py_NewRef(Py_None);
done:
    for (Py_ssize_t i = 0; i < held_count; i++) {
        Py_DECREF(held[i]);
    }
    walk_clear(&walk);
    Py_XDECREF(newest);
    Py_XDECREF(epoch);
    Py_XDECREF(answer);
    Py_XDECREF(raw);
    return result;
}

PyMethodDef checking_functions[] = {
    {"check_permission", core_check_permission, METH_O, check_permission_doc},
    {NULL, NULL, 0, NULL},
};
