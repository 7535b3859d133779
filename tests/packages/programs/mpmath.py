"""Arbitrary precision: constants, integrals, roots, series, matrices, special functions."""

import mpmath
from mpmath import iv, mp, mpc, mpf


def main():
    mp.dps = 50
    pi = str(mp.pi)
    assert pi.startswith("3.141592653589793238462643383279502884197169399375")
    assert mp.sqrt(mpf(2)) ** 2 - 2 < mpf(10) ** -49
    assert abs(mp.quad(lambda x: mp.exp(-(x**2)), [-mp.inf, mp.inf]) - mp.sqrt(mp.pi)) < mpf(10) ** -45
    assert (
        abs(mp.findroot(lambda x: mp.cos(x) - x, 1) - mpf("0.73908513321516064165531208767387340401341175890075746"))
        < 1e-48
    )
    matrix = mp.matrix([[2, 1], [1, 3]])
    inverse = matrix**-1
    assert mp.norm(matrix * inverse - mp.eye(2)) < mpf(10) ** -45
    with mp.workdps(20):
        third = str(mpf(1) / 3)
    roots = sorted(mp.nstr(root, 15) for root in mp.polyroots([1, -6, 11, -6]))
    values, vectors = mp.eigsy(matrix)
    interval = iv.mpf([1, 2]) / 3
    digits = str(mp.mpf(10) ** 40 + 1)
    mp.dps = 15
    return {
        "pi": pi,
        "third": third,
        "zeta": mp.nstr(mp.zeta(3), 12),
        "gamma": mp.nstr(mp.gamma(mpc(1, 2)), 12),
        "roots": roots,
        "eigen": [mp.nstr(value, 10) for value in values],
        "diff": mp.nstr(mp.diff(mp.sin, 1), 12),
        "taylor": [mp.nstr(term, 8) for term in mp.taylor(mp.exp, 0, 4)],
        "sum": mp.nstr(mp.nsum(lambda n: 1 / n**2, [1, mp.inf]), 12),
        "bessel": mp.nstr(mp.besselj(0, 2.5), 12),
        "identify": mp.identify(mp.sqrt(2) / 2, ["sqrt(2)"]),
        "pslq": mp.pslq([mp.pi / 4, mp.atan(mpf(1) / 5), mp.atan(mpf(1) / 239)], maxcoeff=100, maxsteps=1000),
        "interval": str(interval),
        "digits": digits,
        "lu": mp.nstr(mp.lu_solve(matrix, mp.matrix([3, 5])), 8),
        "version": mpmath.__name__,
    }
