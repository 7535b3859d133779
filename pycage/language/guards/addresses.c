/* Addresses: a set of objects, by identity, which it keeps alive while anybody else does. */

#include "guards.h"

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

int
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

void
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
