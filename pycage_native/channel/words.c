/* Conversions between Python objects and the words of a line.  A code is a letter, mostly as in ctypes and struct. */

#include "channel.h"

#include <math.h>
#include <string.h>

int width_of(char code) {
  switch (code) {
    case 'b': case 'B': case '?': case 'c': return 1;
    case 'h': case 'H': return 2;
    case 'i': case 'I': case 'u': case 'f': return 4;
    case 'q': case 'Q': case 'P': case 'p': case 'd': return 8;
    default: return 0;
  }
}

static int is_signed(char code) { return code == 'b' || code == 'h' || code == 'i' || code == 'q'; }

int is_real(char code) { return code == 'd' || code == 'f'; }

int is_code(char code) { return code == 'v' || width_of(code) != 0; }

/* As ctypes does, a number may be given in either sign: what fits into the bits is passed.  Unlike ctypes, what does not
   fit is an error. */
static int integer_word(char code, PyObject *value, uint64_t *word) {
  int overflow, bits = 8 * width_of(code);
  PyObject *number = value;

  if (!PyLong_Check(value)) {
    number = PyNumber_Index(value);
    if (number == NULL) return -1;
  } else {
    Py_INCREF(number);
  }
  long long small = PyLong_AsLongLongAndOverflow(number, &overflow);
  int result = 0;
  if (overflow == 0 && bits < 64) {
    if (small < -(1ll << (bits - 1)) || small >= (1ll << bits)) overflow = 1;
    *word = (uint64_t)small;
    if (!is_signed(code)) *word &= (1ull << bits) - 1;
    if (is_signed(code) && small >= (1ll << (bits - 1))) *word = (uint64_t)(small - (1ll << bits));
  } else if (overflow == 0) {
    *word = (uint64_t)small;
  } else if (overflow > 0 && bits == 64) {
    *word = PyLong_AsUnsignedLongLong(number);
    overflow = 0;
    if (*word == (uint64_t)-1 && PyErr_Occurred()) result = -1;
  }
  if (overflow) {
    PyErr_Format(PyExc_OverflowError, "%R does not fit into %d bits", number, bits);
    result = -1;
  }
  Py_DECREF(number);
  return result;
}

int to_word(char code, PyObject *value, uint64_t *word) {
  switch (code) {
    case 'd': case 'f': {
      double real = PyFloat_CheckExact(value) ? PyFloat_AS_DOUBLE(value) : PyFloat_AsDouble(value);
      if (real == -1.0 && PyErr_Occurred()) return -1;
      if (code == 'f') {
        float single = (float)real;
        *word = 0;
        memcpy(word, &single, sizeof single);
      } else {
        memcpy(word, &real, sizeof real);
      }
      return 0;
    }
    case '?': {
      int truth = PyObject_IsTrue(value);
      *word = truth > 0;
      return truth < 0 ? -1 : 0;
    }
    case 'c':
      if (PyBytes_Check(value) && PyBytes_GET_SIZE(value) == 1) {
        *word = (unsigned char)PyBytes_AS_STRING(value)[0];
        return 0;
      }
      break;
    case 'u':
      if (PyUnicode_Check(value) && PyUnicode_GET_LENGTH(value) == 1) {
        *word = PyUnicode_READ_CHAR(value, 0);
        return 0;
      }
      PyErr_SetString(PyExc_TypeError, "a wide character must be a str of length 1");
      return -1;
    case 'P': case 'p':
      if (value == Py_None) {
        *word = 0;
        return 0;
      }
      if (code == 'P') break;
      PyErr_SetString(PyExc_TypeError, "a pointer is required"); /* no number, unlike for void pointers */
      return -1;
    default: break;
  }
  if (PyFloat_Check(value)) {
    PyErr_Format(PyExc_TypeError, "an integer is required, got %R", value);
    return -1;
  }
  return integer_word(code, value, word);
}

/* Any bits are legal here: what the library gives is cut to the declared width. */
PyObject *from_word(char code, uint64_t integer, uint64_t real) {
  switch (code) {
    case 'v': Py_RETURN_NONE;
    case 'd': {
      double value;
      memcpy(&value, &real, sizeof value);
      return PyFloat_FromDouble(value);
    }
    case 'f': {
      float value;
      memcpy(&value, &real, sizeof value);
      return PyFloat_FromDouble((double)value);
    }
    case '?': return PyBool_FromLong((integer & 0xFF) != 0);
    case 'b': return PyLong_FromLong((int8_t)integer);
    case 'B': return PyLong_FromLong((uint8_t)integer);
    case 'h': return PyLong_FromLong((int16_t)integer);
    case 'H': return PyLong_FromLong((uint16_t)integer);
    case 'i': return PyLong_FromLong((int32_t)integer);
    case 'I': return PyLong_FromUnsignedLong((uint32_t)integer);
    case 'q': return PyLong_FromLongLong((int64_t)integer);
    case 'Q': return PyLong_FromUnsignedLongLong(integer);
    case 'P':
      if (integer == 0) Py_RETURN_NONE;
      return PyLong_FromUnsignedLongLong(integer);
    case 'c': {
      char byte = (char)integer;
      return PyBytes_FromStringAndSize(&byte, 1);
    }
    case 'u': {
      uint32_t point = (uint32_t)integer;
      if (point > 0x10FFFF) {
        PyErr_Format(PyExc_ValueError, "the library returned %u, which is no character", point);
        return NULL;
      }
      return PyUnicode_FromOrdinal((int)point);
    }
    default:
      PyErr_Format(PyExc_SystemError, "unknown code %c", code);
      return NULL;
  }
}
