"""What is offered of the standard modules for numbers and chance."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from pycage.imports.stdlib.offer import Offer

__all__ = ["OFFERS"]

OFFERS: Final = MappingProxyType(
    {
        "cmath": Offer(
            "acos acosh asin asinh atan atanh cos cosh e exp inf infj isclose isfinite isinf isnan log log10 nan nanj "
            "phase pi polar rect sin sinh sqrt tan tanh tau"
        ),
        "colorsys": Offer("hls_to_rgb hsv_to_rgb rgb_to_hls rgb_to_hsv rgb_to_yiq yiq_to_rgb"),
        "math": Offer(
            "acos acosh asin asinh atan atan2 atanh cbrt ceil comb copysign cos cosh degrees dist e erf erfc exp exp2 "
            "expm1 fabs factorial floor fma fmod frexp fsum gamma gcd hypot inf isclose isfinite isinf isnan isqrt lcm "
            "ldexp lgamma log log10 log1p log2 modf nan nextafter perm pi pow prod radians remainder sin sinh sqrt "
            "sumprod tan tanh tau trunc ulp"
        ),
        "random": Offer(
            "Random SystemRandom",
            made="_inst betavariate binomialvariate choice choices expovariate gammavariate gauss getrandbits getstate "
            "lognormvariate normalvariate paretovariate randbytes randint random randrange sample seed setstate "
            "shuffle triangular uniform vonmisesvariate weibullvariate",
            why="its generator is the process's",
        ),
        "secrets": Offer("SystemRandom choice compare_digest randbelow randbits token_bytes token_hex token_urlsafe"),
        "statistics": Offer(
            "NormalDist StatisticsError correlation covariance fmean geometric_mean harmonic_mean kde kde_random "
            "linear_regression mean median median_grouped median_high median_low mode multimode pstdev pvariance "
            "quantiles stdev variance"
        ),
    }
)
