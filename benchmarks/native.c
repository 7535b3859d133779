/* What the benchmark of native calls calls, in this process by ctypes and in an executor. */

#include <string.h>

struct point {
  int x, y;
};

int add(int a, int b) { return a + b; }
double add_reals(double a, double b) { return a + b; }
int sum(const struct point *point) { return point->x + point->y; }
int length(const char *text) { return (int)strlen(text); }
int ends(const char *data, int count) { return data[0] + data[count - 1]; }
int repeat(int (*function)(int, int), int times) {
  int total = 0;
  for (int i = 0; i < times; i++) total += function(i, 1);
  return total;
}
int crash(void) { return *(volatile int *)0; }
