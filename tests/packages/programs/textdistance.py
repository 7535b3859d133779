"""Distances and similarities of texts and sequences."""

import textdistance


def main():
    assert textdistance.hamming("test", "text") == 1
    assert textdistance.levenshtein("kitten", "sitting") == 3
    assert textdistance.damerau_levenshtein("ab", "ba") == 1
    assert textdistance.jaccard("nelson", "neilsen") > 0.5
    assert textdistance.levenshtein.distance([1, 2, 3], [1, 3]) == 1
    pairs = [("test", "text"), ("nelson", "neilsen"), ("", "abc"), ("same", "same")]
    names = (
        "hamming levenshtein damerau_levenshtein jaro jaro_winkler strcmp95 "
        "jaccard sorensen tversky overlap cosine bag lcsseq lcsstr ratcliff_obershelp "
        "prefix postfix length identity matrix mra editex entropy_ncd sqrt_ncd arith_ncd rle_ncd bwtrle_ncd "
        "bz2_ncd zlib_ncd"
    ).split()
    table = {}
    for name in names:
        algorithm = getattr(textdistance, name)
        table[name] = [
            (round(float(algorithm.distance(*pair)), 6), round(float(algorithm.normalized_similarity(*pair)), 6))
            for pair in pairs
        ]
    tokens = textdistance.Jaccard(qval=None)
    bigrams = textdistance.Jaccard(qval=2)
    return {
        "table": table,
        "tokens": tokens("to be or not", "to be or maybe"),
        "bigrams": bigrams("night", "nacht"),
        "lcs": (textdistance.lcsseq("thisisatest", "testing123testing"), textdistance.lcsstr("thisisatest", "isa")),
        "three": textdistance.hamming("test", "text", "tent"),
        "custom": textdistance.Levenshtein(test_func=lambda a, b: a.lower() == b.lower())("ABC", "abd"),
        "limits": [algorithm.__class__.__name__ for algorithm in (textdistance.hamming, textdistance.jaro)],
        "maximum": textdistance.levenshtein.maximum("abc", "de"),
    }
